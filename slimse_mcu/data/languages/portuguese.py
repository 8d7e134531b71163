"""Portuguese, of Portugal and Brazil."""

from slimse_mcu.data.languages.language import Language

_WORDS = {
    "person": (
        "o meu irmão", "a velha professora", "um jovem médico", "a nossa vizinha", "o padeiro", "a menina pequena",
        "um motorista cansado", "o avô dela", "o carteiro", "uma empregada simpática", "o novo chefe",
        "a dona Conceição", "o senhor Guimarães",
    ),
    "thing": (
        "o guarda-chuva amarelo", "o rádio avariado", "seis ovos frescos", "uma mala muito pesada",
        "o relógio de prata", "um mapa de papel", "a cadeira de madeira", "uma tigela de sopa", "a bicicleta azul",
        "um par de sapatos", "a chave da garagem", "um ramo de flores", "o bolo de aniversário",
    ),
    "where": (
        "no jardim", "na estação", "na cozinha", "no mercado", "atrás da escola", "à beira do rio",
        "no terceiro andar", "em cima da ponte", "numa pequena aldeia", "em frente do correio", "na montanha",
        "perto da câmara",
    ),
    "did": (
        "vendeu", "procurou", "encontrou", "consertou", "esqueceu", "pediu", "mostrou", "comprou", "pintou", "trouxe",
        "perdeu", "descreveu",
    ),
    "adjective": (
        "tranquilo", "caro", "alegre", "enorme", "difícil", "bastante frio", "surpreendentemente bom", "meio vazio",
        "perigoso", "muito claro", "comprido demais", "um pouco triste",
    ),
    "time": (
        "ontem de manhã", "na sexta-feira", "pouco antes da meia-noite", "todos os verões", "depois da tempestade",
        "na semana passada", "às sete e meia", "durante as férias", "duas vezes por mês", "cedo demais",
        "no primeiro de junho",
    ),
    "number": (
        "quatro", "onze", "vinte e três", "trinta e oito", "sessenta e cinco", "cento e dois", "nove mil", "zero",
        "quinze", "sete", "oitenta", "meio milhão",
    ),
    "verb": (
        "cantar", "viajar", "abrir a janela", "ouvir com atenção", "jogar xadrez", "lavar a louça", "escolher uma cor",
        "respirar devagar", "mudar de assunto", "acordar mais cedo", "voltar para casa",
    ),
}  # fmt: skip

_TEMPLATES = {
    "train": (
        "{person} {did} {thing} {where}.",
        "{time}, {person} {did} {thing}.",
        "Aqui é {adjective}, e {person} sabe disso.",
        "Podíamos {verb}, ou simplesmente esperar {where}.",
        "O preço é de {number} euros e {number} cêntimos.",
        "{number}, {number}, {number}, e depois mais {number}.",
        "Viste {person}? Acho que é preciso {verb}.",
        "Por que é que alguém havia de {verb} {time}?",
        "Sim, {person} {did} {thing}, mas era {adjective}.",
        "Que dia tão bonito! Vamos {verb}.",
    ),
    "valid": (
        "Eu não sabia que {person} {did} {thing} {time}.",
        "{where} estava tudo {adjective}, dizia {person}.",
        "Primeiro {number}, depois {number}: assim estava escrito {where}.",
    ),
    "test": (
        "Quem {did} {thing} {where}?",
        "{number} minutos mais tarde {person} {did} {thing}.",
        "Dizem que era {adjective} {where} {time}.",
        "Pergunta se {person} também sabe {verb}.",
    ),
}

LANGUAGE = Language("pt", ("pt", "pt-br"), _WORDS, _TEMPLATES)
