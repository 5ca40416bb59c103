"""Map of the boundaries: drawn regions, hover, click, keyboard and geolocation."""

import re

from tests.system.browser.conftest import PHONE


def point(page, lon, lat):
    """Return the screen coordinates of a position."""
    return page.evaluate("([lon, lat]) => { const p = covidtrendsMap.project([lon, lat]); return [p.x, p.y]; }", [lon, lat])


def test_hovering_shows_the_name_of_a_region(visit):
    visitor = visit()
    page = visitor.open("layer=health-regions", lang="fr")
    visitor.map_settled()
    assert len(visitor.loaded("health-regions", code="6201")) > 90
    page.mouse.move(*point(page, -66.5, 46.5))
    page.locator("#tip:not([hidden])").wait_for()
    assert page.locator("#tip strong").inner_text().startswith("Zone ")
    assert page.locator("#tip span").inner_text().startswith("13")


def test_click_locates_the_position_with_its_certainty(visit):
    visitor = visit()
    page = visitor.open("layer=health-regions")
    visitor.map_settled()
    page.mouse.click(*point(page, -97.14, 49.9))
    page.locator(".verdict").wait_for()
    assert "Winnipeg" in visitor.name
    assert "Certain." in page.locator(".verdict").inner_text()
    # The position is not in the URL.
    assert visitor.fragment == ""
    assert page.locator(".maplibregl-marker.pin").is_visible()


def test_no_request_has_a_position_in_its_url(visit):
    # So near a border that it is sent.
    visitor = visit(geolocation={"latitude": 45.4236, "longitude": -75.7109, "accuracy": 2600}, permissions=["geolocation"])
    page = visitor.open("layer=health-regions")
    visitor.map_settled()
    page.mouse.click(*point(page, -97.14, 49.9))
    visitor.shows("Winnipeg")
    page.get_by_role("button", name="Where am I?").click()
    visitor.shows("Ottawa")
    visitor.search("46.8139, -71.2080")
    visitor.shows("Capitale-Nationale")
    requests = [request.url.partition("#")[0] for request in visitor.requests]
    assert sum("/locate" in url for url in requests) == 1
    assert [url for url in requests if re.search(r"[?&](lat|lon|lng|at|bbox)=|\d{2}\.\d{2,}", url)] == []


def test_enter_locates_the_centre_of_the_map(visit):
    visitor = visit()
    page = visitor.open("region=4601")
    visitor.map_settled()
    page.locator("#map canvas").focus()
    page.keyboard.press("Enter")
    page.locator(".verdict").wait_for()
    assert "Winnipeg" in visitor.name


def test_geolocation_shows_its_accuracy_and_candidates(visit):
    place = {"latitude": 45.4236, "longitude": -75.7109, "accuracy": 2600}
    visitor = visit(geolocation=place, permissions=["geolocation"], viewport=PHONE, has_touch=True)
    page = visitor.open()
    page.get_by_role("button", name="Where am I?").tap()
    page.locator(".verdict.unsure").wait_for()
    assert "Not certain." in page.locator(".verdict").inner_text()
    assert page.locator(".eyebrow").inner_text() == "Your position, within 2.6 km"
    names = page.locator(".share .what").all_inner_texts()
    assert names == ["City of Ottawa Health Unit", "Région de l'Outaouais"]
    visitor.map_settled()
    assert page.evaluate("covidtrendsMap.queryRenderedFeatures({layers: ['accuracy-fill']}).length") > 0
    assert visitor.fragment == ""


def test_denied_geolocation_suggests_a_postal_code(visit):
    page = visit(permissions=[]).open()
    page.get_by_role("button", name="Where am I?").click()
    assert "postal code" in page.get_by_role("alert").inner_text()


def test_fsa_layer_keeps_the_chosen_region(visit):
    visitor = visit()
    page = visitor.open("region=3595")
    page.get_by_role("radio", name="Postal (FSA)").check()
    visitor.map_settled()
    assert visitor.fragment == "layer=fsa&region=3595"
    visitor.loaded("fsa", code="M5V")
    page.mouse.move(*point(page, -79.3957, 43.6426))
    page.locator("#tip:not([hidden])").wait_for()
    assert page.locator("#tip").inner_text().startswith("M")
