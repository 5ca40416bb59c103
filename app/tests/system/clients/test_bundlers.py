"""The map example of docs/front-ends.md: installed, bundled (Vite, esbuild) and opened in a browser."""

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page

from tests.support.cluster import free_port
from tests.support.processes import responds, wait_until
from tests.system.clients import node

DOCUMENT = (settings.REPO_DIR / "docs" / "front-ends.md").read_text(encoding="utf-8")
SCRIPT = re.findall(r"```js\n(.*?)```", DOCUMENT, re.DOTALL)[0]
INDEX = """<!doctype html><link rel="icon" href="data:,">{css}
<div id="map" style="height: 400px"></div><script type="module" src="{script}"></script>"""
FILL = [242, 216, 167]  # the example's colour of the fewest cases


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, service: str) -> Path:
    folder = node.install(tmp_path_factory.mktemp("map"), "maplibre-gl@6.17.0", "vite@8.4.0", "esbuild@0.28.2")
    script = SCRIPT.replace("http://127.0.0.1:8000", service)
    # Makes the map of the example accessible to the test.
    (folder / "main.js").write_text(f"{script}\nwindow.shown = map;\n", encoding="utf-8")
    (folder / "index.html").write_text(INDEX.format(css="", script="main.js"), encoding="utf-8")
    return folder


@contextmanager
def served(folder: Path, *command: str) -> Iterator[str]:
    """Start a server, with its port in place of `{port}` in the command, and yield its address."""
    port = free_port()
    arguments = [word.format(port=port) for word in command]
    with subprocess.Popen(
        arguments, cwd=folder, env=node.environment(), stdout=subprocess.DEVNULL, start_new_session=True
    ) as server:
        address = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: responds(f"{address}/"), f"a response of {command[0]}")
            yield address
        finally:
            node.stop(server)


def vite_dev(folder: Path) -> tuple[str, ...]:
    return ("node_modules/.bin/vite", "--host", "127.0.0.1", "--port", "{port}", "--strictPort")


def vite_build(folder: Path) -> tuple[str, ...]:
    node.run(folder, "npx", "vite", "build")
    return ("node_modules/.bin/vite", "preview", "--host", "127.0.0.1", "--port", "{port}", "--strictPort")


def esbuild(folder: Path) -> tuple[str, ...]:
    (command,) = re.findall(r"^npx esbuild .*$", DOCUMENT, re.MULTILINE)
    arguments, _, replaced = command.partition("#")
    script = (folder / "main.js").read_text(encoding="utf-8")
    script = re.sub(r"^import workerUrl .*\n", "", script, flags=re.MULTILINE)
    script = script.replace("setWorkerUrl(workerUrl);", f"{replaced.strip()};")
    site = folder / "site"
    site.mkdir()
    (site / "main.js").write_text(script, encoding="utf-8")
    (site / "node_modules").symlink_to(folder / "node_modules")
    node.run(site, *shlex.split(arguments))
    css = '<link rel="stylesheet" href="dist/main.css">'
    (site / "index.html").write_text(INDEX.format(css=css, script="dist/main.js"), encoding="utf-8")
    return ("python3", "-m", "http.server", "{port}", "--bind", "127.0.0.1", "--directory", "site")


def drawn(page: Page) -> set[str]:
    """Return the codes of the drawn regions when the map has loaded all tiles."""
    page.wait_for_function("window.shown?.loaded() && shown.areTilesLoaded()", timeout=60_000)
    return set(page.evaluate("shown.queryRenderedFeatures({ layers: ['fill'] }).map((one) => one.properties.code)"))


@pytest.mark.parametrize("bundled", [vite_dev, vite_build, esbuild])
def test_documented_map_draws_regions_and_logs_clicked_region(
    bundled: Callable[[Path], tuple[str, ...]], project: Path, browser: Browser
) -> None:
    with served(project, *bundled(project)) as address:
        context = browser.new_context(viewport={"width": 800, "height": 500})
        page = context.new_page()
        logged: list[tuple[str, str]] = []
        page.on("console", lambda message: logged.append((message.type, message.text)))
        page.on("pageerror", lambda error: logged.append(("error", str(error))))
        workers: list[str] = []
        page.on("worker", lambda worker: workers.append(worker.url))
        page.goto(address)
        assert len(drawn(page)) > 20, logged
        assert any("worker" in worker for worker in workers), workers
        # Region 3551 (Ottawa) has the colour of its class.
        x, y = page.evaluate("(() => { const { x, y } = shown.project([-75.7, 45.3]); return [x, y]; })()")
        pixel = """([x, y]) => new Promise((resolve) => { shown.once("render", () => {
            const gl = shown.getCanvas().getContext("webgl2"), is = new Uint8Array(4);
            gl.readPixels(x, shown.getCanvas().height - y, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, is);
            resolve([...is].slice(0, 3)); }); shown.triggerRepaint(); })"""
        assert page.evaluate(pixel, [round(x), round(y)]) == pytest.approx(FILL, abs=3)
        x, y = page.evaluate("(() => { const { x, y } = shown.project([-79.38, 43.7]); return [x, y]; })()")
        box = page.locator("#map").bounding_box()
        assert box is not None
        with page.expect_console_message(lambda message: message.type == "log"):
            page.mouse.click(box["x"] + x, box["y"] + y)
        assert ("log", "City of Toronto Health Unit for certain") in logged
        assert [text for kind, text in logged if kind == "error"] == []
        context.close()
