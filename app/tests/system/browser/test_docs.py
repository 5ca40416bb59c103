"""The documentation page in a real browser: first steps, reference, accessibility."""

import urllib.request
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser

from tests.system.browser.conftest import serious_violations


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_docs_have_no_serious_accessibility_violation(browser: Browser, service: str, scheme: str, width: int) -> None:
    """With every operation closed, and with two open and one being tried."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"{service}/docs")
    operations = page.locator(".opblock-summary-control")
    operations.first.wait_for(timeout=60_000)
    assert serious_violations(page) == []
    operations.nth(0).click()
    operations.nth(1).click()
    page.locator(".try-out__btn").first.click()
    page.locator(".execute").first.wait_for()
    assert serious_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert {url for url in requests if not url.startswith((service, "data:"))} == set()
    context.close()


def test_parameters_come_in_the_order_of_need(browser: Browser, service: str) -> None:
    page = browser.new_page()
    page.goto(f"{service}/docs")
    page.locator("#operations-Positions-locate .opblock-summary-control").click(timeout=60_000)
    page.locator("tr[data-param-name]").first.wait_for()
    names = page.eval_on_selector_all("tr[data-param-name]", "rows => rows.map(row => row.dataset.paramName)")
    assert names[:4] == ["lat", "lon", "accuracy", "max_distance"]
    page.close()


def test_first_steps_answer(browser: Browser, service: str) -> None:
    """Every link of the first steps leads to an answer of the demonstration."""
    page = browser.new_page()
    page.goto(f"{service}/docs")
    paths = page.eval_on_selector_all(".kinds a", "links => links.map(link => link.getAttribute('href'))")
    page.close()
    assert len(paths) > 10
    for path in paths:
        with urllib.request.urlopen(urljoin(service, path), timeout=60) as response:
            assert response.status == 200, path
