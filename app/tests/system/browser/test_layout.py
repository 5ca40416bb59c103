"""Page layout: nothing overlaps, in either language."""

import json
import time
from itertools import combinations

import pytest

from tests.system.browser.conftest import PHONE

DESK = {"width": 1440, "height": 900}
TABLET = {"width": 768, "height": 1024}
# Controls over the map. A hidden control has no box.
CONTROLS = ("#top", "#sheet", ".maplibregl-ctrl-group", ".maplibregl-ctrl-scale", "#attribution")
LONG = (
    " Adapté de Statistique Canada, Fichiers des limites cartographiques des régions, deuxième version corrigée, produit no"
    " 92-179-X au catalogue. Cela ne constitue pas une approbation de ce produit par Statistique Canada."
)


def _with_long_sources(route):
    response = route.fetch()
    body = response.json()
    for vintage in body["vintages"]:
        vintage["attribution"] += LONG
    route.fulfill(response=response, body=json.dumps(body))


def _boxes(page):
    boxes = {name: page.locator(name).bounding_box() for name in CONTROLS}
    return {name: box for name, box in boxes.items() if box and box["width"] and box["height"]}


def _overlap(a, b):
    return (
        min(a["x"] + a["width"], b["x"] + b["width"]) > max(a["x"], b["x"]) + 0.5
        and min(a["y"] + a["height"], b["y"] + b["height"]) > max(a["y"], b["y"]) + 0.5
    )


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("viewport", [DESK, TABLET, PHONE], ids=["desk", "tablet", "phone"])
def test_controls_do_not_overlap(visit, viewport, lang):
    visitor = visit(viewport=viewport)
    page = visitor.page
    page.route("**/vintages?*", _with_long_sources)
    visitor.open("fsa=K0A", lang=lang)
    visitor.map_settled()
    shown = _boxes(page)
    wide = viewport is not PHONE
    assert set(shown) == (set(CONTROLS) if wide else {"#top", "#sheet"})
    if wide:
        assert shown["#attribution"]["height"] > 40
        assert LONG[1:40] in page.locator("#sources").inner_text()
    for name, box in shown.items():
        assert box["x"] >= 0, name
        assert box["y"] >= 0, name
        assert box["x"] + box["width"] <= viewport["width"], name
        assert box["y"] + box["height"] <= viewport["height"], name
    assert [(first, second) for first, second in combinations(shown, 2) if _overlap(shown[first], shown[second])] == []
    if not wide:
        page.locator("#sheet-toggle").click()
        page.locator('#sheet[data-size="full"]').wait_for()
        shown = _boxes(page)
        assert not _overlap(shown["#top"], shown["#sheet"])


_SHIFTS = """
window.layoutShift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.layoutShift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_page_is_stable_while_responses_are_slow(visit, viewport):
    """Cumulative layout shift: below 0.1 is good. Most of it is the menus of the indicators, which appear late."""

    def delay(route):
        time.sleep(0.4)  # a slow network
        route.continue_()

    visitor = visit(viewport=viewport)
    visitor.page.add_init_script(_SHIFTS)
    visitor.page.route("**/indicators*", delay)
    visitor.page.route("**/indicators/**", delay)
    visitor.open()
    assert visitor.page.evaluate("window.layoutShift") < 0.1
