"""Two vintages of health regions: switching between them, and the changes from the first to the second."""

import json
import urllib.request
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from loader.publication import publish
from tests.support import boundary_files as files
from tests.support.loading import accept, load_file
from tests.support.processes import wait_until
from tests.system.browser.conftest import serious_violations

EARLIER = "/vintages/health-regions/2018/changes/2022"
SIZE = 100_000.0
# Titles of the kinds on the card, and the kinds that it only counts.
TITLES = {"split": "Split", "renamed": "New name", "new": "New", "gone": "Gone"}
COUNTED = {"kept"}


def _cell(index: int) -> files.Ring:
    return files.cell(index, size=SIZE)


def _earlier(folder: Path) -> Path:
    """Write regions on five of six cells; one region has the two upper left cells."""
    wide = files.box(0, SIZE, 2 * SIZE, 2 * SIZE)
    rows = [
        files.region("4601", _cell(0), name="Lakes", french="Les Lacs"),
        files.region("4602", _cell(1), name="Old Bridge", french="Vieux-Pont"),
        files.region("4603", wide, name="Wide Plains", french="Grandes Plaines"),
        files.region("4604", _cell(4), name="Far Shore", french="Rive lointaine"),
    ]
    return files.shape(folder, rows)


def _later(folder: Path) -> Path:
    """Write the later regions: one unchanged, one renamed, one split in two, one gone, whose code a new region has."""
    rows = [
        files.region("4601", _cell(0), name="Lakes", french="Les Lacs"),
        files.region("4602", _cell(1), name="New Bridge", french="Pont-Neuf"),
        files.region("4607", _cell(2), name="West Plains", french="Plaines de l'Ouest"),
        files.region("4608", _cell(3), name="East Plains", french="Plaines de l'Est"),
        files.region("4604", _cell(5), name="Highlands", french="Hautes-Terres"),
    ]
    return files.shape(folder, rows)


def _fsas(folder: Path) -> Path:
    """Write FSAs: in one region; with a strip outside; with borders 80 m from those of the regions; in two regions."""
    edge = SIZE + 80
    rows = [
        files.fsa("R3A", _cell(5)),
        files.fsa("R3B", files.box(edge, -1_000, 2 * SIZE, edge)),
        files.fsa("R3C", files.box(0, 0, edge, edge)),
        files.fsa("R3E", files.box(0, edge, 2 * SIZE, 2 * SIZE)),
    ]
    return files.shape(folder, rows)


def _get(service: str, path: str) -> Any:
    with urllib.request.urlopen(service + path, timeout=10) as response:
        return json.load(response)


def _wait_until_published(service: str, labels: set[str]) -> None:
    """Wait until the service has read the catalogue again."""

    def published() -> set[str]:
        vintages = _get(service, "/vintages")["vintages"]
        return {vintage["label"] for vintage in vintages if vintage["coverage"] == "health-regions"}

    wait_until(lambda: published() == labels, f"the published vintages are {labels}")


