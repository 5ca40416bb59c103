"""Fixtures of the browser tests: Debian's Chromium, driven by Playwright, opens the page of a served demonstration."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request

_SETTLED = """() => {
  const map = window.covidtrendsMap;
  return Boolean(map?.getSource("health-regions") ?? map?.getSource("figures")) && map.loaded() && !map.isMoving();
}"""
# On a globe, queryRenderedFeatures of the whole view is empty; querySourceFeatures does not depend on the projection.
_LOADED = """(source) => {
  const map = window.covidtrendsMap;
  const features = map?.getSource(source) ? map.querySourceFeatures(source, { sourceLayer: "regions" }) : [];
  return [...new Set(features.map(({ properties }) => properties.code))];
}"""
# Feature state of a region of the figures.
STATE = "(id) => covidtrendsMap.getFeatureState({ source: 'figures', sourceLayer: 'regions', id })"
# Without a graphics card the time to draw grows with the size.
WIDE = {"width": 1024, "height": 700}
PHONE = {"width": 390, "height": 844}
# Timeout of waits. Without a graphics card and beside other tests a frame can take seconds.
_DRAWN_S = 90
# Chromium logs every 503. The page repeats the request, and shows a problem if that fails too.
_UNAVAILABLE = "the server responded with a status of 503"

# The page renders a new fragment in its own listener, which precedes this one.
_GO = """(fragment) => Promise.race([
  new Promise((done) => { addEventListener("popstate", done, { once: true }); location.hash = fragment; }),
  new Promise((done) => { setTimeout(done, 1000); }),
]).then(() => {})"""

_Observed = TypeVar("_Observed")


class Visitor:
    """A browser page with helpers, and a log of its requests and errors."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.requests: list[Request] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108 - Playwright takes no built-in
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._log)

    def _log(self, message: ConsoleMessage) -> None:
        if message.type == "error" and _UNAVAILABLE not in message.text:
            self.errors.append(message.text)

    def open(self, fragment: str = "", lang: str = "en") -> Page:
        """Open the page at a state, and wait for its card."""
        self.page.goto(f"{self.address}/?lang={lang}{fragment and '#' + fragment}")
        self.settle()
        return self.page

    def go(self, fragment: str) -> None:
        """Change the fragment of the open page, and wait for the card of the new state."""
        self.page.evaluate(_GO, fragment)
        self.settle()

    def settle(self) -> None:
        """Wait until the card of the current state is shown."""
        self.page.locator("#card > *:not(.waiting)").wait_for()
        self.page.locator("#card[aria-busy]").wait_for(state="detached")

    def map_settled(self) -> None:
        """Wait until the map has loaded its tiles and does not move."""
        self.poll(lambda: self.page.evaluate(_SETTLED), bool)

    def loaded(self, source: str, *, code: str) -> set[str]:
        """Return the codes of the loaded regions of a source, as soon as this code is among them."""
        return self.poll(lambda: set(self.page.evaluate(_LOADED, source)), lambda codes: code in codes)

    def map_holds(self, source: str, codes: set[str]) -> None:
        """Wait until exactly these regions are loaded: old tiles remain until new ones replace them."""
        self.poll(lambda: set(self.page.evaluate(_LOADED, source)), codes.__eq__)

    def feature_state(self, code: str, expected: dict[str, Any]) -> None:
        """Wait until a region of the figures has this feature state."""
        self.poll(lambda: self.page.evaluate(STATE, code), expected.__eq__)

    def poll(self, observe: Callable[[], _Observed], accepts: Callable[[_Observed], bool]) -> _Observed:
        """Observe the map until the observation is accepted; return it."""
        deadline = time.monotonic() + _DRAWN_S
        while not accepts(observation := observe()):
            if time.monotonic() > deadline:
                pytest.fail(f"after {_DRAWN_S} s the map still has {observation}")
            self.page.wait_for_timeout(50)
        return observation

    @property
    def name(self) -> str:
        """The heading of the card."""
        return self.page.locator("#card h2").first.inner_text()

    @property
    def fragment(self) -> str:
        return str(self.page.evaluate("decodeURIComponent(location.hash.slice(1))"))

    @property
    def options(self) -> Locator:
        """The suggestions of the search field."""
        return self.page.locator("#search-options").get_by_role("option")

    def search(self, text: str) -> None:
        """Type into the search field, and choose the first suggestion."""
        self.page.locator("#search").fill(text)
        self.options.first.click()

    def shows(self, name: str) -> None:
        """Wait until the card has this name."""
        self.page.locator("#card .name", has_text=name).wait_for()

    def shows_count(self, text: str) -> None:
        """Wait until the card is the list of regions with this title."""
        self.page.locator("#browse-title", has_text=text).wait_for()

    def hears(self, text: str) -> None:
        """Wait until the live region announces this."""
        self.page.locator("#announcer", has_text=text).wait_for(state="attached")


def get_json(service: str, path: str) -> Any:
    """Return a JSON body of the API."""
    with urllib.request.urlopen(service + path, timeout=30) as response:
        return json.load(response)


def serious_violations(page: Page) -> list[tuple[str, list[str]]]:
    """Return the serious and critical violations that axe finds: rule, and the first elements."""
    return [
        (violation["id"], [node["html"][:120] for node in violation["nodes"][:3]])
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Browser, service: str) -> Iterator[Visit]:
    """Return a function that makes a visitor; options are those of a browser context. Fails for errors in the console.

    With `map_drawn=False` the page has no WebGL: without a graphics card, drawing takes most of the time.
    """
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def make(*, errors_expected: bool = False, map_drawn: bool = True, **options: Any) -> Visitor:
        context = browser.new_context(**{"viewport": WIDE, "reduced_motion": "reduce", **options})
        context.set_default_timeout(_DRAWN_S * 1_000)
        contexts.append(context)
        if not map_drawn:
            context.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
        visitor = Visitor(context.new_page(), service)
        if not errors_expected:
            visitors.append(visitor)
        return visitor

    yield make
    for context in contexts:
        context.close()
    assert [error for visitor in visitors for error in visitor.errors] == []
