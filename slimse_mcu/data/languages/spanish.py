"""Spanish, of Spain and Latin America."""

from slimse_mcu.data.languages.language import Language

_WORDS = {
    "person": (
        "mi hermano", "la vieja maestra", "un joven médico", "nuestra vecina", "el panadero", "la niña pequeña",
        "un conductor cansado", "su abuelo", "el cartero", "una camarera amable", "el nuevo jefe", "la señora Muñoz",
        "don Joaquín",
    ),
    "thing": (
        "el paraguas amarillo", "la radio rota", "seis huevos frescos", "una maleta muy pesada", "el reloj de plata",
        "un mapa de papel", "la silla de madera", "un plato de sopa", "la bicicleta azul", "un par de zapatos",
        "la llave del garaje", "un ramo de flores", "el pastel de cumpleaños",
    ),
    "where": (
        "en el jardín", "en la estación", "en la cocina", "en el mercado", "detrás de la escuela",
        "a la orilla del río", "en el tercer piso", "sobre el puente", "en un pueblo pequeño", "delante del correo",
        "en la montaña", "cerca del ayuntamiento",
    ),
    "did": (
        "vendió", "buscó", "encontró", "arregló", "olvidó", "pidió", "enseñó", "compró", "pintó", "trajo", "perdió",
        "describió",
    ),
    "adjective": (
        "tranquilo", "caro", "alegre", "enorme", "difícil", "bastante frío", "sorprendentemente bueno", "medio vacío",
        "peligroso", "muy claro", "demasiado largo", "un poco triste",
    ),
    "time": (
        "ayer por la mañana", "el viernes", "poco antes de medianoche", "cada verano", "después de la tormenta",
        "la semana pasada", "a las siete y media", "durante las vacaciones", "dos veces al mes", "demasiado temprano",
        "el primero de junio",
    ),
    "number": (
        "cuatro", "once", "veintitrés", "treinta y ocho", "sesenta y cinco", "ciento dos", "nueve mil", "cero",
        "quince", "siete", "ochenta", "medio millón",
    ),
    "verb": (
        "cantar", "viajar", "abrir la ventana", "escuchar con atención", "jugar al ajedrez", "lavar los platos",
        "elegir un color", "respirar despacio", "cambiar de tema", "levantarse antes", "volver a casa",
    ),
}  # fmt: skip

_TEMPLATES = {
    "train": (
        "{person} {did} {thing} {where}.",
        "{time}, {person} {did} {thing}.",
        "Aquí es {adjective}, y {person} lo sabe.",
        "Podríamos {verb}, o simplemente esperar {where}.",
        "El precio es de {number} euros y {number} céntimos.",
        "{number}, {number}, {number}, y luego otros {number}.",
        "¿Has visto a {person}? Creo que hay que {verb}.",
        "¿Por qué querría alguien {verb} {time}?",
        "Sí, {person} {did} {thing}, pero era {adjective}.",
        "¡Qué día tan largo! Vamos a {verb}.",
    ),
    "valid": (
        "No sabía que {person} {did} {thing} {time}.",
        "{where} todo estaba {adjective}, según {person}.",
        "Primero {number}, después {number}: así estaba escrito {where}.",
    ),
    "test": (
        "¿Quién {did} {thing} {where}?",
        "{number} minutos más tarde {person} {did} {thing}.",
        "Dicen que era {adjective} {where} {time}.",
        "Pregunta si {person} también sabe {verb}.",
    ),
}

LANGUAGE = Language("es", ("es", "es-419"), _WORDS, _TEMPLATES)
