"""Speed of the map page on an emulated slow phone: 1.6 Mb/s, a round trip of 150 ms, a quarter of the processor's speed.

    cd app && python benchmarks/page.py http://127.0.0.1:8000 [fragment]

Needs Chromium (apt-get install chromium-headless-shell) and a running service. Prints the medians of several visits: first
and largest paint, when the list of the card is there and the main thread is free, when the map has its regions, the layout
shift, and bytes on the wire until then. The map's worker is not slowed down, and its tiles and places are not counted: Chromium
emulates for the page only.
"""

import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.sync_api import Browser, CDPSession, Page, ViewportSize, sync_playwright

from tests.support.browser import FLAGS, chromium

VISITS = 3
PHONE = ViewportSize(width=390, height=844)
BITS_PER_S = 1_600_000
ROUND_TRIP_MS = 150
SLOWER = 4
TIMEOUT_S = 120
FIGURES = (
    "first paint ms",
    "largest paint ms",
    "usable list ms",
    "map ms",
    "layout shift",
    "kB until list",
    "kB until map",
    "kB all",
)

_OBSERVE = """
window.measured = { shift: 0, largest: 0, list: null };
const watch = (type, note) =>
  new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
watch("layout-shift", (entry) => (measured.shift += entry.hadRecentInput ? 0 : entry.value));
watch("largest-contentful-paint", (entry) => (measured.largest = entry.startTime));
new MutationObserver((_, observer) => {
  const card = document.querySelector("#card > *:not(.waiting)");
  if (!card || document.querySelector("#card[aria-busy]")) return;
  observer.disconnect();
  // After the frame that shows it, and with the main thread free.
  requestAnimationFrame(() => setTimeout(() => { measured.list = performance.now(); }));
}).observe(document, { childList: true, subtree: true, attributes: true });
"""
_FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
_DRAWN = """Boolean(window.covidtrendsMap?.getSource("figures") ?? window.covidtrendsMap?.getSource("health-regions"))
  && covidtrendsMap.areTilesLoaded()"""
_PLACES = "Boolean(covidtrendsMap.getSource('towns-1')) && covidtrendsMap.loaded()"


def _throttle(session: CDPSession) -> list[float]:
    """Slow the network and the processor down; return a list that receives the bytes of each part of a response."""
    received: list[float] = []
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    session.send("Network.enable")
    rate = BITS_PER_S / 8
    conditions: dict[str, Any] = {
        "offline": False,
        "latency": ROUND_TRIP_MS,
        "downloadThroughput": rate,
        "uploadThroughput": rate / 2,
    }
    session.send("Network.emulateNetworkConditions", conditions)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    return received


def _wait(page: Page, condition: str) -> None:
    """Wait until a condition holds. The page's policy forbids Playwright's own way, which evaluates text in the page."""
    deadline = time.monotonic() + TIMEOUT_S
    while not page.evaluate(condition):
        if time.monotonic() > deadline:
            sys.exit(f"After {TIMEOUT_S} s not yet: {condition}")
        page.wait_for_timeout(50)


def visit(browser: Browser, address: str) -> list[float]:
    """Return the FIGURES of a first visit, with an empty cache."""
    context = browser.new_context(viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True)
    context.set_default_timeout(TIMEOUT_S * 1000)
    page = context.new_page()
    received = _throttle(context.new_cdp_session(page))
    page.add_init_script(_OBSERVE)
    page.goto(address, wait_until="commit")
    _wait(page, "measured.list !== null")
    until_list = sum(received)
    _wait(page, _DRAWN)
    drawn = float(page.evaluate("performance.now()"))
    until_map = sum(received)
    _wait(page, _PLACES)
    first, largest, listed, shift = page.evaluate(f"[{_FIRST_PAINT}, measured.largest, measured.list, measured.shift]")
    context.close()
    return [first, largest, listed, drawn, shift, until_list / 1000, until_map / 1000, sum(received) / 1000]


def main(address: str, fragment: str = "") -> None:
    """Print the medians of VISITS first visits, and their ranges."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        visits = [visit(browser, f"{address}/?lang=en#{fragment}") for _ in range(VISITS)]
        browser.close()
    for name, values in zip(FIGURES, zip(*visits, strict=True), strict=True):
        digits = 3 if name == "layout shift" else 0
        print(f"{name:16} {statistics.median(values):8.{digits}f}   {min(values):.{digits}f} to {max(values):.{digits}f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
