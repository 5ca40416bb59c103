"""Towns in the search of the page, and the ways from a split FSA to the region of an address."""

import re

import pytest

from tests.system.browser.conftest import PHONE, serious_violations

# A position in Carleton Place, which is in region 3543.
HOME = {"latitude": 45.1414, "longitude": -76.1395, "accuracy": 20}


@pytest.mark.parametrize(
    ("layer", "typed", "option", "code"),
    [
        ("", "carleton place", "Carleton Place", "3543"),
        ("", "Carlton Plac", "Carleton Place", "3543"),
        ("layer=fsa", "st jean sur richelieu", "Saint-Jean-sur-Richelieu", "2416"),
        ("layer=health-regions", "saint-jean-sur", "Saint-Jean-sur-Richelieu", "2416"),
    ],
)
def test_town_leads_to_its_health_region(visit, layer, typed, option, code):
    visitor = visit(map_drawn=False)
    page = visitor.open(layer)
    page.locator("#search").fill(typed)
    page.get_by_role("option", name=option).click()
    page.wait_for_url(re.compile(rf"[#&]region={code}$"))
    page.locator("#card .name:not(.code)").wait_for()


def test_town_in_several_regions_is_an_option_for_each(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open(lang="fr")
    page.locator("#search").fill("arnprior")
    visitor.options.nth(1).wait_for()
    texts = visitor.options.all_inner_texts()
    assert [text.splitlines()[0] for text in texts] == ["Arnprior", "Arnprior"]
    assert all(re.search(r"\(\d+(,\d)?\s%\)", text) for text in texts)


def test_arrow_keys_reach_towns_and_the_active_option_stays_while_more_arrive(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open("layer=health-regions")
    page.route("**/search?*", lambda route: (page.wait_for_timeout(400), route.continue_()))
    page.locator("#search").fill("ottawa")
    visitor.options.first.wait_for()
    page.keyboard.press("ArrowDown")
    field = page.locator("#search")
    assert field.get_attribute("aria-activedescendant") == "option-0"
    visitor.options.nth(2).wait_for()
    assert field.get_attribute("aria-activedescendant") == "option-0"
    assert visitor.options.nth(0).get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowDown")
    active = page.locator(f"#{field.get_attribute('aria-activedescendant')}")
    assert active.get_attribute("aria-selected") == "true"
    assert "Ottawa" in active.inner_text()
    assert serious_violations(page) == []
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("#region=3551$"))


@pytest.mark.parametrize(
    "typed", ["m5v 3l9", "M5V3", "K1A 0", "k1", "45.42", "45.4236, -75.7", "near K1A 0B1", "KOA OBO", "45° 25"]
)
def test_neither_postal_code_nor_position_is_sent_to_the_search(visit, typed):
    visitor = visit(map_drawn=False)
    page = visitor.open()
    page.locator("#search").press_sequentially(typed, delay=5)
    page.wait_for_timeout(600)
    sent = [request.url for request in visitor.requests if "/search?" in request.url]
    assert not [url for url in sent if re.search(r"q=[^&]*\d|obo", url.lower())]


def test_search_without_the_service_still_finds_regions(visit):
    visitor = visit(map_drawn=False, errors_expected=True)
    page = visitor.open("layer=health-regions")
    page.route("**/search?*", lambda route: route.abort())
    visitor.search("ottawa")
    visitor.shows("City of Ottawa Health Unit")


def test_split_fsa_leads_to_the_region_at_the_own_position(visit):
    visitor = visit(map_drawn=False, geolocation=HOME, permissions=["geolocation"])
    page = visitor.open("fsa=K0A")
    page.locator("#card").get_by_role("button", name="Use my location").click()
    visitor.shows("Leeds, Grenville and Lanark")
    visitor.go("fsa=M5V")
    visitor.shows("M5V")
    assert page.locator("#card").get_by_role("button", name="Use my location").count() == 0


def test_click_on_the_map_finds_the_region_of_a_home_in_a_split_fsa(visit):
    visitor = visit(viewport=PHONE)
    page = visitor.open("fsa=K0A")
    visitor.map_settled()
    page.locator("#card").get_by_role("button", name="Click your home on the map").click()
    hint = page.locator("#card .note", has_text="Zoom in and click")
    assert hint.is_visible()
    visitor.hears("Zoom in and click")
    visitor.map_settled()
    page.keyboard.press("Enter")
    page.locator("#card .name:not(.code)").wait_for()
    assert page.locator("#card .verdict").is_visible()


def test_link_of_a_page_asks_for_the_position(visit, service):
    visitor = visit(map_drawn=False, geolocation=HOME, permissions=["geolocation"])
    page = visitor.page
    page.goto(f"{service}/fsa/K0A.html?lang=en")
    page.get_by_role("link", name="Use my location").click()
    visitor.shows("Leeds, Grenville and Lanark")
    assert "45.1" not in page.url


def test_link_of_a_page_explains_a_denied_position(visit):
    visitor = visit(map_drawn=False, permissions=[])
    visitor.open("locate")
    visitor.shows("This page may not use your position.")
