"""geography.normalize: normalization and spelling variants of search text."""

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
def test_normalize_ignores_case_accents_and_punctuation(text, expected):
    assert normalize(text) == expected


@given(st.text())
def test_normalize_is_idempotent_and_keeps_words_only(text):
    normalized = normalize(text)
    assert re.fullmatch(r"([0-9a-z]+( [0-9a-z]+)*)?", normalized)
    assert normalize(normalized) == normalized


@given(st.text(alphabet="abcxyzàâæçéèêëîïôœùûüÿÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸ0189 '’-—"))
def test_normalize_ignores_case_in_both_languages(text):
    assert normalize(text.upper()) == normalize(text.lower()) == normalize(text)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("johns", "St. John's"), ("john", "St. John's"), ("lest", "l'Est"), ("durfe", "Baie-D'Urfé"), ("dhalifax", "d'Halifax")],
)
def test_spelling_variants_match_without_apostrophe(typed, meant):
    assert any(spelling in normalize(meant) for spelling in spelling_variants(typed))


@pytest.mark.parametrize("word", ["s", "is", "dr", "los", "lac", "1er"])
def test_first_spelling_variant_is_the_word(word):
    assert spelling_variants(word)[0] == word
