"""A real browser before the real server: Debian's Chromium, driven by Playwright."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request

_SETTLED = """() => {
  const map = window.covidtrendsMap;
  return Boolean(map?.getSource("health-regions") ?? map?.getSource("figures")) && map.loaded() && !map.isMoving();
}"""
# On a globe, asking for everything that is seen finds nothing; what the tiles hold does not depend on that.
_LOADED = """(source) => {
  const map = window.covidtrendsMap;
  const found = map?.getSource(source) ? map.querySourceFeatures(source, { sourceLayer: "regions" }) : [];
  return [...new Set(found.map(({ properties: its }) => its.code))];
}"""
# Without a graphics card the time to draw goes with the size.
WIDE = {"width": 1024, "height": 700}
PHONE = {"width": 390, "height": 844}

_Found = TypeVar("_Found")


class Visitor:
    """Somebody before the page, and what their browser asked for."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.requests: list[Request] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108 - Playwright takes no built-in
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)

    def open(self, fragment: str = "", lang: str = "en") -> Page:
        """Open the page at a state, and wait until its card is there."""
        self.page.goto(f"{self.address}/?lang={lang}{fragment and '#' + fragment}")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until the card that is shown is the one that was asked for."""
        self.page.locator("#card > *:not(.waiting)").wait_for()
        self.page.locator("#card[aria-busy]").wait_for(state="detached")

    def map_settled(self) -> None:
        """Wait until the map has drawn what it has to."""
        self._asked(lambda: self.page.evaluate(_SETTLED), bool)

    def loaded(self, source: str, *, code: str) -> set[str]:
        """Return the codes of the regions that the map holds of a coverage, as soon as this one is among them."""
        return self._asked(lambda: set(self.page.evaluate(_LOADED, source)), lambda codes: code in codes)

    def map_holds(self, source: str, codes: set[str]) -> None:
        """Wait until the map holds just these regions: the tiles of what was shown before stay until others are there."""
        self._asked(lambda: set(self.page.evaluate(_LOADED, source)), codes.__eq__)

    def _asked(self, ask: Callable[[], _Found], good: Callable[[_Found], bool]) -> _Found:
        """Ask the map again and again, until the answer is good; return it."""
        for _ in range(300):
            response = ask()
            if good(response):
                return response
            self.page.wait_for_timeout(50)
        pytest.fail(f"on the map it is still {response}")

    @property
    def name(self) -> str:
        """The heading of the card."""
        return self.page.locator("#card h2").first.inner_text()

    @property
    def fragment(self) -> str:
        return str(self.page.evaluate("decodeURIComponent(location.hash.slice(1))"))

    @property
    def options(self) -> Locator:
        """What the search field suggests."""
        return self.page.locator("#search-options").get_by_role("option")

    def search(self, text: str) -> None:
        """Type into the search field, and take the first suggestion."""
        self.page.locator("#search").fill(text)
        self.options.first.click()

    def shows(self, name: str) -> None:
        """Wait until the card is about this."""
        self.page.locator("#card .name", has_text=name).wait_for()

    def shows_count(self, text: str) -> None:
        """Wait until the card is the list of so many regions."""
        self.page.locator("#browse-title", has_text=text).wait_for()

    def hears(self, text: str) -> None:
        """Wait until a screen reader is told this."""
        self.page.locator("#announcer", has_text=text).wait_for(state="attached")


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Browser, service: str) -> Iterator[Visit]:
    """Return a function that makes a visitor; options are those of a browser context. No visitor may meet an error.

    Where the map does not matter it is not drawn: without a graphics card it takes most of the time.
    """
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def make(*, errors_expected: bool = False, map_drawn: bool = True, **options: Any) -> Visitor:
        context = browser.new_context(**{"viewport": WIDE, "reduced_motion": "reduce", **options})
        context.set_default_timeout(15_000)
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
