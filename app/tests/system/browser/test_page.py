"""The page as a whole: nothing from elsewhere, nothing that a screen reader stumbles over, on a phone as on a desk."""

from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Response

from tests.system.browser.conftest import PHONE, WIDE

STATES = ["", "region=3551", "fsa=K0A", "at=45.4236,-75.7009&accuracy=3000", "layer=fsa"]


def test_nothing_is_asked_for_elsewhere(visit):
    visitor = visit()
    page = visitor.open()
    visitor.map_settled()
    visitor.search("K0A")
    visitor.shows("K0A")
    page.get_by_role("radio", name="Postal (FSA)").check()
    visitor.map_settled()
    hosts = {urlsplit(request.url).netloc for request in visitor.requests if not request.url.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(visitor.address).netloc}
    assert any("maplibre-gl-worker.mjs" in request.url for request in visitor.requests)


def test_what_the_page_does_not_allow_the_browser_refuses(visit):
    visitor = visit(errors_expected=True)
    page = visitor.open()
    assert page.evaluate("fetch('https://example.org/').then(() => 'let out', () => 'refused')") == "refused"
    assert any("Content Security Policy" in error for error in visitor.errors)


def test_files_are_kept_for_ever_and_modules_are_javascript(visit):
    visitor = visit()
    responses: list[Response] = []
    visitor.page.on("response", lambda response: responses.append(response))  # noqa: PLW0108 - Playwright takes no built-in
    visitor.open()
    files = [response for response in responses if "/static/web/" in response.url]
    assert len(files) > 15
    assert all("immutable" in file.headers["cache-control"] for file in files)
    modules = [file for file in files if file.url.split("?")[0].endswith((".mjs", ".js"))]
    assert {module.headers["content-type"].split(";")[0] for module in modules} == {"text/javascript"}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_serious(visit, viewport, theme):
    visitor = visit(viewport=viewport, color_scheme=theme)
    page = visitor.open(lang="fr" if theme == "dark" else "en")
    for fragment in STATES:
        page.evaluate("(fragment) => { location.hash = fragment; }", fragment)
        page.wait_for_timeout(50)
        visitor.settle()
        result = Axe().run(page).response["violations"]
        serious = [
            (item["id"], [node["html"][:120] for node in item["nodes"][:3]])
            for item in result
            if item["impact"] in {"serious", "critical"}
        ]
        assert serious == [], fragment


@pytest.mark.parametrize(("lang", "words"), [("en", "FSAs"), ("fr", "RTA")])
def test_the_layer_of_fsas_counts_fsas(visit, lang, words):
    visitor = visit(map_drawn=False)
    page = visitor.open("layer=fsa", lang=lang)
    assert visitor.name.endswith(f" {words}")
    counts = [int("".join(filter(str.isdigit, text))) for text in page.locator(".province .number").all_inner_texts()]
    assert sum(counts) == int("".join(filter(str.isdigit, visitor.name))) > 104
    page.get_by_text("Manitoba").click()
    assert page.locator(".province[open] .fsa-link").first.inner_text().startswith("R")


def test_on_a_phone_nothing_is_wider_than_the_screen_and_the_sheet_opens(visit):
    visitor = visit(viewport=PHONE, has_touch=True, is_mobile=True)
    for lang in ("en", "fr"):
        page = visitor.open("fsa=K0A", lang=lang)
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        sheet = page.locator("#sheet")
        half = sheet.bounding_box()["height"]
        page.locator("#sheet-toggle").tap()
        page.wait_for_timeout(50)
        assert sheet.bounding_box()["height"] > half * 1.5
        assert page.locator("#sheet-toggle").get_attribute("aria-expanded") == "true"
        too_small = page.evaluate(
            "[...document.querySelectorAll('button, select, input:not([type=radio])')].filter((one) => one.offsetParent)"
            ".filter((one) => one.offsetHeight < 24 || one.offsetWidth < 24).map((one) => one.outerHTML.slice(0, 80))"
        )
        assert too_small == []
        visitor.page.goto("about:blank")


def test_the_switch_between_light_and_dark_is_remembered_and_repaints_the_map(visit):
    visitor = visit(color_scheme="light")
    page = visitor.open()
    visitor.map_settled()
    water = "covidtrendsMap.getPaintProperty('water', 'background-color')"
    light = page.evaluate(water)
    page.get_by_role("button", name="Dark colours").click()
    visitor.map_settled()
    assert page.evaluate(water) != light
    assert page.evaluate("covidtrendsMap.getLayer('hr-fill') !== undefined")
    page.reload()
    visitor.settle()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_documentation_page_works_and_asks_for_nothing_elsewhere(visit):
    visitor = visit()
    visitor.page.goto(f"{visitor.address}/docs")
    visitor.page.get_by_text("/health-regions", exact=True).first.wait_for()
    assert {urlsplit(request.url).netloc for request in visitor.requests if request.url.startswith("http")} == {
        urlsplit(visitor.address).netloc
    }
