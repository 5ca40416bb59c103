"""Debian's Chromium, driven by Playwright: started once for all tests."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Software rendering, for machines without a graphics card.
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    # Debian enables GPU rasterization, which without a graphics card uses the emulated GPU.
    "--disable-gpu-rasterization",
    # Otherwise the emulated GPU composites the page too: about twice the processor time until the map is idle.
    "--disable-gpu-compositing",
]


def chromium() -> str | None:
    """Return the path of Chromium: CHROMIUM, or on the path. The headless shell needs a third of the time of the browser."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium. Without Chromium the tests are skipped or, with NEED_BROWSER (set by .ci/run), fail."""
    path = chromium()
    if path is None:
        reason = "no Chromium here: apt-get install chromium-headless-shell, or CHROMIUM=/path/to/it"
        (pytest.fail if os.environ.get("NEED_BROWSER") else pytest.skip)(reason)
    # Playwright's event loop runs in this thread as long as the browser; Django takes it for asynchronous code.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
