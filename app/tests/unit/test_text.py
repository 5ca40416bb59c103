"""geography.text: text as people search for it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geography.text import fold


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Région du Saguenay—Lac-Saint-Jean", "region du saguenay lac saint jean"),
        ("re\u0301gion", "region"),
        ("ÎLE-DU-PRINCE-ÉDOUARD", "ile du prince edouard"),
        ("Œuvre, cœur et æther", "oeuvre coeur et aether"),
        ("  l'Est   (3502) ", "l est 3502"),
        ("ﬁn", "fin"),
        ("Straße", "strasse"),
        ("健康 ᓄᓇᕗᑦ", ""),
        ("a\x00b", "a b"),
        ("", ""),
    ],
)
def test_case_accents_and_punctuation_do_not_matter(text, expected):
    assert fold(text) == expected


@given(st.text())
def test_what_is_folded_holds_words_only_and_stays_as_it_is(text):
    folded = fold(text)
    assert re.fullmatch(r"([0-9a-z]+( [0-9a-z]+)*)?", folded)
    assert fold(folded) == folded


@given(st.text(alphabet="abcxyzàâæçéèêëîïôœùûüÿÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸ0189 '’-—"))
def test_case_never_matters_in_either_language(text):
    assert fold(text.upper()) == fold(text.lower()) == fold(text)
