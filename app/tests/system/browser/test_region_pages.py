"""Pages of regions and FSAs in a browser: accessibility, layout, no script, no other host."""

import pytest

from tests.system.browser.conftest import PHONE, WIDE, serious_violations

PATHS = [
    "/health-regions/3551",
    "/health-regions/6201.html?lang=fr",
    "/fsa/K0A?lang=fr",
    "/fsa/M5V.html",
    "/health-regions/3551?vintage=2022-demo",
]


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_fit_the_screen_and_stay_on_this_host(visit, service, viewport, scheme):
    visitor = visit(viewport=viewport, color_scheme=scheme)
    page = visitor.page
    for path in PATHS:
        response = page.goto(service + path)
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert serious_violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
    assert not [request.url for request in visitor.requests if not request.url.startswith(service)]


def test_page_works_without_javascript(visit, service):
    page = visit(java_script_enabled=False).page
    page.goto(f"{service}/health-regions/3551")
    assert page.locator("h1").inner_text() == "City of Ottawa Health Unit"
    assert page.locator(".picture svg .this").bounding_box()["width"] > 100
    page.get_by_role("link", name="K0A", exact=True).click()
    assert page.locator("h1").inner_text() == "K0A"
    page.get_by_role("link", name="FR", exact=True).click()
    assert page.locator("html").get_attribute("lang") == "fr"
    page.get_by_role("link", name="Circonscription sanitaire de la ville d'Ottawa").first.click()
    assert page.url.endswith("/health-regions/3551.html?lang=fr")


def test_page_follows_the_colours_chosen_on_the_map_page(visit, service):
    visitor = visit(map_drawn=False, color_scheme="light")
    visitor.open().locator("#theme").click()
    page = visitor.page
    page.goto(f"{service}/fsa/K0A")
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_link_to_the_map_opens_the_region(visit, service):
    visitor = visit(map_drawn=False)
    visitor.page.goto(f"{service}/health-regions/3551.html?lang=fr")
    visitor.page.get_by_role("link", name="Afficher sur la carte").click()
    visitor.shows("Circonscription sanitaire de la ville d'Ottawa")


def test_back_button_returns_the_page_and_not_the_document_of_a_script(visit, service):
    visitor = visit(map_drawn=False)
    page = visitor.page
    page.goto(f"{service}/health-regions/3551")
    page.goto(service)  # its script may request data
    assert page.evaluate("fetch('/health-regions/3551').then((r) => r.headers.get('content-type'))") == "application/geo+json"
    page.go_back()
    assert page.locator("h1").inner_text() == "City of Ottawa Health Unit"


OTHER_PATHS = [
    "/downloads",
    "/downloads?colour=red",
    "/problems",
    "/problems/region-unknown",
    "/health-regions/9999",
    "/fsa/MOV",
    "/fsa/K1A.html",
    "/nowhere",
]


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_downloads_and_problems_are_accessible_and_fit_the_screen(visit, service, viewport, scheme):
    page = visit(viewport=viewport, color_scheme=scheme, errors_expected=True).page
    for path in OTHER_PATHS:
        for lang in ("en", "fr"):
            page.goto(f"{service}{path}{'&' if '?' in path else '?'}lang={lang}")
            assert page.locator("html").get_attribute("lang") == lang
            assert serious_violations(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path


@pytest.mark.parametrize("path", ["/health-regions/3551.html", "/fsa/K0A.html", "/downloads", "/docs"])
def test_paper_is_light_for_readers_of_the_dark_colours(visit, service, path):
    page = visit(color_scheme="dark").page
    page.goto(service + path)
    ink = "getComputedStyle(document.querySelector('h1')).color.match(/[0-9.]+/g).slice(0, 3).map(Number)"
    assert min(page.evaluate(ink)) > 200
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.emulate_media(media="print")
    assert max(page.evaluate(ink)) < 70