@pytest.fixture(scope="module")
def two_vintages(
    service: str, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """Publish two vintages and FSAs, which retire the demonstration; yield the changes between the two from the API."""
    folder = tmp_path_factory.mktemp("vintages")
    with django_db_blocker.unblock():
        # The demonstration has water where these regions are.
        fsas = load_file(_fsas(folder / "fsa"), "fsa", vintage="2021", acceptance=accept("shares")).vintage
        earlier = load_file(_earlier(folder / "2018"), vintage="2018", effective_from=date(2018, 1, 1)).vintage
        later = load_file(_later(folder / "2022"), vintage="2022", acceptance=accept("change")).vintage
    _wait_until_published(service, {"2018", "2022"})
    yield _get(service, EARLIER)
    with django_db_blocker.unblock():
        for vintage in (fsas, later, earlier):
            publish.rollback(vintage)
            publish.delete(vintage)
    _wait_until_published(service, {"2022-demo"})


def _changes_of_api(changes: dict[str, Any], language: str) -> dict[str, list[list[str]]]:
    """Return the changes of the API by kind: names of a region and of its counterparts; of a new region only its own."""
    details: dict[str, list[list[str]]] = {}
    for change in changes["changes"]:
        if change["of"] == ("to" if change["kind"] == "new" else "from"):
            counterparts = [] if change["kind"] == "new" else [other[f"name_{language}"] for other in change["counterparts"]]
            details.setdefault(change["kind"], []).append([change[f"name_{language}"], *counterparts])
    return details


def _changes_on_card(page: Any) -> dict[str, list[list[str]]]:
    """Return the changes on the card, by title, in the form of `_changes_of_api`."""
    rows = page.locator("#card .kind").evaluate_all(
        """(kinds) => kinds.map((kind) => [
          kind.querySelector("summary span").textContent,
          [...kind.querySelectorAll("li")].map((row) => [...row.querySelectorAll("b, a")].map((name) => name.textContent)),
        ])"""
    )
    return dict(rows)


def test_card_of_changes_agrees_with_the_api(visit, two_vintages):
    details = _changes_of_api(two_vintages, "en")
    assert set(details) == set(TITLES) | COUNTED
    visitor = visit(map_drawn=False)
    page = visitor.open("compare=2018")
    assert visitor.name == "From 2018 to 2022"
    assert _changes_on_card(page) == {title: details[kind] for kind, title in TITLES.items()}
    assert _changes_on_card(page)["Split"] == [["Wide Plains", "West Plains", "East Plains"]]
    assert "One region is unchanged." in page.locator("#card").inner_text()
    assert page.locator(".reused").all_inner_texts() == ["Code 4604 now identifies another region."] * 2
    # The parts of a split region have their shares of it.
    assert page.locator(".kind", has_text="Wide Plains").locator(".into small").all_inner_texts() == ["4607 50%", "4608 50%"]


def test_card_of_changes_in_french(visit, two_vintages):
    details = _changes_of_api(two_vintages, "fr")
    page = visit(map_drawn=False).open("compare=2018", lang="fr")
    titles = {"split": "Divisées", "renamed": "Nouveau nom", "new": "Nouvelles", "gone": "Disparues"}
    assert _changes_on_card(page) == {title: details[kind] for kind, title in titles.items()}


def test_map_colours_changed_regions_and_dashes_earlier_boundaries(visit, two_vintages):
    visitor = visit()
    page = visitor.open("compare=2018")
    visitor.map_settled()
    changed = {change["code"] for change in two_vintages["changes"] if change["of"] == "to" and change["kind"] not in COUNTED}
    _match, _code, *rest, _other = page.evaluate("covidtrendsMap.getPaintProperty('hr-paint', 'fill-color')")
    assert set(rest[::2]) == changed == {"4602", "4604", "4607", "4608"}
    visitor.map_holds("earlier", {"4601", "4602", "4603", "4604"})
    assert page.evaluate("covidtrendsMap.getLayer('earlier-line') !== undefined")
    page.get_by_role("button", name="What changed").click()
    visitor.settle()
    visitor.map_settled()
    assert page.evaluate("covidtrendsMap.getSource('earlier') === undefined")
    assert page.evaluate("covidtrendsMap.getPaintProperty('hr-paint', 'fill-color')") == "transparent"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_card_of_changes_has_no_serious_accessibility_violation(visit, two_vintages, theme):
    page = visit(map_drawn=False, color_scheme=theme).open("compare=2018", lang="fr" if theme == "dark" else "en")
    page.locator(".kind").evaluate_all("(kinds) => kinds.forEach((item) => { item.open = true; })")
    assert serious_violations(page) == []


def test_card_of_changes_works_by_keyboard(visit, two_vintages):
    visitor = visit(map_drawn=False)
    page = visitor.open("layer=health-regions")
    page.get_by_role("combobox", name="Vintage").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "compare"
    page.keyboard.press("Enter")
    visitor.shows("From 2018 to 2022")
    assert page.evaluate("document.activeElement.id") == "compare"
    assert page.locator("#compare").get_attribute("aria-pressed") == "true"
    # Only boundaries are compared, so the URL names no layer.
    assert visitor.fragment == "compare=2018"
    visitor.hears("From 2018 to 2022")
    visitor.hears("Split: 1")
    kind = page.locator(".kind", has_text="New name")
    kind.locator("summary").focus()
    opened = kind.evaluate("(item) => item.open")
    page.keyboard.press("Enter")
    assert kind.evaluate("(item) => item.open") is not opened
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    visitor.shows("New Bridge")
    # The card with the link is replaced: the focus moves to the new card, not to the start of the page.
    assert page.evaluate("document.activeElement.textContent") == "New Bridge"
    page.go_back()
    visitor.shows("From 2018 to 2022")


def test_vintage_menu_changes_regions_and_names(visit, two_vintages):
    visitor = visit()
    page = visitor.open("layer=health-regions")
    visitor.map_settled()
    visitor.map_holds("health-regions", {"4601", "4602", "4604", "4607", "4608"})
    assert visitor.name == "5 health regions"
    page.locator("#vintage").select_option("2018")
    visitor.shows_count("4 health regions")
    assert visitor.fragment == "vintage=2018"
    visitor.map_settled()
    visitor.map_holds("health-regions", {"4601", "4602", "4603", "4604"})
    names = "covidtrendsMap.querySourceFeatures('health-regions', {sourceLayer: 'labels'}).map((at) => at.properties.name_en)"
    assert set(page.evaluate(names)) == {"Lakes", "Old Bridge", "Wide Plains", "Far Shore"}
    page.get_by_text("Manitoba").click()
    assert page.locator(".province a").all_inner_texts() == ["Lakes", "Old Bridge", "Wide Plains", "Far Shore"]
    page.locator("#search").fill("bridge")
    assert "Old Bridge" in visitor.options.inner_text()
    page.go_back()
    visitor.shows_count("5 health regions")
    assert page.locator("#vintage").input_value() == "2022"
    visitor.map_holds("health-regions", {"4601", "4602", "4604", "4607", "4608"})


def test_vintage_menu_keeps_choice_and_view(visit, two_vintages):
    visitor = visit()
    page = visitor.open("layer=fsa&region=4602&vintage=2018")
    visitor.map_settled()
    assert visitor.name == "Old Bridge"
    page.get_by_role("radio", name="Health regions").check()
    visitor.settle()
    page.mouse.move(800, 350)
    page.mouse.down()
    page.mouse.move(700, 300, steps=4)
    page.mouse.up()
    visitor.map_settled()
    where = "covidtrendsMap.getCenter().toArray().concat(covidtrendsMap.getZoom()).map((item) => Number(item.toFixed(3)))"
    seen = page.evaluate(where)
    page.locator("#vintage").select_option("2022")
    visitor.shows("New Bridge")
    visitor.map_settled()
    # The vintage in force is not part of the URL.
    assert visitor.fragment == "region=4602"
    assert page.evaluate(where) == seen
    page.locator("#vintage").select_option("2018")
    visitor.shows("Old Bridge")
    assert visitor.fragment == "vintage=2018&region=4602"


def test_vintage_menu_keeps_a_position(visit, two_vintages):
    lon, lat = files.project(files.EAST + 1.5 * SIZE, files.NORTH + SIZE / 2, 3347, 4326)
    visitor = visit(map_drawn=False)
    page = visitor.open(f"at={lat:.5f},{lon:.5f}&accuracy=500")
    assert visitor.name == "New Bridge"
    page.locator("#vintage").select_option("2018")
    visitor.shows("Old Bridge")
    assert visitor.fragment == "vintage=2018"
    sent = [json.loads(request.post_data)["points"] for request in visitor.requests if "/locate" in request.url]
    assert sent[0] == sent[1]
    assert all("accuracy=500" in request.url for request in visitor.requests if "/locate" in request.url)


def test_vintage_is_not_compared_with_itself(visit, two_vintages):
    visitor = visit(map_drawn=False)
    page = visitor.open("compare=2018")
    page.locator("#vintage").select_option("2018")
    visitor.shows_count("4 health regions")
    assert visitor.fragment == "vintage=2018"
    # The first vintage has no predecessor, so the next vintage is compared with it.
    page.get_by_role("button", name="What changed").click()
    visitor.shows("From 2018 to 2022")
    assert visitor.fragment == "vintage=2022&compare=2018"


def test_region_missing_from_the_chosen_vintage_is_an_error(visit, two_vintages):
    visitor = visit(map_drawn=False, errors_expected=True)
    page = visitor.open("region=4603&vintage=2018")
    assert visitor.name == "Wide Plains"
    page.locator("#vintage").select_option("2022")
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert "4603" in alert.inner_text()
    assert "2022" in alert.inner_text()


@pytest.mark.parametrize(
    ("code", "verdict", "notes"),
    [
        ("R3A", "Wholly in Highlands", []),
        ("R3B", "In one health region. New Bridge", ["1% is outside all health regions"]),
        ("R3C", "In one health region. Lakes", ["0.2% consists of slivers"]),
        ("R3E", "In 2 health regions.", []),
    ],
)
def test_fsa_card_calls_an_fsa_whole_only_without_a_rest(visit, two_vintages, code, verdict, notes):
    page = visit(map_drawn=False).open(f"fsa={code}")
    assert page.locator(".verdict").inner_text().startswith(verdict)
    shares = page.locator(".share .number").all_inner_texts()
    # An FSA wholly in one region has no list of shares.
    assert shares == {"R3A": [], "R3B": ["98.9%"], "R3C": ["99.8%"], "R3E": ["50%", "50%"]}[code]
    shown = [note for note in page.locator("#card .note:not(.latest *):visible").all_inner_texts() if "Shares are" not in note]
    assert [text[: len(note)] for text, note in zip(shown, notes, strict=True)] == notes


def test_fsa_with_a_strip_outside_in_french(visit, two_vintages):
    page = visit(map_drawn=False).open("fsa=R3B", lang="fr")
    text = page.locator("#card").inner_text().replace("\u00a0", " ").replace("\u202f", " ")
    assert "Dans une région sociosanitaire. Pont-Neuf" in text
    assert "1 % ne se trouve dans aucune région sociosanitaire" in text
    assert "Entièrement" not in text


@pytest.mark.parametrize(
    ("fragment", "path", "name"),
    [
        ("region=4602&vintage=2018", "/health-regions/4602.json?detail=full&vintage=2018", "4602-2018.geojson"),
        ("fsa=R3B", "/fsa/R3B/boundary?detail=full&vintage=2021", "R3B-2021.geojson"),
    ],
)
def test_card_links_to_the_boundary_and_the_files_of_its_vintage(visit, two_vintages, fragment, path, name):
    visitor = visit(map_drawn=False)
    page = visitor.open(fragment)
    link = page.get_by_role("link", name="Boundary (GeoJSON)")
    assert link.get_attribute("href") == path
    with page.expect_download() as started:
        link.click()
    assert started.value.suggested_filename == name
    feature = json.loads(started.value.path().read_text(encoding="utf-8"))
    assert feature == _get(visitor.address, path)
    assert feature["geometry"]["type"] == "MultiPolygon"
    page.get_by_role("link", name="Files of vintage").click()
    page.locator("section:target h2", has_text=name.split("-")[1].removesuffix(".geojson")).wait_for()
