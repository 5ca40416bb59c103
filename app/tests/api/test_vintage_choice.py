"""Choice of the vintage: `vintage`, `fsa_vintage`, `at`, in force today."""

from datetime import date

import pytest

from tests.support import demo_regions as worlds

ROUTES = ["/health-regions", "/health-regions/3501", "/fsa", "/fsa/M5V", "/fsa/M5V/boundary", "/locate"]
FSA_ROUTES = ["/fsa", "/fsa/M5V/boundary"]


@pytest.fixture
def get_route(get):
    def with_position(path, **params):
        return get(path, **(worlds.position(2_000, 5_000) if path == "/locate" else {}), **params)

    return with_position


@pytest.mark.usefixtures("world")
class TestVintageChoice:
    @pytest.mark.parametrize("path", ROUTES)
    def test_default_is_the_vintage_in_force_today(self, get_route, path):
        body = get_route(path).json()
        labels = {name: body[name]["label"] for name in ("vintage", "fsa_vintage") if name in body}
        both = {"vintage": "2022", "fsa_vintage": "2021"}
        assert labels == ({"vintage": "2021"} if path in FSA_ROUTES else {name: both[name] for name in labels})

    @pytest.mark.parametrize(
        ("day", "label"),
        [
            ("2021-12-31", "2018"),
            ("2022-01-01", "2022"),
            ("2018-01-01", "2018"),
            ("2017-12-31", "demo"),
            ("2005-01-01", "demo"),
            ("9999-12-31", "2022"),
        ],
    )
    def test_at_selects_the_vintage_in_force_on_that_day(self, get_route, day, label):
        assert get_route("/health-regions", at=day).json()["vintage"]["label"] == label

    @pytest.mark.parametrize("path", ROUTES)
    @pytest.mark.parametrize("day", ["2004-12-31", "0001-01-01"])
    def test_at_before_first_vintage_gets_404_with_hint(self, get_route, assert_problem, path, day):
        body = assert_problem(get_route(path, at=day), 404, "no-vintage", parameter="at")
        assert "demo (from 2005-01-01)" in body["hint"]

    @pytest.mark.parametrize("path", ROUTES)
    def test_unknown_vintage_gets_404_with_hint(self, get_route, assert_problem, path):
        body = assert_problem(get_route(path, vintage="2099"), 404, "vintage-unknown", parameter="vintage")
        assert "demo (from 2005-01-01)" in body["hint"]

    @pytest.mark.parametrize("path", ["/fsa/M5V", "/locate"])
    def test_unknown_fsa_vintage_gets_404(self, get_route, assert_problem, path):
        assert_problem(get_route(path, fsa_vintage="2099"), 404, "vintage-unknown", parameter="fsa_vintage")

    def test_staged_vintage_is_not_served(self, get_route, assert_problem):
        assert_problem(get_route("/fsa", vintage="draft"), 404, "vintage-unknown")
        assert get_route("/fsa", at="2022-07-01").json()["vintage"]["label"] == "2021"

    @pytest.mark.parametrize(
        ("path", "params"),
        [(path, {"vintage": "2018"}) for path in ROUTES]
        + [(path, {"fsa_vintage": "2021"}) for path in ("/fsa/M5V", "/locate")],
    )
    def test_at_with_vintage_gets_400(self, get_route, assert_problem, path, params):
        assert_problem(get_route(path, at="2019-01-01", **params), 400, "parameter-invalid", parameter="at")

    @pytest.mark.parametrize(
        "day",
        ["2022", "2022-1-1", "20220101", "2022-02-30", "2022-W01-1", "0000-01-01", "tomorrow", "٢٠٢٢-٠١-٠١", "2022-01-01T00"],
    )
    def test_invalid_at_gets_400(self, get_route, assert_problem, day):
        assert_problem(get_route("/health-regions", at=day), 400, "parameter-invalid", parameter="at")

    @pytest.mark.parametrize("label", ["x" * 41, "20\x0022", "2022\x7f"])
    def test_invalid_vintage_label_gets_400(self, get_route, assert_problem, label):
        assert_problem(get_route("/health-regions", vintage=label), 400, "parameter-invalid", parameter="vintage")

    def test_demo_vintage_carries_a_notice(self, get_route):
        for path in ROUTES:
            body = get_route(path, at="2010-01-01", lang="fr").json()
            assert body["demo"] is True
            assert body["notice"].startswith("Limites de démonstration")


@pytest.mark.django_db
class TestWithoutPublishedVintages:
    @pytest.mark.parametrize("path", ROUTES)
    @pytest.mark.parametrize("params", [{}, {"at": "2022-01-01"}])
    def test_every_route_gets_503_with_retry_after(self, get_route, assert_problem, path, params):
        worlds.coverages()
        response = get_route(path, **params)
        assert_problem(response, 503, "nothing-published")
        assert response.headers["Retry-After"] == "30"
        assert response.headers["Cache-Control"] == "private, no-store"

    def test_vintages_returns_an_empty_list(self, get):
        assert get("/vintages").json() == {"vintages": []}

    def test_extract_alone_gets_503(self, get_route, assert_problem):
        worlds.coverages()
        worlds.make_vintage("health-regions", "part", date(2020, 1, 1), extract=True)
        body = assert_problem(get_route("/health-regions"), 503, "nothing-published")
        assert "part (only by name)" in body["hint"]
