"""Answers of the offline packs of the demonstration, by the module in Node and in Chromium, against the API's own lookup."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from geography.coordinates import LonLat
from geography.lookup.locate import points_locate
from geography.models import Vintage
from geography.queries.downloads import downloads_of
from tests.support import packs
from tests.support.packs import INVALID, NEAR_BORDER, OUTSIDE, REGION, Answers, Positions

COVERAGES = ["health-regions", "fsa"]
LOOKUP = """async ([path, positions]) => {
  const { openPack } = await import("/pack.js");
  const pack = await openPack(await (await fetch(path)).arrayBuffer());
  const numbers = new Map(pack.regions.map(({ code }, number) => [code, number]));
  const statuses = ["region", "outside", "near_border", "invalid"];
  return positions.map(([lat, lon, accuracy]) => {
    const answer = pack.region(lat, lon, { accuracy });
    const number = answer.status === "region" ? numbers.get(answer.code) : (answer.candidates?.length ?? -1);
    return [statuses.indexOf(answer.status), number];
  });
}"""
WHOLE = """async ([path, positions]) => {
  const { openPack } = await import("/pack.js");
  const pack = await openPack(await (await fetch(path)).arrayBuffer());
  return positions.map(([lat, lon]) => pack.region(lat, lon));
}"""
OPEN = """async (content) => {
  const { openPack, PackError } = await import("/pack.js");
  const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
  try { await openPack(bytes); } catch (error) { return [error instanceof PackError, error.message]; }
  return [true, "opened"];
}"""

Ask = Callable[..., Answers]


def vintage_of(coverage: str) -> Vintage:
    return Vintage.objects.select_related("coverage").get(coverage__slug=coverage)


def pack_of(coverage: str) -> Path:
    """Return the path of the exported pack of the demonstration."""
    (download,) = (each for each in downloads_of(vintage_of(coverage)) if each.format.name == "pack")
    assert download.state == "ready"
    return download.path


@pytest.fixture
def page(browser: Browser, service: str) -> Iterator[Page]:
    """Return a page of the service in a browser."""
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(f"{service}/docs")
    yield opened
    context.close()


@pytest.fixture(params=["node", "chromium"])
def ask(request: pytest.FixtureRequest, page: Page) -> Ask:
    """Return a function that looks positions up in the pack of a coverage."""
    if request.param == "node":
        return lambda coverage, positions, accuracy_m=0.0: packs.in_node(pack_of(coverage), positions, accuracy_m)

    def in_chromium(coverage: str, positions: Positions, accuracy_m: float = 0.0) -> Answers:
        label = vintage_of(coverage).label
        path = f"/downloads/{coverage}/{label}/{coverage}-{label}.pack"
        answers = page.evaluate(LOOKUP, [path, packs.requests(positions, accuracy_m).tolist()])
        status, number = np.array(answers, dtype=np.int32).T
        return Answers(status, number, {})

    return in_chromium


@pytest.mark.parametrize("coverage", COVERAGES)
@pytest.mark.parametrize("accuracy_m", [0.0, 300.0])
def test_no_certain_answer_differs_from_the_api(ask: Ask, coverage: str, accuracy_m: float) -> None:
    vintage = vintage_of(coverage)
    hard = packs.near_vertices(vintage, 3_000, seed=1)
    north = packs.near_vertices(vintage, 500, seed=2, north_of=68.0)
    positions = np.concatenate([hard, north, packs.anywhere(1_000, seed=3)])
    answers = ask(coverage, positions, accuracy_m)
    assert packs.wrong_answers(vintage, positions, answers, accuracy_m) == []
    answered = answers.status != NEAR_BORDER
    assert set(answers.status.tolist()) == {REGION, OUTSIDE, NEAR_BORDER}
    # On a vertex no answer is certain; 100 m away most are, unless the accuracy or a neighbour is as far.
    assert 0.05 < answered[: len(hard)].mean() < 0.6
    assert answered[-1_000:].mean() > 0.9


def test_positions_in_the_middle_of_regions_are_answered(ask: Ask) -> None:
    rows = vintage_of("fsa").regions.order_by("code").values_list("rep_point", flat=True)
    answers = ask("fsa", np.array([point.coords for point in rows]))
    answered = answers.status == REGION
    assert answered.mean() > 0.95
    assert (answers.number[answered] == np.flatnonzero(answered)).all()


def test_impossible_positions_are_invalid(ask: Ask) -> None:
    nan, inf = float("nan"), float("inf")
    impossible = [(nan, 45), (-75, nan), (inf, 45), (-75, -inf), (-75, 90.001), (180.5, 45)]
    assert set(ask("fsa", np.array(impossible)).status.tolist()) == {INVALID}
    assert set(ask("fsa", np.array([(-75.7, 45.4)]), -1.0).status.tolist()) == {INVALID}
    assert set(ask("fsa", np.array([(-75.7, 45.4)]), nan).status.tolist()) == {INVALID}


def test_near_a_border_the_region_of_the_api_is_a_candidate(page: Page) -> None:
    vintage = vintage_of("health-regions")
    label = vintage.label
    positions = packs.near_vertices(vintage, 500, seed=4)
    located = points_locate(positions=[LonLat(*position) for position in positions.tolist()], vintages=[vintage])
    path = f"/downloads/health-regions/{label}/health-regions-{label}.pack"
    answers: list[dict[str, Any]] = page.evaluate(WHOLE, [path, packs.requests(positions, 0).tolist()])
    near = [pair for pair in zip(answers, located, strict=True) if pair[0]["status"] == "near_border"]
    assert len(near) > 100
    for answer, (expected,) in near:
        codes = [candidate["code"] for candidate in answer["candidates"]]
        assert codes == sorted(codes)
        assert expected.region is None or expected.region.code in codes


def damaged(content: bytes) -> dict[str, tuple[bytes, str]]:
    """Return faulty files by name, each with a part of the expected message."""
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 0x10
    return {
        "empty": (b"", "not an offline pack"),
        "another file": (b"PK\x03\x04" + content[4:], "not an offline pack"),
        "a newer format": (content[:7] + b"\x02" + content[8:], "format version 2; this reader knows version 1"),
        "one bit": (bytes(flipped), "damaged or incomplete"),
        "cut short": (content[:-100], "damaged or incomplete"),
        "without its checksum": (content[:-8], "damaged or incomplete"),
        "another length": (content + b"\0" * 16, "damaged or incomplete"),
    }


def test_damaged_and_newer_files_are_refused(page: Page) -> None:
    content = pack_of("health-regions").read_bytes()
    assert page.evaluate(OPEN, base64.b64encode(content).decode()) == [True, "opened"]
    for name, (faulty, message) in damaged(content).items():
        expected, text = page.evaluate(OPEN, base64.b64encode(faulty).decode())
        assert expected, name
        assert message in text, name


def test_pack_reader_can_be_imported_by_other_sites(service: str, browser: Browser) -> None:
    # Chromium asks before a public page may reach a loopback address; no permission is needed for a public one.
    context = browser.new_context(permissions=["local-network-access"])
    other = context.new_page()
    other.route("https://page.example/", lambda route: route.fulfill(content_type="text/html", body="<title>A page</title>"))
    other.goto("https://page.example/")
    vintage = vintage_of("health-regions")
    label, answer = other.evaluate(
        """async ([service, path]) => {
          const { openPack } = await import(`${service}/pack.js`);
          const pack = await openPack(await (await fetch(service + path)).arrayBuffer());
          return [pack.metadata.vintage, pack.region(45.3, -75.7)];
        }""",
        [service, f"/downloads/health-regions/{vintage.label}/{pack_of('health-regions').name}"],
    )
    ottawa = vintage.regions.get(code="3551")
    assert label == vintage.label
    assert answer == {
        "status": "region",
        "code": "3551",
        "name": {"en": ottawa.name_en, "fr": ottawa.name_fr},
        "pruid": "35",
    }
    context.close()
