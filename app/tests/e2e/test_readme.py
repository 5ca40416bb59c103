"""The map that the README gives to front ends, as it stands there."""

import json
import re

from django.conf import settings

README = (settings.REPO_DIR / "README.md").read_text(encoding="utf-8")


def test_the_map_of_the_readme_draws_and_says_what_was_clicked(visit):
    (script,) = re.findall(r"```js\n(.*?)```", README, re.DOTALL)
    visitor = visit()
    page = visitor.page
    page.goto(f"{visitor.address}/")
    folder = page.locator("script[type=module]").get_attribute("src").rsplit("/js/", 1)[0]
    imports = json.dumps({"imports": {"maplibre-gl": f"{folder}/vendor/maplibre-gl/maplibre-gl.mjs"}})
    code = script.replace("http://127.0.0.1:8000", visitor.address).replace("const map =", "const map = window.shown =")
    body = f"""<!doctype html><link rel="icon" href="data:,"><div id="map" style="height: 400px"></div>
        <script type="importmap">{imports}</script><script type="module">{code}</script>"""
    page.route("**/front-end", lambda route: route.fulfill(content_type="text/html", body=body))
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text) if line.type == "log" else None)
    page.goto(f"{visitor.address}/front-end")
    for _ in range(300):
        drawn = page.evaluate("window.shown?.loaded() ? shown.queryRenderedFeatures({ layers: ['fill'] }).length : 0")
        if drawn > 20:
            break
        page.wait_for_timeout(50)
    assert drawn > 20
    x, y = page.evaluate("(() => { const { x, y } = shown.project([-79.38, 43.7]); return [x, y]; })()")
    box = page.locator("#map").bounding_box()
    page.mouse.click(box["x"] + x, box["y"] + y)
    for _ in range(100):
        if said:
            break
        page.wait_for_timeout(50)
    assert said == ["City of Toronto Health Unit for certain"]
