"""Map styles: address, language, caching, colours. In a browser: tests/system/browser/test_styles.py."""

import re

import pytest

from web.assets import FOLDER
from web.styles import palettes

THEMES = ("light", "dark")


@pytest.mark.parametrize("theme", THEMES)
def test_style_has_absolute_addresses_of_the_service(get, theme):
    response = get(f"/styles/{theme}.json")
    assert response.headers["Content-Type"] == "application/json"
    sources = response.json()["sources"]
    assert [sources[name]["url"] for name in ("health-regions", "fsa")] == [
        f"http://testserver/tiles/{name}.json" for name in ("health-regions", "fsa")
    ]
    # Fonts and sprites of other hosts would be unexpected requests.
    assert not {"glyphs", "sprite"} & response.json().keys()


def test_themes_have_the_colours_of_the_page(get):
    for theme in THEMES:
        layers = {layer["id"]: layer for layer in get(f"/styles/{theme}.json").json()["layers"]}
        assert layers["water"]["paint"]["background-color"] == palettes()[theme]["water"]
        assert layers["hr-line"]["paint"]["line-color"] == palettes()[theme]["border"]
    assert palettes()["light"]["water"] != palettes()["dark"]["water"]


def test_dark_palettes_of_system_and_reader_are_equal():
    text = (FOLDER / "page.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root(?:\S*)? \{(.*?)\n\s*\}", text, re.DOTALL)[:3]
    _, system, chosen = (re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block) for block in blocks)
    assert system == chosen != []


@pytest.mark.parametrize(
    ("parameters", "headers", "language"),
    [({}, {}, "en"), ({"lang": "fr"}, {}, "fr"), ({}, {"Accept-Language": "fr-CA"}, "fr"), ({"lang": "xx"}, {}, "en")],
)
def test_language(get, parameters, headers, language):
    response = get("/styles/light.json", headers=headers, **parameters)
    layers = {layer["id"]: layer for layer in response.json()["layers"]}
    assert layers["health-regions-names"]["layout"]["text-field"] == ["get", f"name_{language}"]
    assert response.headers["Content-Language"] == language
    assert ("Accept-Language" in response.headers["Vary"]) == (parameters != {"lang": "fr"})


def test_unchanged_style_is_not_modified(get):
    response = get("/styles/light.json")
    again = get("/styles/light.json", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.headers["Cache-Control"]) == (304, response.headers["Cache-Control"])
    assert get("/styles/light.json", lang="fr").headers["ETag"] != response.headers["ETag"]


def test_other_origins_may_read_the_style(get):
    response = get("/styles/light.json", headers={"Origin": "https://example.com"})
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_unknown_theme(get, assert_problem):
    assert_problem(get("/styles/blue.json"), 404, "route-unknown")
