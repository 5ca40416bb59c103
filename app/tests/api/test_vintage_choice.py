"""Choice of the vintage: `vintage`, `fsa_vintage`, `at`, in force today."""

from datetime import date

import pytest

from tests.support import demo_regions as worlds

ROUTES = ["/health-regions", "/health-regions/3501", "/fsa", "/fsa/M5V", "/fsa/M5V/boundary", "/locate"]
FSA_ROUTES = ["/fsa", "/fsa/M5V/boundary"]


@pytest.fixture
def ask(get):
    def locate_too(path, **params):
        return get(path, **(worlds.position(2_000, 5_000) if path == "/locate" else {}), **params)

    return locate_too


@pytest.mark.usefixtures("world")
class TestAmongPublishedVintages:
    @pytest.mark.parametrize("path", ROUTES)
    def test_without_a_choice_those_in_force_today_answer(self, ask, path):
        body = ask(path).json()
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
    def test_a_day_is_answered_by_the_vintage_then_in_force(self, ask, day, label):
        assert ask("/health-regions", at=day).json()["vintage"]["label"] == label

    @pytest.mark.parametrize("path", ROUTES)
    @pytest.mark.parametrize("day", ["2004-12-31", "0001-01-01"])
    def test_a_day_before_the_first_vintage_is_a_problem_that_says_what_there_is(self, ask, assert_problem, path, day):
        body = assert_problem(ask(path, at=day), 404, "no-vintage", parameter="at")
        assert "demo (from 2005-01-01)" in body["hint"]

    @pytest.mark.parametrize("path", ROUTES)
    def test_an_unknown_label_is_a_problem_that_says_what_there_is(self, ask, assert_problem, path):
        body = assert_problem(ask(path, vintage="2099"), 404, "vintage-unknown", parameter="vintage")
        assert "demo (from 2005-01-01)" in body["hint"]

    @pytest.mark.parametrize("path", ["/fsa/M5V", "/locate"])
    def test_an_unknown_label_of_the_fsa_vintage_names_that_parameter(self, ask, assert_problem, path):
        assert_problem(ask(path, fsa_vintage="2099"), 404, "vintage-unknown", parameter="fsa_vintage")

    def test_a_staged_vintage_is_never_served(self, ask, assert_problem):
        assert_problem(ask("/fsa", vintage="draft"), 404, "vintage-unknown")
        assert ask("/fsa", at="2022-07-01").json()["vintage"]["label"] == "2021"

    @pytest.mark.parametrize(
        ("path", "params"),
        [(path, {"vintage": "2018"}) for path in ROUTES]
        + [(path, {"fsa_vintage": "2021"}) for path in ("/fsa/M5V", "/locate")],
    )
    def test_a_day_and_a_label_contradict_each_other(self, ask, assert_problem, path, params):
        assert_problem(ask(path, at="2019-01-01", **params), 400, "parameter-invalid", parameter="at")

    @pytest.mark.parametrize(
        "day",
        ["2022", "2022-1-1", "20220101", "2022-02-30", "2022-W01-1", "0000-01-01", "tomorrow", "٢٠٢٢-٠١-٠١", "2022-01-01T00"],
    )
    def test_a_day_is_written_in_one_way(self, ask, assert_problem, day):
        assert_problem(ask("/health-regions", at=day), 400, "parameter-invalid", parameter="at")

    @pytest.mark.parametrize("label", ["x" * 41, "20\x0022", "2022\x7f"])
    def test_a_label_is_short_and_printable(self, ask, assert_problem, label):
        assert_problem(ask("/health-regions", vintage=label), 400, "parameter-invalid", parameter="vintage")

    def test_demonstrations_say_so_at_the_top_of_every_body(self, ask):
        for path in ROUTES:
            body = ask(path, at="2010-01-01", lang="fr").json()
            assert body["demo"] is True
            assert body["notice"].startswith("Limites de démonstration")


@pytest.mark.django_db
class TestWithoutPublishedVintages:
    @pytest.mark.parametrize("path", ROUTES)
    @pytest.mark.parametrize("params", [{}, {"at": "2022-01-01"}])
    def test_every_question_is_answered_by_ask_again_later(self, ask, assert_problem, path, params):
        worlds.coverages()
        response = ask(path, **params)
        assert_problem(response, 503, "nothing-published")
        assert response.headers["Retry-After"] == "30"
        assert response.headers["Cache-Control"] == "private, no-store"

    def test_an_empty_list_of_vintages_is_an_answer(self, get):
        assert get("/vintages").json() == {"vintages": []}

    def test_an_extract_alone_does_not_answer_for_the_country(self, ask, assert_problem):
        worlds.coverages()
        worlds.make_vintage("health-regions", "part", date(2020, 1, 1), extract=True)
        body = assert_problem(ask("/health-regions"), 503, "nothing-published")
        assert "part (only by name)" in body["hint"]
