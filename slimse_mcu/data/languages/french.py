"""French, of France, Belgium and Switzerland."""

from slimse_mcu.data.languages.language import Language

_WORDS = {
    "person": (
        "mon frère", "la vieille institutrice", "un jeune médecin", "notre voisine", "le boulanger", "la petite fille",
        "un chauffeur fatigué", "son grand-père", "le facteur", "une serveuse aimable", "le nouveau directeur",
        "madame Lefèvre", "monsieur Huguenin",
    ),
    "thing": (
        "le parapluie jaune", "la radio cassée", "six œufs frais", "une valise très lourde", "la montre en argent",
        "une carte de la région", "la chaise en bois", "un bol de soupe", "le vélo bleu", "une paire de chaussures",
        "la clé du garage", "un bouquet de fleurs", "le gâteau d'anniversaire",
    ),
    "where": (
        "dans le jardin", "à la gare", "dans la cuisine", "au marché", "derrière l'école", "au bord de la rivière",
        "au troisième étage", "sur le pont", "dans un petit village", "devant la poste", "à la montagne",
        "près de la mairie",
    ),
    "did": (
        "a vendu", "a cherché", "a trouvé", "a réparé", "a oublié", "a demandé", "a montré", "a acheté", "a peint",
        "a rapporté", "a perdu", "a photographié",
    ),
    "adjective": (
        "calme", "cher", "joyeux", "énorme", "difficile", "plutôt froid", "étonnamment bon", "à moitié vide",
        "dangereux", "très clair", "beaucoup trop long", "un peu triste",
    ),
    "time": (
        "hier matin", "vendredi dernier", "juste avant minuit", "chaque été", "après la tempête", "la semaine dernière",
        "à sept heures et demie", "pendant les vacances", "deux fois par mois", "beaucoup trop tôt", "le premier juin",
    ),
    "number": (
        "quatre", "onze", "vingt-trois", "trente-huit", "soixante-cinq", "cent deux", "neuf mille", "zéro", "quinze",
        "sept", "quatre-vingts", "quatre-vingt-dix-neuf",
    ),
    "verb": (
        "chanter", "voyager", "ouvrir la fenêtre", "écouter attentivement", "jouer aux échecs", "faire la vaisselle",
        "choisir une couleur", "respirer lentement", "changer de sujet", "se lever plus tôt", "rentrer à la maison",
    ),
}  # fmt: skip

_TEMPLATES = {
    "train": (
        "{person} {did} {thing} {where}.",
        "{time}, {person} {did} {thing}.",
        "C'est {adjective} {where}, et tout le monde le sait.",
        "Nous pourrions {verb}, ou simplement attendre {where}.",
        "Cela coûte {number} euros et {number} centimes.",
        "{number}, {number}, {number}, et puis encore {number}.",
        "As-tu vu {person}? Je crois qu'il faut {verb}.",
        "Pourquoi voudrait-on {verb} {time}?",
        "Oui, {person} {did} {thing}, mais c'était {adjective}.",
        "Quel temps! Allons {verb}!",
    ),
    "valid": (
        "Je ne savais pas que {person} {did} {thing} {time}.",
        "{where}, dit-on, il fait {adjective}.",
        "D'abord {number}, ensuite {number}, c'était écrit {where}.",
    ),
    "test": (
        "Qui donc {did} {thing} {where}?",
        "{number} minutes plus tard, {person} {did} {thing}.",
        "Il paraît que c'était {adjective} {where} {time}.",
        "Demande si {person} sait aussi {verb}.",
    ),
}

LANGUAGE = Language("fr", ("fr-fr", "fr-be", "fr-ch"), _WORDS, _TEMPLATES)
