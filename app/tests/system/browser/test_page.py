"""Page as a whole: no third-party requests, caching, accessibility, phone layout, theme."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Response

from tests.system.browser.conftest import PHONE, WIDE, serious_violations

STATES = ["", "region=3551", "fsa=K0A", "at=45.4236,-75.7009&accuracy=3000", "layer=fsa"]


def test_page_sends_no_third_party_requests(visit):
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


def test_browser_enforces_the_content_security_policy(visit):
    visitor = visit(errors_expected=True)
    page = visitor.open()
    assert page.evaluate("fetch('https://example.org/').then(() => 'let out', () => 'refused')") == "refused"
    assert any("Content Security Policy" in error for error in visitor.errors)


def test_static_files_are_immutable_and_modules_are_javascript(visit):
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
def test_page_has_no_serious_accessibility_violation(visit, viewport, theme):
    visitor = visit(viewport=viewport, color_scheme=theme, map_drawn=theme == "light" and viewport == WIDE)
    page = visitor.open(lang="fr" if theme == "dark" else "en")
    for fragment in STATES:
        visitor.go(fragment)
        assert serious_violations(page) == [], fragment


@pytest.mark.parametrize(("lang", "words"), [("en", "FSAs"), ("fr", "RTA")])
def test_fsa_layer_counts_fsas(visit, lang, words):
    visitor = visit(map_drawn=False)
    page = visitor.open("layer=fsa", lang=lang)
    assert visitor.name.endswith(f" {words}")
    counts = [int("".join(filter(str.isdigit, text))) for text in page.locator(".province .number").all_inner_texts()]
    assert sum(counts) == int("".join(filter(str.isdigit, visitor.name))) > 104
    page.get_by_text("Manitoba").click()
    assert page.locator(".province[open] .fsa-link").first.inner_text().startswith("R")


def test_phone_has_no_horizontal_scroll_and_the_sheet_opens(visit):
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
            "[...document.querySelectorAll('button, select, input:not([type=radio])')].filter((item) => item.offsetParent)"
            ".filter((item) => item.offsetHeight < 24 || item.offsetWidth < 24).map((item) => item.outerHTML.slice(0, 80))"
        )
        assert too_small == []
        visitor.page.goto("about:blank")


def test_theme_is_stored_and_repaints_the_map(visit):
    visitor = visit(color_scheme="light")
    page = visitor.open("layer=health-regions")
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


def test_documentation_page_sends_no_third_party_requests(visit):
    visitor = visit()
    visitor.page.goto(f"{visitor.address}/docs")
    visitor.page.get_by_text("/health-regions", exact=True).first.wait_for()
    assert {urlsplit(request.url).netloc for request in visitor.requests if request.url.startswith("http")} == {
        urlsplit(visitor.address).netloc
    }
