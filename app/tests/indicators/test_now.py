"""/now: the answer at positions inside, on borders and outside, for FSAs, and after publications."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone
from scipy.stats import chi2

import api.responses.now as responses_of_now
from geography.models import Vintage
from indicators.models import Indicator, Issue, Note, PlaceMember, Series
from indicators.models import Place as SeriesPlace
from indicators.queries import catalogue
from indicators.queries.figures import figures_on
from tests.support import demo_regions as worlds
from tests.support.issue_history import KEYS, SMALL_HISTORY, SmallIssue
from tests.support.now_regions import BORDER, INTERIOR_BORDER, NOVA_SCOTIA, NOWHERE, SASKATCHEWAN, TORONTO

pytestmark = pytest.mark.usefixtures("embedded", "db", "boundaries")

Get = Callable[..., Any]
Problem = Callable[..., dict[str, Any]]


@pytest.fixture
def now(get: Get) -> Callable[..., dict[str, Any]]:
    """Return a function that asks /now at an offset in metres and returns the body."""

    def ask(offset: tuple[float, float], **params: Any) -> dict[str, Any]:
        response = get("/now", **worlds.position(*offset), **params)
        assert response.status_code == 200, response.content
        body: dict[str, Any] = response.json()
        return body

    return ask


def indicator(body: dict[str, Any], slug: str = "cases") -> dict[str, Any]:
    (payload,) = (item for item in body["indicators"] if item["id"] == slug)
    return dict(payload)


def test_position_in_a_region_is_certain_and_its_figures_are_those_of_the_map(now: Callable[..., dict[str, Any]]) -> None:
    body = now(TORONTO)
    assert body["region"] == {"hruid": "3595", "name": "Region 3595", "vintage": "2022", "match": "covers", "certain": True}
    assert body["also_possible"] == []
    cases = indicator(body)
    series = Series.objects.select_related("indicator").get(indicator__slug="cases", place__kind="region", place__code="3595")
    assert series.last is not None
    (figure,) = (f for f in figures_on(series.indicator, "rate_7d", series.last) if f.place.pk == series.place_id)
    assert (cases["value"], cases["status"], cases["method"]) == (figure.element.value, figure.element.status.code, "same")
    assert figure.period is not None
    assert cases["period"] == {"from": figure.period[0].isoformat(), "to": figure.period[1].isoformat()}
    assert cases["population"] == {"people": figure.people, "year": figure.people_year}
    assert figure.count is not None
    assert figure.people is not None
    scale = 100_000 / figure.people
    assert cases["interval"] == [
        round(chi2.ppf(0.025, 2 * figure.count) / 2 * scale, 2),
        round(chi2.ppf(0.975, 2 * figure.count + 2) / 2 * scale, 2),
    ]
    assert cases["age_days"] == (date.today() - date.fromisoformat(cases["reported_on"])).days
    assert len(cases["sparkline"]) == 12
    assert cases["sparkline"][-1] == cases["value"]
    assert cases["trend"]["word"] in ("increase", "decrease", "no clear change")
    assert body["province"]["abbreviation"] == "ON"
    assert [item["id"] for item in body["province"]["indicators"]] == ["cases", "deaths"]
    assert "Working Group" in body["attribution"]


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_normal_case_is_below_2_kb_and_never_stored(get: Get, lang: str) -> None:
    response = get("/now", **worlds.position(*TORONTO), lang=lang)
    assert len(response.content) < 2_000
    assert response.headers["Cache-Control"] == "private, no-store"
    assert "ETag" not in response.headers


def test_french(now: Callable[..., dict[str, Any]]) -> None:
    body = now(TORONTO, lang="fr")
    assert body["region"]["name"] == "Région 3595"
    cases = indicator(body)
    assert (cases["name"], cases["unit"]) == ("Cas", "pour 100 000 habitants")
    assert cases["trend"]["word"] in ("hausse", "baisse", "pas de changement clair")


def test_trend_compares_with_the_week_before(now: Callable[..., dict[str, Any]]) -> None:
    cases = indicator(now(TORONTO))
    first, last = cases["trend"]["compared_with"].split("/")
    assert (date.fromisoformat(cases["period"]["from"]) - date.fromisoformat(last)).days == 1
    assert (date.fromisoformat(last) - date.fromisoformat(first)).days == 6
    low, high = cases["trend"]["interval"]
    assert low < cases["trend"]["ratio"] < high
    assert cases["trend"]["ratio"] == pytest.approx(cases["sparkline"][-1] / cases["sparkline"][-2], abs=0.01)
    assert (cases["trend"]["direction"] != "no_clear_change") == (low > 1 or high < 1)


def test_on_a_border_the_other_region_is_possible(now: Callable[..., dict[str, Any]]) -> None:
    body = now(BORDER)
    assert (body["region"]["hruid"], body["region"]["certain"]) == ("3595", False)
    assert [reason["type"] for reason in body["reasons"]] == ["border"]
    (other,) = body["also_possible"]
    assert other["hruid"] == "3570"
    values = {item["id"]: item["value"] for item in other["indicators"]}
    cases = indicator(body)
    assert cases["range"] == sorted([cases["value"], values["cases"]])
    york = now((15_000, 5_000))
    assert values == {item["id"]: item["value"] for item in york["indicators"]}
    low, high = cases["interval"]
    other_low, other_high = indicator(york)["interval"]
    apart = high < other_low or other_high < low
    words = [item["trend"]["direction"] for item in (cases, indicator(york))]
    assert other["differs"] or not (apart or words[0] != words[1])


def test_accuracy_makes_the_region_beyond_the_border_possible(now: Callable[..., dict[str, Any]]) -> None:
    assert now((9_800, 5_000))["also_possible"] == []
    body = now((9_800, 5_000), accuracy=300)
    assert [other["hruid"] for other in body["also_possible"]] == ["3570"]


def test_parts_of_one_reporting_region_do_not_differ(now: Callable[..., dict[str, Any]]) -> None:
    body = now(INTERIOR_BORDER)
    cases = indicator(body)
    assert (cases["method"], cases["place"]["id"]) == ("part_of", "591")
    assert cases["interval"] is not None
    (other,) = body["also_possible"]
    assert (other["hruid"], other["differs"]) == ("5912", False)


def test_region_without_a_relation_has_the_province_only(now: Callable[..., dict[str, Any]]) -> None:
    body = now(SASKATCHEWAN)
    cases = indicator(body)
    assert (cases["value"], cases["interval"], cases["status"], cases["method"]) == (None, None, "not_reported", None)
    (province,) = (item for item in body["province"]["indicators"] if item["id"] == "cases")
    assert province["value"] is not None


def test_region_that_stopped_reporting_is_not_zero(now: Callable[..., dict[str, Any]]) -> None:
    cases = indicator(now(NOVA_SCOTIA))
    assert (cases["value"], cases["trend"], cases["status"]) == (None, None, "not_reported")
    assert cases["ended_on"] == "2022-03-04"
    assert cases["sparkline"] == [None] * 12


def test_position_outside_all_regions_has_no_region(get: Get) -> None:
    body = get("/now", **NOWHERE).json()
    assert (body["region"], body["indicators"], body["province"], body["also_possible"]) == (None, [], None, [])


def test_beyond_the_nearest_region_those_within_the_accuracy_are_possible(now: Callable[..., dict[str, Any]]) -> None:
    body = now((5_000, -6_000), accuracy=10_000)
    assert (body["region"], body["indicators"]) == (None, [])
    others = {other["hruid"]: other["differs"] for other in body["also_possible"]}
    assert others == {"3595": None, "3570": None}


def test_range_is_null_where_a_possible_region_has_no_value(now: Callable[..., dict[str, Any]]) -> None:
    body = now((39_999.5, 5_000))
    assert {body["region"]["hruid"], *(other["hruid"] for other in body["also_possible"])} == {"4701", "1201"}
    assert indicator(body)["range"] is None


def test_figures_follow_relations_that_another_load_changes(now: Callable[..., dict[str, Any]]) -> None:
    """Any load may change the relations of places: the revision of all indicators counts, not only that of one."""
    before = indicator(now(TORONTO))["value"]
    assert before is not None
    PlaceMember.objects.filter(coverage="health-regions", vintage_label="2022", code="3595").delete()
    Issue.objects.filter(indicator__slug="deaths").update(loaded_at=timezone.now())
    catalogue.clear()  # within a second, by itself
    assert indicator(now(TORONTO))["value"] is None


def test_off_the_coast_the_nearest_region_answers(now: Callable[..., dict[str, Any]]) -> None:
    region = now((5_000, -1_000))["region"]
    assert (region["hruid"], region["match"], region["certain"]) == ("3595", "nearest", False)


def test_split_fsa_lists_its_regions_by_share(get: Get) -> None:
    body = get("/now", fsa="m1a 1b0").json()
    assert body["fsa"] == {"code": "M1A", "is_split": True, "ordered_by": "area"}
    assert (body["region"]["hruid"], body["region"]["share_of_fsa"], body["region"]["certain"]) == ("3570", 0.6, False)
    (other,) = body["also_possible"]
    assert (other["hruid"], other["share_of_fsa"]) == ("3595", 0.4)
    cases = indicator(body)
    (value,) = (item["value"] for item in other["indicators"] if item["id"] == "cases")
    assert cases["range"] == sorted([cases["value"], value])


def test_fsa_in_one_region_answers_as_a_position(get: Get, now: Callable[..., dict[str, Any]]) -> None:
    body = get("/now", fsa="M5V").json()
    assert (body["region"]["match"], body["region"]["certain"]) == ("overlaps", True)
    assert body["indicators"] == now(TORONTO)["indicators"]


def test_fsa_outside_all_regions_has_no_region(get: Get) -> None:
    body = get("/now", fsa="A1A").json()
    assert (body["region"], body["indicators"], body["also_possible"]) == (None, [], [])


def test_vintage_that_the_indicators_do_not_know(get: Get, boundaries: Vintage) -> None:
    vintage = worlds.make_vintage("health-regions", "2015", date(2015, 1, 1))
    worlds.add_places(vintage, [worlds.Place("3595", "35", ((0, 0, 10_000, 10_000),))])
    body = get("/now", **worlds.position(*TORONTO), vintage="2015").json()
    assert body["region"]["vintage"] == "2015"
    assert [(item["value"], item["method"]) for item in body["indicators"]] == [(None, None)] * 2
    assert all(item["value"] is not None for item in body["province"]["indicators"])


def test_without_indicators_the_region_answers(now: Callable[..., dict[str, Any]]) -> None:
    Indicator.objects.all().delete()
    body = now(TORONTO)
    assert (body["region"]["hruid"], body["indicators"], body["as_of"]) == ("3595", [], None)


def test_notes_are_those_that_begin_or_end_in_the_weeks_shown(now: Callable[..., dict[str, Any]]) -> None:
    cases, ontario = Indicator.objects.get(slug="cases"), SeriesPlace.objects.get(key="ON", kind="province")
    Note.objects.all().delete()
    Note.objects.create(indicator=cases, place=ontario, day_from=date(2022, 11, 1), text_en="Changed.", text_fr="Modifié.")
    Note.objects.create(indicator=cases, place=ontario, day_to=date(2021, 11, 1), text_en="Long ago.")
    Note.objects.create(indicator=cases, text_en="Always.")
    assert [note["title"] for note in indicator(now(TORONTO))["notes"]] == ["Changed."]
    assert [note["title"] for note in indicator(now(TORONTO, lang="fr"))["notes"]] == ["Modifié."]
    assert "notes" not in indicator(now(NOVA_SCOTIA))


def test_publication_changes_the_answer(load: Callable[..., None], now: Callable[..., dict[str, Any]]) -> None:
    load(SMALL_HISTORY[:1])
    before = indicator(now(TORONTO), "history")
    load(SMALL_HISTORY[:2])
    after = indicator(now(TORONTO), "history")
    assert (before["reported_on"], after["reported_on"]) == ("2022-01-10", "2022-01-11")
    assert before["period"] != after["period"]


def test_publication_discards_earlier_responders(load: Callable[..., None], now: Callable[..., dict[str, Any]]) -> None:
    load(SMALL_HISTORY[:1])
    now(TORONTO)
    earlier = set(responses_of_now._responders)
    load(SMALL_HISTORY[:2])
    now(TORONTO)
    now(TORONTO, lang="fr")
    assert len(earlier) == 1
    assert len(responses_of_now._responders) == 2
    assert not earlier & set(responses_of_now._responders)


def test_completeness_is_the_median_of_earlier_issues(load: Callable[..., None], now: Callable[..., dict[str, Any]]) -> None:
    """Each issue lacks 70 cases of its last day, and the next has them: 630 of 700 a week at first."""
    days = [date(2022, 1, 1) + timedelta(days=step) for step in range(50)]
    issues = []
    for number in range(9, len(days)):
        state = {(key, day.isoformat()): 100 * (step + 1) for key in KEYS for step, day in enumerate(days[: number + 1])}
        state |= {(key, days[number].isoformat()): 100 * (number + 1) - 70 for key in KEYS}
        issues.append(SmallIssue(f"{days[number]}T20:00:00+00:00", state))
    load(issues[:30])
    assert "likely_complete" not in indicator(now(TORONTO), "history")
    load(issues)
    assert indicator(now(TORONTO), "history")["likely_complete"] == 0.9
    assert "likely_complete" not in indicator(now(NOVA_SCOTIA))
