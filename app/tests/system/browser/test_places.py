"""Towns, lakes and rivers on the map of the page."""

import pytest

# Nearer than zoom 6 only: on a globe, queryRenderedFeatures of the whole view is empty.
DRAWN = """(layer) => {
  const map = covidtrendsMap;
  return map.getLayer(layer) ? map.queryRenderedFeatures({ layers: [layer] }).map(({ properties: its }) => its) : [];
}"""


def drawn(visitor, layer, accepts):
    """Return the features of a layer on the screen, as soon as they are accepted."""
    return visitor.poll(lambda: visitor.page.evaluate(DRAWN, layer), accepts)


def jump(visitor, lon, lat, zoom):
    visitor.map_settled()
    visitor.page.evaluate("([lon, lat, zoom]) => covidtrendsMap.jumpTo({ center: [lon, lat], zoom })", [lon, lat, zoom])


def names(features):
    return {its["n"] for its in features}


def test_large_towns_are_drawn_far_out_and_small_ones_near(visit):
    visitor = visit(reduced_motion="reduce")
    visitor.open("layer=health-regions")
    jump(visitor, -76.2, 45.3, 6)
    towns = drawn(visitor, "towns-1", lambda towns: "Ottawa" in names(towns))
    assert "Carleton Place" not in names(towns)
    assert not visitor.page.evaluate("Boolean(covidtrendsMap.getSource('towns-2'))")
    jump(visitor, -76.2, 45.2, 10)
    drawn(visitor, "towns-2", lambda towns: {"Carp", "Pakenham"} <= names(towns))
    drawn(visitor, "towns-1", lambda towns: "Carleton Place" in names(towns))


@pytest.mark.parametrize(("lang", "field"), [("en", ["get", "n"]), ("fr", ["coalesce", ["get", "f"], ["get", "n"]])])
def test_towns_have_the_names_of_the_language(visit, lang, field):
    visitor = visit()
    visitor.open("layer=health-regions", lang=lang)
    jump(visitor, -71.3, 46.8, 6)
    drawn(visitor, "towns-1", lambda towns: "Quebec City" in names(towns))
    assert visitor.page.evaluate("covidtrendsMap.getLayoutProperty('towns-1', 'text-field')") == field


@pytest.mark.parametrize(
    ("lang", "lake", "river"), [("en", "Lake Winnipeg", "Red River"), ("fr", "Lac Winnipeg", "Rivière Rouge")]
)
def test_lakes_and_rivers_have_names_that_yield_to_those_of_regions(visit, lang, lake, river):
    visitor = visit()
    visitor.open("layer=health-regions", lang=lang)
    jump(visitor, -97.5, 51.2, 6.2)
    name = "n" if lang == "en" else "f"
    drawn(visitor, "lake-names", lambda lakes: lake in {its.get(name) for its in lakes})
    # Rivers have their names where the line has room for them.
    sources = "covidtrendsMap.querySourceFeatures('rivers').map(({ properties: its }) => its)"
    assert river in {its.get(name) for its in visitor.page.evaluate(sources)}
    layers = [layer["id"] for layer in visitor.page.evaluate("covidtrendsMap.getStyle().layers")]
    assert max(layers.index("lake-names"), layers.index("river-names")) < layers.index("health-regions-names")


def test_lakes_and_rivers_are_drawn_and_do_not_hide_the_regions_from_a_click(visit):
    visitor = visit()
    page = visitor.open("on=2022-01-08")
    jump(visitor, -97.3, 52.5, 6)
    drawn(visitor, "lakes", bool)
    drawn(visitor, "rivers", bool)
    visitor.loaded("figures", code="4601")
    page.locator("#map canvas").focus()
    page.keyboard.press("Enter")
    page.locator("#card .close").wait_for()
    assert "place=46" in visitor.fragment


def test_places_stay_after_a_change_of_the_theme(visit):
    visitor = visit(color_scheme="light")
    page = visitor.open("layer=health-regions")
    jump(visitor, -76.2, 45.3, 6)
    drawn(visitor, "towns-1", lambda towns: "Ottawa" in names(towns))
    colour = "covidtrendsMap.getPaintProperty('towns-1', 'text-color')"
    light = page.evaluate(colour)
    page.locator("#theme").click()
    visitor.poll(lambda: page.evaluate(f"covidtrendsMap.getLayer('towns-1') && {colour}"), lambda dark: dark and dark != light)
    drawn(visitor, "towns-1", lambda towns: "Ottawa" in names(towns))


def test_places_load_after_the_list_unless_the_browser_saves_data(visit, service):
    visitor = visit()
    visitor.open("layer=health-regions")
    visitor.map_settled()
    visitor.poll(lambda: visitor.page.evaluate("Boolean(covidtrendsMap.getSource('lakes'))"), bool)
    assert {request.url.startswith(service) for request in visitor.requests if not request.url.startswith("data:")} == {True}
    saving = visit()
    saving.page.add_init_script("Object.defineProperty(Navigator.prototype, 'connection', { value: { saveData: true } })")
    saving.open("layer=health-regions")
    saving.map_settled()
    saving.page.wait_for_timeout(500)
    assert not saving.page.evaluate("Boolean(covidtrendsMap.getSource('lakes'))")


def test_sources_of_the_places_are_named(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open(lang="fr")
    assert "© GeoNames (CC BY 4.0)" in page.locator(".sources-places").inner_text()
