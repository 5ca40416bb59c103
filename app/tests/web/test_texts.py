"""Texts of the map page: complete in both languages, without unused keys."""

import re

import pytest
from django.conf import settings

from web.texts import LANGUAGES, TEXTS, texts

WEB = settings.APP_DIR / "web"
SCRIPTS = {path.name: path.read_text(encoding="utf-8") for path in sorted((WEB / "assets" / "js").glob("*.js"))}
TEMPLATE = (WEB / "templates" / "web" / "map.html").read_text(encoding="utf-8")
# Keys that the scripts build from a kind of change.
KINDS = ("split", "merged", "moved", "recoded", "renamed", "new", "gone")
COMPUTED_KEYS = {f"kind_{kind}{end}" for kind in KINDS for end in ("", "_why")}


def used() -> set[str]:
    """Return every key that the template or a module names."""
    in_template = set(re.findall(r"[ =]t\.(\w+)", TEMPLATE))
    # A key occurs in t("…") or in an arm of t(condition ? "…" : "…").
    calls = [call for text in SCRIPTS.values() for call in re.findall(r"\bt\(([^()]*(?:\([^()]*\)[^()]*)*)", text)]
    in_scripts = {key for call in calls for key in re.findall(r'(?:^|\? |: )"(\w+)"', call)}
    return in_template | in_scripts | COMPUTED_KEYS


def test_every_text_is_used_and_every_key_is_defined() -> None:
    assert used() == set(TEXTS)


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_both_languages_have_the_same_placeholders(key: str) -> None:
    english, french = TEXTS[key]
    assert type(english) is type(french)
    if isinstance(english, dict):
        assert isinstance(french, dict)
        assert set(english) == set(french) == {"one", "other"}
        english, french = english["other"], french["other"]
    assert isinstance(french, str)
    assert english.strip()
    assert french.strip()
    assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", french))


def test_french_texts_differ_from_english() -> None:
    same = {key for key, (english, french) in TEXTS.items() if english == french}
    figures = {"class_below", "class_from", "class_range", "note_source", "pause", "population_of"}
    assert same == {"position", "north", "south", "east", "population", "certain"} | figures


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_of_a_language_are_complete(language: str) -> None:
    assert texts(language).keys() == TEXTS.keys()
