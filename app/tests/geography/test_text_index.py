"""Text index: words, beginnings, spelling errors, accents, apostrophes, and St, Ste and Saint."""

import pytest

from geography.text_index import Quality, TextIndex

NAMES = [
    ("City of Ottawa Health Unit", "Circonscription sanitaire de la ville d'Ottawa", "3551"),
    ("Région du Saguenay—Lac-Saint-Jean",),
    ("Carleton Place",),
    ("St. John's",),
    ("Sault Ste. Marie",),
    ("Sainte-Anne-des-Plaines",),
    ("Montréal",),
    ("Baie-D'Urfé",),
    ("Ottawa",),
    ("Œuvre du Haut",),
]
INDEX = TextIndex(NAMES)


def names(text):
    return [NAMES[match.entry][0] for match in INDEX.search(text)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("carleton place", "Carleton Place"),
        ("CARLETON-PLACE", "Carleton Place"),
        ("place carleton", "Carleton Place"),
        ("carl pl", "Carleton Place"),
        ("st johns", "St. John's"),
        ("Saint John's", "St. John's"),
        ("st john s", "St. John's"),
        ("sault sainte marie", "Sault Ste. Marie"),
        ("sault saint marie", "Sault Ste. Marie"),
        ("ste anne des plaines", "Sainte-Anne-des-Plaines"),
        ("montreal", "Montréal"),
        ("MONTRÉAL", "Montréal"),
        ("baie durfe", "Baie-D'Urfé"),
        ("baie d'urfé", "Baie-D'Urfé"),
        ("baie durfé", "Baie-D'Urfé"),
        ("oeuvre", "Œuvre du Haut"),
        ("saguenay lac st jean", "Région du Saguenay—Lac-Saint-Jean"),
        ("ville ottawa", "City of Ottawa Health Unit"),
        ("3551", "City of Ottawa Health Unit"),
    ],
)
def test_name_is_found_in_any_spelling(text, name):
    assert names(text)[0] == name


@pytest.mark.parametrize("text", ["carlton place", "carleton palce", "carleeton place", "carletom plac", "karleton place"])
def test_spelling_error_in_a_word_is_forgiven(text):
    (match,) = INDEX.search(text)
    assert (NAMES[match.entry][0], match.quality) == ("Carleton Place", Quality.SIMILAR)


def test_right_spelling_excludes_similar_words():
    index = TextIndex([("Bath",), ("Bathurst",), ("Path",)])
    assert [match.entry for match in index.search("bath")] == [0, 1]
    assert [match.entry for match in index.search("bsth")] == [0]


def test_best_match_comes_first():
    assert names("ottawa") == ["Ottawa", "City of Ottawa Health Unit"]
    qualities = [match.quality for match in INDEX.search("ottawa")]
    assert qualities == [Quality.NAME, Quality.WORDS]
    assert INDEX.search("otta")[0].quality == Quality.BEGINNINGS


@pytest.mark.parametrize("text", ["", "  ", "!?", "漢字", "ottawa carleton", "xyzzy", "ott wwa", "9999"])
def test_text_without_a_match_finds_nothing(text):
    assert INDEX.search(text) == []


def test_short_words_and_numbers_are_not_forgiven():
    assert INDEX.search("3552") == []
    assert TextIndex([("Ayr",), ("Emo",)]).search("ayn") == []
