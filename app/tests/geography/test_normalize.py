"""geography.normalize: text as people search for it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geography.normalize import normalize, spelling_variants


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Région du Saguenay—Lac-Saint-Jean", "region du saguenay lac saint jean"),
        ("re\u0301gion", "region"),
        ("ÎLE-DU-PRINCE-ÉDOUARD", "ile du prince edouard"),
        ("Œuvre, cœur et æther", "oeuvre coeur et aether"),
        ("  l'Est   (3502) ", "l est 3502"),
        ("ﬁn", "fin"),
        ("St. John's", "st john s"),
        ("St. John\u2019s", "st john s"),
        ("Île\u2011du\u2011Prince\u2013Édouard", "ile du prince edouard"),
        ("I\u0302le-du-Prince-E\u0301douard", "ile du prince edouard"),
        ("1er, 1\u1d49\u02b3", "1er 1er"),
        ("Baie\u00a0d\u02bcUrfé", "baie d urfe"),
        ("Côte\u00ad-Nord", "cote nord"),
        ("Straße", "strasse"),
        ("健康 ᓄᓇᕗᑦ", ""),
        ("a\x00b", "a b"),
        ("", ""),
    ],
)
def test_case_accents_and_punctuation_do_not_matter(text, expected):
    assert normalize(text) == expected


@given(st.text())
def test_what_is_folded_holds_words_only_and_stays_as_it_is(text):
    folded = normalize(text)
    assert re.fullmatch(r"([0-9a-z]+( [0-9a-z]+)*)?", folded)
    assert normalize(folded) == folded


@given(st.text(alphabet="abcxyzàâæçéèêëîïôœùûüÿÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸ0189 '’-—"))
def test_case_never_matters_in_either_language(text):
    assert normalize(text.upper()) == normalize(text.lower()) == normalize(text)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("johns", "St. John's"), ("john", "St. John's"), ("lest", "l'Est"), ("durfe", "Baie-D'Urfé"), ("dhalifax", "d'Halifax")],
)
def test_a_word_is_found_without_its_apostrophe(typed, meant):
    assert any(spelling in normalize(meant) for spelling in spelling_variants(typed))


@pytest.mark.parametrize("word", ["s", "is", "dr", "los", "lac", "1er"])
def test_a_word_is_always_found_as_it_is(word):
    assert spelling_variants(word)[0] == word
