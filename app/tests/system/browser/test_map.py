"""The map: what is drawn, and what a click, a key and the browser's position lead to."""

import re

from tests.system.browser.conftest import PHONE


def point(page, lon, lat):
    """Return where a position is on the screen."""
    return page.evaluate("([lon, lat]) => { const p = covidtrendsMap.project([lon, lat]); return [p.x, p.y]; }", [lon, lat])


def test_draws_the_regions_with_their_names_and_hovering_tells_which(visit):
    visitor = visit()
    page = visitor.open(lang="fr")
    visitor.map_settled()
    assert len(visitor.loaded("health-regions", code="6201")) > 90
    page.mouse.move(*point(page, -66.5, 46.5))
    page.locator("#tip:not([hidden])").wait_for()
    assert page.locator("#tip strong").inner_text().startswith("Zone ")
    assert page.locator("#tip span").inner_text().startswith("13")


def test_a_click_anywhere_asks_and_says_how_sure_the_answer_is(visit):
    visitor = visit()
    page = visitor.open()
    visitor.map_settled()
    page.mouse.click(*point(page, -97.14, 49.9))
    page.locator(".verdict").wait_for()
    assert "Winnipeg" in visitor.name
    assert "Certain." in page.locator(".verdict").inner_text()
    # The position is in the page, not in its address.
    assert visitor.fragment == ""
    assert page.locator(".maplibregl-marker.pin").is_visible()


def test_nothing_that_the_page_asks_for_has_a_position_in_its_address(visit):
    visitor = visit(geolocation={"latitude": 45.4236, "longitude": -75.7009, "accuracy": 40}, permissions=["geolocation"])
    page = visitor.open()
    visitor.map_settled()
    page.mouse.click(*point(page, -97.14, 49.9))
    visitor.shows("Winnipeg")
    page.get_by_role("button", name="Where am I?").click()
    visitor.shows("Ottawa")
    visitor.search("46.8139, -71.2080")
    visitor.shows("Capitale-Nationale")
    requests = [request.url.partition("#")[0] for request in visitor.requests]
    assert sum("/locate" in url for url in requests) >= 3
    assert [url for url in requests if re.search(r"[?&](lat|lon|lng|at|bbox)=|\d{2}\.\d{2,}", url)] == []


def test_enter_asks_about_the_middle_of_the_map(visit):
    visitor = visit()
    page = visitor.open("region=4601")
    visitor.map_settled()
    page.locator("#map canvas").focus()
    page.keyboard.press("Enter")
    page.locator(".verdict").wait_for()
    assert "Winnipeg" in visitor.name


def test_where_am_i_shows_how_exact_that_is_and_what_it_may_be(visit):
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


def test_where_am_i_refused_says_what_else_there_is(visit):
    page = visit(permissions=[]).open()
    page.get_by_role("button", name="Where am I?").click()
    assert "postal code" in page.get_by_role("alert").inner_text()


def test_fsas_are_a_layer_of_their_own(visit):
    visitor = visit()
    page = visitor.open("region=3595")
    page.get_by_role("radio", name="Postal (FSA)").check()
    visitor.map_settled()
    assert visitor.fragment == "layer=fsa&region=3595"
    visitor.loaded("fsa", code="M5V")
    page.mouse.move(*point(page, -79.3957, 43.6426))
    page.locator("#tip:not([hidden])").wait_for()
    assert page.locator("#tip").inner_text().startswith("M")
