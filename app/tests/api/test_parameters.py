"""Parameters of every route: unknown, empty, repeated and huge parameters; methods, CORS, language, media types."""

import re

import pytest

from api.requests.parser import has_invalid_characters
from api.requests.validators import TEXT_PATTERN, list_pattern
from tests.support import demo_regions as worlds

POSITION = worlds.position(2_000, 5_000)
ROUTES = {
    "/health-regions": {},
    "/health-regions/3501": {},
    "/fsa": {},
    "/fsa/M5V": {},
    "/fsa/M5V/boundary": {},
    "/locate": POSITION,
    "/vintages": {},
    "/livez": {},
    "/readyz": {},
    "/schema": {},
}
GEOJSON = [path for path in ROUTES if path not in ("/vintages", "/livez", "/readyz", "/schema")]

pytestmark = pytest.mark.usefixtures("world")


@pytest.mark.parametrize("path", ROUTES)
class TestEveryRoute:
    def test_unknown_parameter_gets_400(self, get, assert_problem, path):
        assert_problem(get(path, nonsense="1", **ROUTES[path]), 400, "parameter-invalid", parameter="nonsense")

    @pytest.mark.parametrize("name", ["lang"])
    def test_empty_parameter_gets_400(self, get, assert_problem, path, name):
        for nothing in ("", "  "):
            assert_problem(get(path, **ROUTES[path] | {name: nothing}), 400, "parameter-invalid", parameter=name)

    def test_repeated_parameter_gets_400(self, get, assert_problem, path):
        assert_problem(get(path, lang=["en", "en"], **ROUTES[path]), 400, "parameter-invalid", parameter="lang")

    def test_huge_value_gets_400(self, get, assert_problem, path):
        response = get(path, lang="e" * 1_000_000, **ROUTES[path])
        assert_problem(response, 400, "parameter-invalid", parameter="lang")
        assert len(response.content) < 1_000

    def test_huge_name_gets_400(self, get, assert_problem, path):
        response = get(path, **{"x" * 100_000: "1"}, **ROUTES[path])
        assert_problem(response, 400, "parameter-invalid", parameter="x" * 40)

    def test_too_many_parameters_get_400(self, get, assert_problem, path):
        assert_problem(get(path, **{f"a{number}": "1" for number in range(1_001)}), 400, "request-refused")

    def test_trailing_slash_returns_the_same_body(self, get, path):
        without_slash, with_slash = get(path, **ROUTES[path]), get(f"{path}/", **ROUTES[path])
        assert (with_slash.status_code, with_slash.content) == (200, without_slash.content)

    def test_head_equals_get_without_body(self, client, path):
        get, head = client.get(path, ROUTES[path]), client.head(path, ROUTES[path])
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Type"] == get.headers["Content-Type"]

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_other_methods_get_405(self, client, assert_problem, path, method):
        if method == "post" and path in ("/locate", "/fsa"):
            method = "patch"  # POST is the bulk lookup of these two routes
        response = getattr(client, method)(path)
        assert_problem(response, 405, "method-not-allowed")
        assert "GET" in response.headers["Allow"]

    def test_options_lists_allowed_methods(self, client, path):
        response = client.options(path)
        assert (response.status_code, response.content) == (204, b"")
        assert "GET" in response.headers["Allow"]

    def test_cors_allows_any_origin(self, get, path):
        response = get(path, headers={"Origin": "https://example.org"}, **ROUTES[path])
        assert response.headers["Access-Control-Allow-Origin"] == "*"

    @pytest.mark.parametrize(
        ("lang", "accept", "expected"),
        [
            (None, None, "en"),
            (None, "fr-CA,fr;q=0.9,en;q=0.5", "fr"),
            (None, "de", "en"),
            ("fr", "en", "fr"),
            ("en", "fr", "en"),
            ("FR", None, "fr"),
        ],
    )
    def test_content_language_follows_lang_and_accept_language(self, get, path, lang, accept, expected):
        response = get(
            path, headers={"Accept-Language": accept} if accept else None, **ROUTES[path], **({"lang": lang} if lang else {})
        )
        assert response.headers["Content-Language"] == expected
        # With `lang` the header is ignored, so caches store no response for each of its spellings.
        assert ("Accept-Language" in response.headers.get("Vary", "")) == (lang is None)

    def test_unknown_language_gets_400(self, get, assert_problem, path):
        assert_problem(get(path, lang="de", **ROUTES[path]), 400, "parameter-invalid", parameter="lang")


