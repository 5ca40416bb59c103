"""Texts of the map page in English and French.

They are data, not gettext messages, since the page's scripts receive all texts of a language as JSON and fill in `{n}` and
other names in braces. A text with a count has plural forms, by the plural categories of the two languages. Tests check that
both languages are complete, and that each key is used.
"""

from web.figure_texts import FIGURE_TEXTS, Text

LANGUAGES = {"en": "English", "fr": "Français"}

# key: (English, French)
TEXTS: dict[str, tuple[Text, Text]] = FIGURE_TEXTS | {
    # the page
    "title": ("COVIDTrends Geo: the health regions of Canada", "COVIDTrends Geo : les régions sociosanitaires du Canada"),
    "description": (
        "COVID-19 by health region of Canada, week by week on a map; and which health region a postal code or position is in.",
        "La COVID-19 par région sociosanitaire du Canada, semaine par semaine sur une carte; et la région sociosanitaire d'un "
        "code postal ou d'une position.",
    ),
    "question_figures": ("COVID-19 by health region", "La COVID-19 par région sociosanitaire"),
    "question": ("Which health region is this?", "Quelle est cette région sociosanitaire?"),
    "skip": ("Skip to the search", "Aller à la recherche"),
    "languages": ("Language", "Langue"),
    "dark": ("Dark colours", "Couleurs sombres"),
    "close": ("Close", "Fermer"),
    "other_language": ("fr", "en"),
    "api": ("API documentation", "Documentation de l'API"),
    "vintages": ("Vintages", "Éditions"),
    "downloads": ("Boundary downloads", "Téléchargement des limites"),
    "demo": ("Demonstration data:", "Données de démonstration :"),
    "demo_why": ("approximate, not for decisions.", "approximatives, à ne pas utiliser pour des décisions."),
    "no_map": ("The map cannot be displayed.", "La carte ne peut pas être affichée."),
    "no_map_why": (
        "This browser does not support WebGL 2. Search and the list of regions still work.",
        "Ce navigateur ne prend pas en charge WebGL 2. La recherche et la liste des régions fonctionnent quand même.",
    ),
    "no_script": ("This page needs JavaScript.", "Cette page nécessite JavaScript."),
    "no_script_why": ("The API works without it.", "L'API fonctionne sans JavaScript."),
    "sheet_more": ("Show more", "Afficher plus"),
    "sheet_less": ("Show less", "Afficher moins"),
    "privacy": ("Privacy", "Confidentialité"),
    "privacy_position": (
        "The region of a position is determined on this device. The position is sent only near a border, if the offline files "
        "cannot be loaded, or if you ask for it: to this service alone, which does not log it. No third party is involved: the "
        "map, its fonts and its boundaries all come from this service.",
        "La région d'une position est déterminée sur cet appareil. La position n'est envoyée que près d'une limite, si les "
        "fichiers hors ligne ne peuvent pas être chargés, ou à votre demande : à ce service seulement, qui ne la journalise "
        "pas. Aucun tiers n'intervient : la carte, ses polices et ses tracés viennent tous de ce service.",
    ),
    "privacy_postal": (
        "Only the first three characters of a postal code are sent.",
        "Seuls les trois premiers caractères d'un code postal sont envoyés.",
    ),
    "privacy_search": (
        "Names that you type in the search are sent to this service; postal codes and positions are not.",
        "Les noms saisis dans la recherche sont envoyés à ce service; les codes postaux et les positions ne le sont pas.",
    ),
    "privacy_link": (
        "The address of this page never contains a position. Only a link that you copy does, after the #, which browsers do "
        "not send.",
        "L'adresse de cette page ne contient jamais de position. Seul un lien que vous copiez en contient une, après le #, que "
        "les navigateurs n'envoient pas.",
    ),
    # search
    "search_label": (
        "Postal code, town, region or coordinates",
        "Code postal, ville, région ou coordonnées",
    ),
    "search_placeholder": ("Postal code, town or region", "Code postal, ville ou région"),
    "clear": ("Clear", "Effacer"),
    "locate": ("Where am I?", "Où suis-je?"),
    "locating": ("Asking for your position…", "Demande de votre position…"),
    "locate_denied": (
        "This page may not use your position. You can type a postal code or click on the map.",
        "Cette page n'a pas accès à votre position. Vous pouvez saisir un code postal ou cliquer sur la carte.",
    ),
    "locate_failed": ("Your position could not be determined.", "Votre position n'a pas pu être déterminée."),
    "position": ("Position", "Position"),
    "meant": ("Did you mean", "Vouliez-vous dire"),
    "only_fsa": (
        "Only {code} is used; the rest of the postal code is not sent",
        "Seul {code} est utilisé; le reste du code postal n'est pas envoyé",
    ),
    "options": ({"one": "One suggestion", "other": "{n} suggestions"}, {"one": "Une suggestion", "other": "{n} suggestions"}),
    "nothing_found": ("Nothing found", "Aucun résultat"),
    "nothing_found_hint": (
        "Try a postal code such as K0A, a town, or 45.42, -75.70",
        "Essayez un code postal comme K0A, une ville, ou 45,42 -75,70",
    ),
    "names_away": ("The names of the regions could not be loaded", "Les noms des régions n'ont pas pu être chargés"),
    # the map and its controls
    "layer": ("Layer", "Couche"),
    "layer_regions": ("Health regions", "Régions"),
    "layer_fsa": ("Postal (FSA)", "Postal (RTA)"),
    "layer_figures": ("Figures", "Chiffres"),
    "vintage": ("Vintage", "Édition"),
    "compare": ("What changed", "Changements"),
    "map_label": ("Map of the health regions", "Carte des régions sociosanitaires"),
    "map_help": (
        "Arrow keys move the map, plus and minus zoom, Enter selects the centre of the map. Everything on the map is also in "
        "the search and in the list.",
        "Les flèches déplacent la carte, plus et moins changent l'échelle, Entrée sélectionne le centre de la carte. Tout ce "
        "qui est sur la carte se trouve aussi par la recherche et dans la liste.",
    ),
    "source_places": (
        "Towns: © GeoNames (CC BY 4.0). Lakes and rivers: Natural Earth.",
        "Villes : © GeoNames (CC BY 4.0). Lacs et cours d'eau : Natural Earth.",
    ),
    "zoom_in": ("Zoom in", "Agrandir"),
    "zoom_out": ("Zoom out", "Réduire"),
    # the list
    "regions_count": (
        {"one": "One health region", "other": "{n} health regions"},
        {"one": "Une région sociosanitaire", "other": "{n} régions sociosanitaires"},
    ),
    "fsas_count": (
        {"one": "One FSA", "other": "{count} FSAs"},
        {"one": "Une RTA", "other": "{count} RTA"},
    ),
    "example_position": ("46.8139, −71.2080", "46,8139 −71,2080"),
    "try": ("Try", "Essayez"),
    # all cards
    "region_code": ("health region {code}", "région sociosanitaire {code}"),
    "health_region": ("Health region", "Région sociosanitaire"),
    "province": ("Province or territory", "Province ou territoire"),
    "fsa": ("FSA", "RTA"),
    "fsas": ("FSAs", "RTA"),
    "fsa_long": ("Forward sortation area", "Région de tri d'acheminement"),
    "vintage_regions": ("Health regions: vintage {label}", "Régions sociosanitaires : édition {label}"),
    "vintage_fsa": ("FSAs: vintage {label}", "RTA : édition {label}"),
    "calls": (
        {"one": "The API call behind this", "other": "The API calls behind this"},
        {"one": "L'appel d'API correspondant", "other": "Les appels d'API correspondants"},
    ),
    "copy_call": ("Copy", "Copier"),
    "copy_link": ("Copy link", "Copier le lien"),
    "copy_link_position": ("Copy link with this position", "Copier le lien avec cette position"),
    "share": ("Share", "Partager"),
    "copy_embed": ("Copy code to embed", "Copier le code d'intégration"),
    "full_map": ("Open the full map", "Ouvrir la carte complète"),
    "copied": ("Copied", "Copié"),
    "copy_failed": ("Could not copy", "Copie impossible"),
    "boundary_file": ("Boundary (GeoJSON)", "Limite (GeoJSON)"),
    "vintage_files": ("Files of vintage {label}", "Fichiers de l'édition {label}"),
    "loading": ("Loading…", "Chargement…"),
    "still_working": ("This takes longer than usual…", "Cela prend plus de temps que d'habitude…"),
    "north": ("N", "N"),
    "south": ("S", "S"),
    "east": ("E", "E"),
    "west": ("W", "O"),
    # a position
    "your_position": ("Your position, within {accuracy}", "Votre position, à {accuracy} près"),
    "no_region_here": ("No health region here", "Aucune région sociosanitaire ici"),
    "none_here": ("none here", "aucune ici"),
    "certain": ("Certain.", "Certain."),
    "uncertain": ("Not certain.", "Incertain."),
    "uncertain_accuracy": (
        "The position is only accurate to {accuracy}.",
        "La position n'est connue qu'à {accuracy} près.",
    ),
    "border_with": ("The border with {name} is {distance} away.", "La limite avec {name} est à {distance}."),
    "border": ("The nearest other region is {distance} away.", "La région la plus proche est à {distance}."),
    "nearest": ("The nearest region.", "La région la plus proche."),
    "nearest_why": (
        "The position is {distance} outside this region: off the coast, or beyond the edge of the data.",
        "La position est à {distance} à l'extérieur : au large, ou au-delà du bord des données.",
    ),
    "outside": ("Outside every health region.", "Hors de toute région sociosanitaire."),
    "outside_why": ("In the water, or outside Canada.", "Dans l'eau, ou hors du Canada."),
    "on_device": (
        "Determined on this device; the position was not sent.",
        "Déterminé sur cet appareil; la position n'a pas été envoyée.",
    ),
    "ask_service": ("Ask the service (sends the position)", "Interroger le service (envoie la position)"),
    "details_away": ("Details are unavailable. {why}", "Les détails ne sont pas disponibles. {why}"),
    "fsa_near": ("(too near their border)", "(trop près de leur limite)"),
    "candidates": ("Possible regions", "Régions possibles"),
    # a region
    "area": ("Area", "Superficie"),
    "population": ("Population", "Population"),
    "fsas_note": (
        "With a percentage: only this share of the FSA is in the region.",
        "Avec un pourcentage : seule cette part de la RTA se trouve dans la région.",
    ),
    "neighbours": ("Neighbouring regions", "Régions voisines"),
    "more": ({"one": "One more", "other": "{n} more"}, {"one": "Une de plus", "other": "{n} de plus"}),
    # an FSA
    "split": (
        {"one": "In one health region.", "other": "In {n} health regions."},
        {"one": "Dans une région sociosanitaire.", "other": "Dans {n} régions sociosanitaires."},
    ),
    "split_why": (
        "A postal code alone does not determine the region of an address; a position does.",
        "Le code postal seul ne suffit pas à déterminer la région d'une adresse; une position le permet.",
    ),
    "use_location": ("Use my location", "Utiliser ma position"),
    "click_home": ("Click your home on the map", "Cliquer sur votre domicile sur la carte"),
    "click_home_hint": (
        "Zoom in and click on the map where you live.",
        "Agrandissez la carte et cliquez là où vous habitez.",
    ),
    "whole": ("Wholly in", "Entièrement dans"),
    "regions_of_fsa": ("Health regions, by share", "Régions sociosanitaires, par part"),
    "share_outside": (
        "{share} is outside all health regions: in the water, or along shores that the two vintages draw differently.",
        "{share} ne se trouve dans aucune région sociosanitaire : dans l'eau, ou le long de rives que les deux éditions "
        "tracent différemment.",
    ),
    "share_slivers": (
        "{share} consists of slivers along borders that the two vintages draw differently.",
        "{share} correspond à d'étroites bandes le long de limites que les deux éditions tracent différemment.",
    ),
    "share_of_area": ("{share} of the area", "{share} de la superficie"),
    "shares_are_blocks": (
        "Shares are of people, by census blocks.",
        "Les parts portent sur la population, d'après les îlots de diffusion du recensement.",
    ),
    "shares_are_postal_codes": (
        "Shares are of people, estimated from the positions of postal codes.",
        "Les parts portent sur la population, estimée d'après la position des codes postaux.",
    ),
    "shares_are_area": (
        "Shares are of area, not of population.",
        "Les parts portent sur la superficie, et non sur la population.",
    ),
    "by_letters": ("By its first letter: {names}.", "D'après sa première lettre : {names}."),
    "beside": ("Adjacent codes:", "Codes voisins :"),
    # changes
    "changes": ("What changed", "Ce qui a changé"),
    "changes_between": ("From {from} to {to}", "De {from} à {to}"),
    "changes_by_area": (
        "Based on the areas that regions share, not on codes or names.",
        "Établi d'après les superficies communes, et non d'après les codes ou les noms.",
    ),
    "compared_with": ("Compared with", "Par rapport à"),
    "nothing_changed": ("Nothing changed.", "Rien n'a changé."),
    "kept": (
        {"one": "One region is unchanged.", "other": "{n} regions are unchanged."},
        {"one": "Une région est inchangée.", "other": "{n} régions sont inchangées."},
    ),
    "dashed": ("Dashed lines: the boundaries of {label}.", "Lignes tiretées : les limites de {label}."),
    "code_reused": ("Code {code} now identifies another region.", "Le code {code} désigne maintenant une autre région."),
    "kind_split": ("Split", "Divisées"),
    "kind_split_why": ("Divided among several regions.", "Réparties entre plusieurs régions."),
    "kind_merged": ("Merged", "Fusionnées"),
    "kind_merged_why": ("Joined with others.", "Réunies avec d'autres."),
    "kind_moved": ("Moved border", "Limite déplacée"),
    "kind_moved_why": ("Mostly the same area, with another border.", "Presque le même territoire, avec une autre limite."),
    "kind_recoded": ("New code", "Nouveau code"),
    "kind_recoded_why": ("The same area with another code.", "Le même territoire avec un autre code."),
    "kind_renamed": ("New name", "Nouveau nom"),
    "kind_renamed_why": ("The same area with another name.", "Le même territoire avec un autre nom."),
    "kind_new": ("New", "Nouvelles"),
    "kind_new_why": ("Vintage {label} does not cover this area.", "L'édition {label} ne couvre pas ce territoire."),
    "kind_gone": ("Gone", "Disparues"),
    "kind_gone_why": ("Vintage {label} does not cover this area.", "L'édition {label} ne couvre pas ce territoire."),
    # errors
    "problem": ("No response", "Pas de réponse"),
    "problem_away": ("The service cannot be reached.", "Le service est injoignable."),
    "problem_slow": ("The service did not respond in time.", "Le service n'a pas répondu à temps."),
    "problem_unreadable": ("The service returned an invalid response.", "Le service a renvoyé une réponse non valide."),
    "again": ("Try again", "Réessayer"),
}


def texts(language: str) -> dict[str, Text]:
    """Return all texts in one language, by key."""
    index = list(LANGUAGES).index(language)
    return {key: translations[index] for key, translations in TEXTS.items()}
