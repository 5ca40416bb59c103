"""Rules that hold for every parameter of every route."""

import re

import pytest

from api.requests.validators import TEXT_PATTERN, has_invalid_characters, list_pattern
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
    def test_refuses_an_unknown_parameter(self, get, assert_problem, path):
        assert_problem(get(path, nonsense="1", **ROUTES[path]), 400, "parameter-invalid", parameter="nonsense")

    @pytest.mark.parametrize("name", ["lang"])
    def test_refuses_an_empty_parameter(self, get, assert_problem, path, name):
        for nothing in ("", "  "):
            assert_problem(get(path, **ROUTES[path] | {name: nothing}), 400, "parameter-invalid", parameter=name)

    def test_refuses_a_repeated_parameter(self, get, assert_problem, path):
        assert_problem(get(path, lang=["en", "en"], **ROUTES[path]), 400, "parameter-invalid", parameter="lang")

    def test_refuses_a_huge_value(self, get, assert_problem, path):
        response = get(path, lang="e" * 1_000_000, **ROUTES[path])
        assert_problem(response, 400, "parameter-invalid", parameter="lang")
        assert len(response.content) < 1_000

    def test_refuses_a_huge_name(self, get, assert_problem, path):
        response = get(path, **{"x" * 100_000: "1"}, **ROUTES[path])
        assert_problem(response, 400, "parameter-invalid", parameter="x" * 40)

    def test_refuses_more_parameters_than_can_be_read(self, get, assert_problem, path):
        assert_problem(get(path, **{f"a{number}": "1" for number in range(1_001)}), 400, "request-refused")

    def test_is_the_same_with_a_trailing_slash(self, get, path):
        without, within = get(path, **ROUTES[path]), get(f"{path}/", **ROUTES[path])
        assert (within.status_code, within.content) == (200, without.content)

    def test_answers_head_like_get_without_a_body(self, client, path):
        got, headed = client.get(path, ROUTES[path]), client.head(path, ROUTES[path])
        assert (headed.status_code, headed.content) == (200, b"")
        assert headed.headers["Content-Type"] == got.headers["Content-Type"]

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_refuses_other_methods(self, client, assert_problem, path, method):
        if method == "post" and path in ("/locate", "/fsa"):
            method = "patch"  # these two take many at once
        response = getattr(client, method)(path)
        assert_problem(response, 405, "method-not-allowed")
        assert "GET" in response.headers["Allow"]

    def test_says_which_methods_there_are(self, client, path):
        response = client.options(path)
        assert (response.status_code, response.content) == (204, b"")
        assert "GET" in response.headers["Allow"]

    def test_may_be_asked_from_any_page(self, get, path):
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
    def test_speaks_the_language_asked_for(self, get, path, lang, accept, expected):
        response = get(
            path, headers={"Accept-Language": accept} if accept else None, **ROUTES[path], **({"lang": lang} if lang else {})
        )
        assert response.headers["Content-Language"] == expected
        # Where `lang` decides, the header has no say, and caches need not keep an answer for each spelling of it.
        assert ("Accept-Language" in response.headers.get("Vary", "")) == (lang is None)

    def test_refuses_another_language(self, get, assert_problem, path):
        assert_problem(get(path, lang="de", **ROUTES[path]), 400, "parameter-invalid", parameter="lang")


class TestNames:
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
    def test_a_misspelt_one_gets_a_suggestion(self, get, assert_problem, path, name, meant):
        response = get(path, **{name: "1"}, **ROUTES[path])
        assert_problem(response, 400, "parameter-invalid", parameter=name, hint=f"Did you mean {meant}?")

    def test_one_like_nothing_gets_the_list(self, get, assert_problem):
        assert_problem(get("/vintages", zzz="1"), 400, "parameter-invalid", hint="Allowed names: lang.")

    def test_format_is_no_parameter(self, get, assert_problem):
        assert_problem(get("/health-regions", format="json"), 400, "parameter-invalid", parameter="format")

    def test_two_names_of_one_parameter_are_a_repetition(self, get, assert_problem):
        assert_problem(get("/locate", lat="45", lon="-75", lng="-75"), 400, "parameter-invalid")

    @pytest.mark.parametrize("name", ["lat", "lon"])
    def test_an_empty_or_repeated_coordinate_names_itself(self, get, assert_problem, name):
        for bad in ("", ["45", "45"]):
            assert_problem(get("/locate", **POSITION | {name: bad}), 400, "parameter-invalid", parameter=name)


class TestPatterns:
    """The patterns of the OpenAPI document are regular expressions of ECMA 262, whose white space is not Python's."""

    SPACES = r"\t\n\x0b\f\r \u00a0\ufeff\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

    def test_of_text_accepts_what_the_parser_accepts(self):
        pattern = re.compile(TEXT_PATTERN.replace(r"\s", self.SPACES))
        characters = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]
        accepted = {text for text in characters if text.strip() and not has_invalid_characters(text)}
        # A byte order mark is white space only in ECMA 262.
        assert {text for text in characters if pattern.fullmatch(text)} == accepted - {"\ufeff"}

    def test_of_a_list_has_a_limit_and_no_empty_text(self):
        pattern = re.compile(list_pattern(40))
        assert all(map(pattern.fullmatch, ("a", "a b,c", ",".join("a" * 40))))
        assert not any(map(pattern.fullmatch, ("", ",", "a,", "a,\x85", "a,\x1f", ",".join("a" * 41))))


class TestLanguage:
    def test_chooses_name_and_leaves_both_names_in(self, get):
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
            ("text/html,application/json;q=0.9", "application/json"),
        ],
    )
    def test_geojson_comes_under_either(self, get, path, accept, expected):
        response = get(path, headers={"Accept": accept} if accept else None, **ROUTES[path])
        assert response.status_code == 200
        assert response.headers["Content-Type"] == expected
        assert "Accept" in response.headers["Vary"]
        assert response.json()["type"] in ("Feature", "FeatureCollection")

    def test_nothing_else_can_be_had(self, get, assert_problem, path):
        assert_problem(get(path, headers={"Accept": "text/csv"}, **ROUTES[path]), 406, "not-acceptable")
