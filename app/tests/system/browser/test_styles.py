"""Map styles: MapLibre draws them without an error, and their layers are those of the page."""

import pytest

from tests.system.browser.conftest import get_json
from web import assets

MAPLIBRE = f"/static/{assets.PREFIX}/vendor/maplibre-gl/maplibre-gl.mjs"
# Opens a style in a map of its own; returns the errors, and the codes in the tiles and the drawn layers when it is idle.
OPEN = """async ([maplibre, style, center, zoom]) => {
  const { Map } = await import(maplibre);
  const container = document.body.appendChild(document.createElement("div"));
  Object.assign(container.style, { position: "fixed", inset: "0", zIndex: 99 });
  const map = new Map({ container, style, center, zoom, attributionControl: { compact: false } });
  const errors = [];
  map.on("error", ({ error }) => errors.push(String(error)));
  await new Promise((done) => map.once("idle", done));
  const drawn = map.queryRenderedFeatures();
  return {
    errors,
    layers: [...new Set(drawn.map(({ layer }) => layer.id))].sort(),
    regions: [...new Set(drawn.filter(({ layer }) => layer.id === "hr-fill").map(({ properties }) => properties.code))],
    attribution: map.getContainer().querySelector(".maplibregl-ctrl-attrib").textContent,
  };
}"""
LAYERS = "() => Object.fromEntries(covidtrendsMap.getStyle().layers.map((layer) => [layer.id, layer]))"


def opened(page, service, theme, center, zoom):
    return page.evaluate(OPEN, [MAPLIBRE, f"{service}/styles/{theme}.json", center, zoom])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_maplibre_draws_the_style(visit, service, theme):
    visitor = visit()
    page = visitor.open("layer=health-regions")
    result = opened(page, service, theme, [-79.4, 43.7], 9)
    assert result["errors"] == []
    assert {"hr-fill", "hr-line", "fsa-line", "fsa-names", "health-regions-names"} <= set(result["layers"])
    assert "3595" in result["regions"]
    assert "Demonstration" in result["attribution"]
    # Nothing comes from another host.
    assert all(request.url.startswith((service, "blob:", "data:")) for request in visitor.requests)


def test_style_shows_the_country_without_fsas(visit, service):
    visitor = visit()
    page = visitor.open("layer=health-regions")
    result = opened(page, service, "light", [-96, 62], 3)
    assert result["layers"] == ["hr-fill", "hr-line", "province-names"]
    assert len(result["regions"]) > 90


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_layers_are_those_of_the_page(visit, service, theme):
    visitor = visit(color_scheme=theme)
    page = visitor.open("layer=health-regions")
    visitor.map_settled()
    shown = page.evaluate(LAYERS)
    visitor.go("layer=fsa")
    visitor.loaded("fsa", code="K0A")
    shown |= page.evaluate(LAYERS)
    layers = get_json(service, f"/styles/{theme}.json")["layers"]
    assert len(layers) == 7
    for layer in layers:
        of_page = shown[layer["id"]]
        if layer["id"] == "fsa-line":
            # The page draws it at every zoom, since its reader has chosen the FSAs.
            assert layer.pop("minzoom") == 7
        for part in ("type", "source", "source-layer", "minzoom", "maxzoom", "paint"):
            assert of_page.get(part) == layer.get(part), (layer["id"], part)
        layout, of_style = (item.get("layout", {}) for item in (of_page, layer))
        # The reader switches layers of the page on and off.
        layout.pop("visibility", None)
        fonts = of_style.pop("text-font", ["sans-serif"])
        assert layout.pop("text-font", []) == fonts[:-1]
        assert layout == of_style
