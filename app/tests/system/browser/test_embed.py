"""The map in a frame of another page, and the buttons that share a state."""

import html
import re
from pathlib import Path

import pytest
from django.conf import settings

from tests.system.browser.conftest import PHONE, serious_violations

DOCUMENT = (Path(settings.REPO_DIR) / "docs" / "web-pages.md").read_text(encoding="utf-8")
(SNIPPET,) = re.findall(r"```html\n(<iframe src=\"http://127.0.0.1:8000/embed.*)\n```", DOCUMENT)
SITE = "https://news.example.org"
SHARE = """
window.shared = [];
Object.defineProperty(Navigator.prototype, "share", { value: async (data) => { shared.push(data); } });
"""


def framed(visitor, snippet):
    """Show a snippet in a page of another site; return its frame with the card shown."""
    body = f"<!doctype html><html lang=en><title>News</title><main><h1>News</h1>{snippet}</main>"
    visitor.page.route(f"{SITE}/", lambda route: route.fulfill(content_type="text/html; charset=utf-8", body=body))
    visitor.page.goto(f"{SITE}/")
    frame = visitor.page.frame_locator("iframe")
    frame.locator("#card > *:not(.waiting)").wait_for()
    return frame


# Chromium asks before a public page may reach a loopback address; no permission is needed for a public one.
LOCAL = {"permissions": ["local-network-access"]}


@pytest.mark.parametrize("viewport", [{"width": 1024, "height": 700}, PHONE], ids=["wide", "phone"])
def test_documented_snippet_shows_a_region_in_a_page_of_another_site(visit, service, viewport):
    visitor = visit(viewport=viewport, **LOCAL)
    frame = framed(visitor, SNIPPET.replace("http://127.0.0.1:8000", service))
    frame.locator("#card .name", has_text="City of Ottawa Health Unit").wait_for()
    assert frame.locator("html").get_attribute("data-theme") == "light"
    assert not frame.locator("#search").is_visible()
    inner = visitor.page.frames[1]
    visitor.poll(lambda: inner.evaluate("Boolean(window.covidtrendsMap?.getSource('health-regions'))"), bool)
    assert frame.locator("#full-map").get_attribute("href") == f"{service}/?lang=en#region=3551"
    assert serious_violations(visitor.page) == []


def test_frame_shows_figures_in_french_and_dark_and_leaves_the_history_of_the_page_alone(visit, service):
    visitor = visit(**LOCAL)
    snippet = (
        f'<iframe src="{service}/embed?lang=fr&amp;theme=dark#on=2022-01-08" title="Carte" width="900" height="500"></iframe>'
    )
    frame = framed(visitor, snippet)
    assert "8 janvier 2022" in frame.locator("#week-label").inner_text()
    assert frame.locator("html").get_attribute("lang") == "fr"
    length = visitor.page.evaluate("history.length")
    frame.get_by_text("Toutes les régions en tableau").click()
    frame.locator(".regions-table a").first.click()
    frame.locator("#card .close").wait_for()
    assert visitor.page.evaluate("history.length") == length


def test_position_in_the_address_of_a_frame_is_ignored(visit, service):
    visitor = visit(map_drawn=False)
    visitor.page.goto(f"{service}/embed?lang=en#layer=health-regions&at=45.4236,-75.7009")
    visitor.settle()
    visitor.shows_count("104 health regions")
    assert visitor.fragment == "layer=health-regions"


def test_link_with_a_position_in_a_frame_leads_to_the_whole_page(visit, service):
    visitor = visit(map_drawn=False, permissions=["clipboard-read", "clipboard-write"])
    visitor.page.goto(f"{service}/embed?lang=en")
    visitor.settle()
    # A click on the map stores the position with the entry of the history.
    visitor.page.evaluate("history.replaceState({ at: [-75.7009, 45.4236] }, '', location.href)")
    visitor.page.reload()
    visitor.settle()
    visitor.page.get_by_role("button", name="Copy link with this position").click()
    visitor.page.get_by_role("button", name="Copied").wait_for()
    link = visitor.page.evaluate("navigator.clipboard.readText()")
    assert link == f"{service}/?lang=en#at=45.4236,-75.7009"
    visitor.page.goto(link)
    visitor.settle()
    assert visitor.page.get_by_role("button", name="Copy link with this position").count() == 1


def test_no_page_may_frame_the_page_itself(visit, service):
    visitor = visit(errors_expected=True, **LOCAL)
    body = f'<!doctype html><title>News</title><iframe src="{service}/"></iframe>'
    visitor.page.route(f"{SITE}/", lambda route: route.fulfill(content_type="text/html", body=body))
    visitor.page.goto(f"{SITE}/")
    visitor.page.wait_for_timeout(1000)
    assert visitor.page.frames[1].url == "chrome-error://chromewebdata/"


def test_shared_and_embedded_addresses_have_neither_position_nor_view(visit, service):
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    visitor.page.add_init_script(SHARE)
    page = visitor.open("fsa=K0A")
    visitor.map_settled()
    # The reader moves the map: its view is in a copied link, but not in a shared one.
    page.locator("#map canvas").focus()
    page.keyboard.press("+")
    page.get_by_role("button", name="Share").click()
    # A program that shows a preview of a link never sees a fragment: the page of the FSA has one.
    assert page.evaluate("shared.map(({ url }) => url)") == [f"{service}/fsa/K0A.html?lang=en"]
    page.get_by_role("button", name="Copy code to embed").click()
    page.get_by_role("button", name="Copied").wait_for()
    code = page.evaluate("navigator.clipboard.readText()")
    assert html.unescape(re.findall('src="([^"]*)"', code)[0]) == f"{service}/embed?lang=en#fsa=K0A"


def test_position_is_shared_by_the_button_that_says_so_only(visit):
    visitor = visit(map_drawn=False)
    visitor.page.add_init_script(SHARE)
    page = visitor.open("at=45.4236,-75.7009")
    page.get_by_role("button", name="Copy link with this position").wait_for()
    assert page.get_by_role("button", name="Share").count() == 0
    assert page.get_by_role("button", name="Copy code to embed").count() == 0


@pytest.mark.parametrize(
    ("state", "path"),
    [
        ("region=3551", "/health-regions/3551.html?lang=fr"),
        ("indicator=deaths&on=2022-01-08&place=3595", "/?lang=fr#indicator=deaths&on=2022-01-08&place=3595"),
    ],
)
def test_shared_address_is_the_page_of_the_region_unless_the_state_has_more(visit, service, state, path):
    visitor = visit(map_drawn=False)
    visitor.page.add_init_script(SHARE)
    page = visitor.open(state, lang="fr")
    page.get_by_role("button", name="Partager").click()
    (shared,) = page.evaluate("shared.map(({ url }) => url)")
    assert shared.startswith(f"{service}{path}")
    page.goto(shared)
    assert page.locator("html").get_attribute("lang") == "fr"
