"""The page's texts: whole in both languages, and each one used."""

import re

import pytest
from django.conf import settings

from web.texts import LANGUAGES, TEXTS, texts

WEB = settings.APP_DIR / "web"
SCRIPTS = {path.name: path.read_text(encoding="utf-8") for path in sorted((WEB / "assets" / "js").glob("*.js"))}
TEMPLATE = (WEB / "templates" / "web" / "map.html").read_text(encoding="utf-8")
# Keys that are put together from a word of the API.
KINDS = ("split", "merged", "moved", "recoded", "renamed", "new", "gone")
PUT_TOGETHER = {f"kind_{kind}{end}" for kind in KINDS for end in ("", "_why")}


def used() -> set[str]:
    """Return every key that the template or a module names."""
    in_template = set(re.findall(r"\{\{ t\.(\w+) \}\}", TEMPLATE))
    # A key stands in t("…"), or in one arm of t(condition ? "…" : "…").
    calls = [call for text in SCRIPTS.values() for call in re.findall(r"\bt\(([^()]*(?:\([^()]*\)[^()]*)*)", text)]
    in_scripts = {key for call in calls for key in re.findall(r'(?:^|\? |: )"(\w+)"', call)}
    return in_template | in_scripts | PUT_TOGETHER


def test_every_text_is_used_and_every_key_has_a_text() -> None:
    assert used() == set(TEXTS)


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_both_languages_say_the_same(key: str) -> None:
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


def test_french_is_french() -> None:
    same = {key for key, (english, french) in TEXTS.items() if english == french}
    figures = {"class_below", "class_from", "class_range", "note_source", "pause", "population_of"}
    assert same == {"position", "north", "south", "east", "population", "certain"} | figures


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_handed_out_whole(language: str) -> None:
    assert texts(language).keys() == TEXTS.keys()
