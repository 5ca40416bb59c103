"""Notice of held issues in answers and on pages: time, issue and reason, in both languages, only while they are held."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from api.http.language import LANGUAGES
from api.responses.held import held_payload
from indicators.models import Issue, Place, PlaceKind
from indicators.queries.catalogue import HeldIssues
from loader.series import findings
from tests.support.issue_history import SMALL_HISTORY

pytestmark = pytest.mark.django_db
INCIDENT = SMALL_HISTORY[3]
ROUTES = ("/indicators/history", "/indicators/history/map", "/indicators/history/cube", "/indicators/history/series?place=ON")
NOTICE = {
    "en": "Newer figures, of 3 June 2022, 12:00 UTC, are held for review: no figures for Région de Montréal, the total of the "
    "country falls by 36 %, 26 % of all earlier values change (Région de Montréal). You see "
    "those of 3 June 2022, 01:17 UTC.",
    "fr": "Des chiffres plus récents, du 3 juin 2022, 12:00 UTC, sont retenus pour vérification : aucun chiffre (Région de "
    "Montréal), le total du pays baisse de 36 %, 26 % de toutes les valeurs antérieures changent (Région de Montréal). Vous "
    "voyez ceux du 3 juin 2022, 01:17 UTC.",
}


def place(key: str, pruid: str, kind: PlaceKind = PlaceKind.REGION, name: str = "") -> Place:
    return Place(pk=int(key, 36), key=key, code=key, pruid=pruid, kind=kind, name_en=name or key, name_fr=name or key)


@pytest.mark.parametrize("route", ROUTES)
def test_held_issue_changes_body_and_etag_and_its_release_changes_them_again(
    client: Any, load: Callable[..., None], route: str
) -> None:
    load(SMALL_HISTORY[:3])
    before = client.get(route)
    assert "held" not in before.json()
    load(SMALL_HISTORY[:4], accept=frozenset())
    during = client.get(route)
    staged = Issue.objects.get(status="staged")
    held = during.json()["held"]
    assert {name: held[name] for name in ("since", "number", "issue", "issued_at", "loaded_at")} == {
        "since": INCIDENT.issued_at.isoformat(),
        "number": 1,
        "issue": staged.pk,
        "issued_at": INCIDENT.issued_at.isoformat(),
        "loaded_at": staged.loaded_at.isoformat(),
    }
    assert [gate["name"] for gate in held["gates"]] == ["vanished", "national_falls", "rewrites"]
    assert held["notice"] == NOTICE["en"]
    assert during.headers["ETag"] != before.headers["ETag"]
    assert {name: value for name, value in during.json().items() if name != "held"} == before.json()
    load(SMALL_HISTORY, accept=frozenset())
    after = client.get(route)
    assert "held" not in after.json()
    assert after.headers["ETag"] not in (before.headers["ETag"], during.headers["ETag"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_notice_is_in_the_language_of_the_response(client: Any, load: Callable[..., None], language: str) -> None:
    load(SMALL_HISTORY[:4], accept=frozenset({"sums"}))
    held = client.get(f"/indicators/history/map?lang={language}").json()["held"]
    assert held["notice"] == NOTICE[language]
    assert all(gate["reason"] in held["notice"] for gate in held["gates"])


def test_list_names_the_held_issue_of_its_indicator_only(client: Any, load: Callable[..., None]) -> None:
    load(SMALL_HISTORY[:4], accept=frozenset())
    listed = {item["id"]: item for item in client.get("/indicators").json()["indicators"]}
    assert listed["history"]["held"]["notice"] == NOTICE["en"]
    assert listed["history"]["issue"]["issued_at"] == SMALL_HISTORY[2].issued_at.isoformat()
    assert "held" not in listed["cases"]


def test_issue_that_is_held_again_changes_the_body(client: Any, load: Callable[..., None]) -> None:
    load(SMALL_HISTORY[:4], accept=frozenset())
    first = client.get("/indicators/history/map")
    load(SMALL_HISTORY[:4], accept=frozenset())
    again = client.get("/indicators/history/map")
    assert again.json()["held"]["issue"] == first.json()["held"]["issue"]
    assert again.json()["held"]["loaded_at"] > first.json()["held"]["loaded_at"]
    assert again.headers["ETag"] != first.headers["ETag"]


def test_earlier_issue_has_no_notice(client: Any, load: Callable[..., None]) -> None:
    load(SMALL_HISTORY[:4], accept=frozenset())
    assert "held" not in client.get("/indicators/history/map?as_of=2022-06-02T00:00:00Z").json()


def test_held_issue_of_an_earlier_release_has_a_reason_for_each_gate() -> None:
    """Reports of earlier releases have no findings; a gate of a later release has at least its name."""
    instant = datetime(2022, 10, 7, 18, 35, tzinfo=UTC)
    gates: list[dict[str, Any]] = [{"name": name} for name in ("rewrites", "sums", "new_gate")]
    gates.append({"name": "vanished", "finding": {"places": [], "more": 0}})
    payload = held_payload(HeldIssues(instant, 2, 7, instant, instant, gates), Issue(issued_at=instant), "en")
    assert [gate["reason"] for gate in payload["gates"]] == [
        "many changes of earlier values",
        "parts that do not add up to their total",
        "the check new_gate",
        "missing places",
    ]
    assert payload["notice"].startswith("2 newer issues, since 7 October 2022, 18:35 UTC, are held for review; the last, of")


@pytest.mark.parametrize(
    ("places", "names", "more"),
    [
        ([place("3595", "35", name="Toronto")], ["Toronto"], 0),
        ([place("3595", "35"), place("3553", "35")], ["Ontario"], 0),
        ([place("9999", "12", PlaceKind.UNASSIGNED)], ["Nova Scotia"], 0),
        ([place("CA", "", PlaceKind.COUNTRY, "Canada")], ["Canada"], 0),
        ([place("CA", "", PlaceKind.COUNTRY, "Canada"), place("QC", "24", PlaceKind.PROVINCE, "Quebec")], ["Quebec"], 0),
        ([place("plant", "", PlaceKind.SITE, "A plant"), place("other", "", PlaceKind.SITE)], ["A plant", "other"], 0),
        ([place(pruid, pruid, name=pruid) for pruid in ("10", "11", "12", "13", "24")], ["10", "11", "12"], 2),
        ([], [], 0),
    ],
)
def test_places_of_a_province_are_named_by_the_province(places: list[Place], names: list[str], more: int) -> None:
    finding = findings.of_places(places)
    assert ([named["name_en"] for named in finding["places"]], finding["more"]) == (names, more)


def test_provinces_with_few_of_the_changes_are_not_named() -> None:
    numbers = {place("3595", "35"): 5, place("2406", "24"): 60, place("2401", "24"): 40, place("5911", "59"): 20}
    assert [named.key for named in findings.most_of(numbers)] == ["2406", "2401", "5911"]


def test_finding_of_an_earlier_end_has_the_number_of_days(load: Callable[..., None]) -> None:
    load(SMALL_HISTORY[:2])
    cut = {key: value for key, value in SMALL_HISTORY[1].state.items() if key[0] != "QC2406" or key[1] < "2022-01-08"}
    load([*SMALL_HISTORY[:2], type(INCIDENT)(INCIDENT.instant, cut)], accept=frozenset())
    gates = {gate["name"]: gate["finding"] for gate in Issue.objects.get(status="staged").report["gates"] if not gate["passed"]}
    assert gates["ends_earlier"]["days"] == (date(2022, 1, 11) - date(2022, 1, 7)).days
    assert [named["name_fr"] for named in gates["ends_earlier"]["places"]] == ["Région de Montréal"]