class TestParameterNames:
    @pytest.mark.parametrize(
        ("path", "name", "meant"),
        [
            ("/locate", "latt", "lat"),
            ("/locate", "latitude", "lat"),
            ("/locate", "Longitude", "lon"),
            ("/locate", "vintag", "vintage"),
            ("/health-regions", "prov", "province"),
            ("/health-regions", "bobx", "bbox"),
            ("/health-regions", "details", "detail"),
            ("/health-regions", "date", "at"),
            ("/fsa/M5V", "fsavintage", "fsa_vintage"),
        ],
    )
    def test_misspelt_parameter_gets_a_suggestion(self, get, assert_problem, path, name, meant):
        response = get(path, **{name: "1"}, **ROUTES[path])
        assert_problem(response, 400, "parameter-invalid", parameter=name, hint=f"Did you mean {meant}?")

    def test_unknown_parameter_hint_lists_allowed_names(self, get, assert_problem):
        assert_problem(get("/vintages", zzz="1"), 400, "parameter-invalid", hint="Allowed names: lang.")

    def test_format_is_an_unknown_parameter(self, get, assert_problem):
        assert_problem(get("/health-regions", format="json"), 400, "parameter-invalid", parameter="format")

    def test_parameter_and_alias_together_get_400(self, get, assert_problem):
        assert_problem(get("/locate", lat="45", lon="-75", lng="-75"), 400, "parameter-invalid")

    @pytest.mark.parametrize("name", ["lat", "lon"])
    def test_empty_or_repeated_coordinate_is_named(self, get, assert_problem, name):
        for bad in ("", ["45", "45"]):
            assert_problem(get("/locate", **POSITION | {name: bad}), 400, "parameter-invalid", parameter=name)


class TestPatterns:
    """Patterns of the OpenAPI document are ECMA 262 regular expressions, whose white space differs from Python's."""

    SPACES = r"\t\n\x0b\f\r \u00a0\ufeff\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

    def test_text_pattern_accepts_the_same_as_the_parser(self):
        pattern = re.compile(TEXT_PATTERN.replace(r"\s", self.SPACES))
        characters = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]
        accepted = {text for text in characters if text.strip() and not has_invalid_characters(text)}
        # A byte order mark is white space only in ECMA 262.
        assert {text for text in characters if pattern.fullmatch(text)} == accepted - {"\ufeff"}

    def test_list_pattern_has_a_limit_and_no_empty_item(self):
        pattern = re.compile(list_pattern(40))
        assert all(map(pattern.fullmatch, ("a", "a b,c", ",".join("a" * 40))))
        assert not any(map(pattern.fullmatch, ("", ",", "a,", "a,\x85", "a,\x1f", ",".join("a" * 41))))


class TestLanguage:
    def test_lang_selects_name_and_keeps_both_names(self, get):
        english, french = (get("/health-regions/3501", lang=lang).json() for lang in ("en", "fr"))
        assert english["properties"]["name"] == english["properties"]["name_en"] == "West Health Unit"
        assert french["properties"]["name"] == french["properties"]["name_fr"] == "Circonscription sanitaire de l'Ouest"
        assert english["attribution"] == "Source: health-regions 2022"
        assert french["attribution"] == "Source : health-regions 2022"
        assert get("/locate", lang="fr", **POSITION).json()["properties"]["health_region"]["name"].startswith("Circonscription")


@pytest.mark.parametrize("path", GEOJSON)
class TestMediaTypes:
    @pytest.mark.parametrize(
        ("accept", "expected"),
        [
            (None, "application/geo+json"),
            ("*/*", "application/geo+json"),
            ("application/*", "application/geo+json"),
            ("application/geo+json", "application/geo+json"),
            ("application/json", "application/json"),
            ("text/html;q=0.8,application/json;q=0.9", "application/json"),
        ],
    )
    def test_accept_selects_geojson_or_json(self, get, path, accept, expected):
        response = get(path, headers={"Accept": accept} if accept else None, **ROUTES[path])
        assert response.status_code == 200
        assert response.headers["Content-Type"] == expected
        assert "Accept" in response.headers["Vary"]
        assert response.json()["type"] in ("Feature", "FeatureCollection")

    def test_unsupported_accept_gets_406(self, get, assert_problem, path):
        assert_problem(get(path, headers={"Accept": "text/csv"}, **ROUTES[path]), 406, "not-acceptable")
