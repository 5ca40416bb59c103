"""Positions on the map page: answered on this device by the offline packs; only near a border are they sent."""

import re

import pytest

from tests.system.browser.conftest import PHONE

WINNIPEG = (-97.14, 49.9)
TILE = re.compile(r"/tiles/[a-z-]+/(\d+)/")


def point(page, lon, lat):
    """Return the screen coordinates of a position."""
    return page.evaluate("([lon, lat]) => { const p = covidtrendsMap.project([lon, lat]); return [p.x, p.y]; }", [lon, lat])


def paths(visitor):
    """Return the requests as method and path with query."""
    return [f"{request.method} /{request.url.split('/', 3)[3]}" for request in visitor.requests]


def sent(visitor):
    return [path for path in paths(visitor) if "/locate" in path]


def test_click_is_answered_without_sending_the_position(visit):
    visitor = visit()
    page = visitor.open("layer=health-regions")
    visitor.map_settled()
    page.mouse.click(*point(page, *WINNIPEG))
    visitor.shows("Winnipeg")
    assert "the position was not sent" in page.locator(".verdict.sure").inner_text()
    page.locator(".latest").wait_for()
    assert page.locator(".facts .fsa-link").inner_text().startswith("R")
    assert sent(visitor) == []
    requested = {path.partition("?")[0] for path in paths(visitor) if path.startswith("GET /health-regions/4601")}
    assert requested == {"GET /health-regions/4601", "GET /health-regions/4601/indicators"}
    assert not any(request.post_data for request in visitor.requests)


def test_position_of_the_device_is_not_sent_and_tiles_around_it_are_coarse(visit):
    place = {"latitude": 43.7, "longitude": -79.4, "accuracy": 25}
    visitor = visit(geolocation=place, permissions=["geolocation"], viewport=PHONE, has_touch=True)
    page = visitor.open()
    page.get_by_role("button", name="Where am I?").tap()
    visitor.shows("Toronto")
    visitor.map_settled()
    assert sent(visitor) == []
    zooms = [int(match[1]) for match in map(TILE.search, paths(visitor)) if match]
    assert 5 <= max(zooms) <= 8


def test_position_near_a_border_is_sent_in_the_body_of_a_request(visit):
    visitor = visit(geolocation={"latitude": 45.4236, "longitude": -75.7109, "accuracy": 2600}, permissions=["geolocation"])
    page = visitor.open()
    page.get_by_role("button", name="Where am I?").click()
    page.locator(".verdict.unsure").wait_for()
    assert [path.partition("?")[0] for path in sent(visitor)] == ["POST /locate"]


def test_offline_click_still_gets_the_name_of_its_region(visit):
    visitor = visit(errors_expected=True)
    page = visitor.open("layer=health-regions", lang="fr")
    visitor.map_settled()
    page.mouse.click(*point(page, *WINNIPEG))
    visitor.shows("Winnipeg")
    page.context.set_offline(True)
    page.mouse.click(*point(page, -106.67, 52.13))
    visitor.shows("Saskatoon")
    assert "la position n'a pas été envoyée" in page.locator(".verdict.sure").inner_text()
    notice = page.locator(".card [role=status]")
    notice.wait_for()
    assert notice.inner_text() == "Les détails ne sont pas disponibles. Le service est injoignable."
    assert page.locator(".facts .fsa-link").inner_text().startswith("S7")


@pytest.mark.parametrize("status", [404, 503])
def test_position_is_sent_where_a_pack_cannot_be_had(visit, status):
    visitor = visit(errors_expected=True, map_drawn=False)
    visitor.page.route("**/fsa-*.pack", lambda route: route.fulfill(status=status, body="{}"))
    page = visitor.open()
    visitor.search("49.9, -97.14")
    visitor.shows("Winnipeg")
    assert "border with" in page.locator(".verdict.sure").inner_text()
    assert len(sent(visitor)) == 1


def test_damaged_pack_is_not_used(visit):
    visitor = visit(errors_expected=True, map_drawn=False)
    visitor.page.route("**/health-regions-*.pack", lambda route: route.fulfill(body=b"GEOPACK\x01\x1f\x8b\x08"))
    visitor.open()
    visitor.search("49.9, -97.14")
    visitor.shows("Winnipeg")
    assert len(sent(visitor)) == 1


def test_reader_can_send_a_position_outside_for_the_nearest_region(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open()
    # In the harbour of Halifax.
    visitor.search("44.55, -63.5")
    page.locator(".verdict.none").wait_for()
    assert "the position was not sent" in page.locator(".verdict").inner_text()
    assert sent(visitor) == []
    page.get_by_role("button", name="Ask the service").click()
    page.locator(".verdict.unsure").wait_for()
    assert "The nearest region." in page.locator(".verdict").inner_text()
    assert len(sent(visitor)) == 1


def test_figures_load_no_pack(visit):
    visitor = visit()
    visitor.open()
    visitor.map_settled()
    assert [path for path in paths(visitor) if path.endswith(".pack")] == []
