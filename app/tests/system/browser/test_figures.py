"""Health figures on the map page: choropleth, slider, cards, missing and unassigned values."""

import pytest

from tests.system.browser.conftest import STATE, get_json

# Lower bounds of the classes of cases in 7 days per 100,000 above the first.
BOUNDS = [10, 25, 50, 100, 250, 500]


def figures_of(service, on, label):
    """Return the related figures of the health regions of a vintage, by code."""
    return get_json(service, f"/indicators/cases/map?on={on}&coverage=health-regions&vintage={label}")["values"]


def class_of(value):
    """Return the name of the colour class of a rate of cases."""
    return f"class-{1 + sum(value >= bound for bound in BOUNDS) if value else 0}"


def paint_of(figure):
    """Return the feature state of a health region by its related figure."""
    missing = figure["v"] is None
    return {
        "colour": "" if missing else class_of(figure["v"]),
        "hatch": missing and figure["method"] is not None,
        "unrelated": figure["method"] is None,
        "dashed": not missing and (figure["method"] in ("common", "part_of") or figure["status"] == "estimated"),
    }


def test_page_opens_on_the_latest_complete_week(visit, service):
    visitor = visit()
    page = visitor.open()
    country = get_json(service, "/indicators/cases/map?on=2022-11-05")["country"]
    assert page.locator("#week-label").inner_text() == "Week ending November 5, 2022"
    assert page.locator(".figure-value").inner_text() == f"{country['v']:,.0f}"
    facts = page.locator("#card .facts dd").all_inner_texts()
    assert "October 30" in facts[0]
    assert facts[1] == "November 5, 2022"
    assert facts[2] == f"{country['count']:,}"
    assert visitor.fragment == ""
    sources = page.locator("#sources").inner_text()
    assert "Figures: COVID-19 Canada Open Data Working Group" in sources
    assert "Boundaries: " in sources


def test_regions_have_the_colour_of_their_class_or_hatching_if_not_reported(visit, service):
    visitor = visit()
    page = visitor.open("on=2022-11-05")
    visitor.loaded("figures", code="6101")
    values = get_json(service, "/indicators/cases/map?on=2022-11-05&fields=v")["values"]
    assert len(values) == 99
    for code, value in values.items():
        state = page.evaluate(STATE, code)
        assert state["hatch"] is (value is None), code
        if value is not None:
            assert state["colour"] == class_of(value), code
    # Nova Scotia, Newfoundland and Saskatchewan no longer reported by region.
    assert {code[:2] for code, value in values.items() if value is None} >= {"12", "10", "47"}


def test_slider_moves_by_week_and_updates_the_fragment(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open("on=2022-01-08")
    page.locator("#week").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator("#week-label").inner_text() == "Week ending January 1, 2022"
    assert page.locator("#week").get_attribute("aria-valuetext") == "Week ending January 1, 2022"
    page.get_by_role("button", name="Step forward").click()
    page.get_by_role("button", name="Step forward").click()
    assert page.locator("#week-label").inner_text() == "Week ending January 15, 2022"
    for _ in range(40):
        if visitor.fragment == "on=2022-01-15":
            break
        page.wait_for_timeout(50)
    assert visitor.fragment == "on=2022-01-15"
    page.reload()
    visitor.settle()
    assert page.locator("#week-label").inner_text() == "Week ending January 15, 2022"


def test_playing_stops_at_the_latest_week_and_space_pauses(visit):
    visitor = visit(map_drawn=False, reduced_motion="no-preference")
    page = visitor.open("on=2022-10-22")
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").wait_for()
    page.locator("#week-label", has_text="November 5, 2022").wait_for()
    page.get_by_role("button", name="Play").wait_for()
    assert page.locator("#week-label").inner_text() == "Week ending November 5, 2022"
    page.locator("#week").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Pause").wait_for()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Play").wait_for()


def test_region_that_stopped_reporting_is_not_shown_as_zero(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open("on=2022-10-29&place=1201")
    assert page.locator(".figure-value").inner_text() == "not reported"
    assert "March 4, 2022" in page.locator(".verdict").inner_text()
    assert "That is not zero" in page.locator(".verdict").inner_text()


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_missing_value_has_the_explanation_of_its_status(visit, service, lang):
    """The statuses are put into an answer: the embedded figures have none of them."""
    codes = ("suppressed", "capped", "withdrawn", "reported")
    visitor = visit(map_drawn=False)

    def answer(route):
        response = route.fetch()
        cube = response.json()
        order = [status["code"] for status in cube["statuses"]]
        length = cube["length"]
        for key, code in zip(("3595", "3553", "2406", "4835"), codes, strict=True):
            cube["places"][key] = [None] * length
            cube["status"][key] = [[order.index(code), length]]
        route.fulfill(response=response, json=cube)

    visitor.page.route("**/indicators/cases/cube*", answer)
    details = {
        status["code"]: status["detail"] for status in get_json(service, f"/indicators/cases/cube?lang={lang}")["statuses"]
    }
    no_rate = {"en": "This measure is not available here", "fr": "Cette mesure n'est pas disponible ici"}[lang]
    page = visitor.open("on=2022-01-08", lang=lang)
    for key, code in zip(("3595", "3553", "2406", "4835"), codes, strict=True):
        visitor.go(f"on=2022-01-08&place={key}")
        shown = page.locator(".verdict").inner_text()
        assert shown == details[code] if code != "reported" else shown.startswith(no_rate), code


def test_unassigned_figures_are_listed_with_their_share(visit, service):
    visitor = visit(map_drawn=False)
    page = visitor.open("on=2022-02-26")
    unassigned = get_json(service, "/indicators/cases/map?on=2022-02-26")["unassigned"]
    shown = page.locator(".unassigned").inner_text()
    assert "Assigned to no region" in shown
    assert f"{unassigned['NS']['count']:,.0f} in 7 days" in shown
    assert f"{round(unassigned['NS']['share_of_province'] * 100)}%" in shown


def test_up_to_four_places_are_compared(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open("on=2021-12-25&place=3595")
    for name, key in (("Région de Montréal", "2406"), ("Canada", "CA"), ("Ontario", "ON")):
        page.locator("#compare-place").select_option(key)
        page.locator(".compared-place b", has_text=name).wait_for()
    assert visitor.fragment == "on=2021-12-25&place=3595,2406,CA,ON"
    assert page.locator(".compared-place").count() == 4
    assert page.locator("#compare-place").count() == 0
    page.get_by_role("button", name="Remove Canada").click()
    page.locator(".compared-place").nth(3).wait_for(state="detached")
    assert visitor.fragment == "on=2021-12-25&place=3595,2406,ON"


def test_every_region_is_in_a_table(visit, service):
    visitor = visit(map_drawn=False)
    page = visitor.open("on=2022-01-08")
    page.get_by_text("All regions as a table").click()
    rows = page.locator(".regions-table tbody tr")
    # The rows are created by the asynchronous toggle event.
    rows.first.wait_for()
    assert rows.count() == 99
    toronto = get_json(service, "/indicators/cases/map?on=2022-01-08&fields=v")["values"]["3595"]
    assert f"{toronto:,.0f}" in rows.filter(has_text="City of Toronto").inner_text()


def test_menus_change_indicator_and_measure_in_the_fragment(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open("on=2022-01-08", lang="fr")
    page.locator("#indicator").select_option("deaths")
    page.locator("#card .eyebrow", has_text="Décès").wait_for()
    page.locator("#measure").select_option("new_7d")
    visitor.settle()
    assert visitor.fragment == "indicator=deaths&measure=new_7d&on=2022-01-08"


def test_click_chooses_a_region_and_shift_click_compares(visit):
    visitor = visit()
    page = visitor.open("on=2022-01-08")
    visitor.loaded("figures", code="4601")
    visitor.map_settled()
    for lon, lat, modifiers in ((-114, 58, []), (-125, 57, ["Shift"])):
        x, y = page.evaluate("([lon, lat]) => { const p = covidtrendsMap.project([lon, lat]); return [p.x, p.y]; }", [lon, lat])
        page.locator("#map canvas").click(position={"x": x, "y": y}, modifiers=modifiers)
        visitor.settle()
        page.locator("#card .close").wait_for()
    page.locator(".compared-place").nth(1).wait_for()
    assert visitor.fragment == "on=2022-01-08&place=4835,595"


def test_search_for_a_postal_code_leaves_the_figures(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open()
    visitor.search("K0A")
    visitor.shows("K0A")
    assert visitor.fragment == "fsa=K0A"
    page.get_by_role("radio", name="Figures").check()
    page.locator("#figures-title").wait_for()
    assert visitor.fragment == ""


def test_search_for_a_name_shows_the_figures_of_its_region(visit):
    visitor = visit(map_drawn=False)
    visitor.open()
    visitor.search("montreal")
    visitor.shows("Montréal")
    assert visitor.fragment == "place=2406"


def test_health_regions_of_a_vintage_take_the_colours_of_related_figures(visit, service):
    visitor = visit()
    page = visitor.open("on=2022-01-08")
    label = page.locator("#boundaries option").nth(1).get_attribute("value")
    page.locator("#boundaries").select_option(label)
    visitor.settle()
    visitor.loaded("figures", code="5921")
    assert visitor.fragment == f"on=2022-01-08&boundaries={label}"
    values = figures_of(service, "2022-01-08", label)
    paints = {code: paint_of(figure) for code, figure in values.items()}
    assert {code: page.evaluate(STATE, code) for code in paints} == paints
    relations = page.locator(".relations").inner_text()
    assert "rate of a larger region" in relations
    assert "figure of several regions together" in relations
    legend = page.locator("#legend-classes").inner_text()
    assert "not reported" in legend
    assert "no related figure" in legend
    page.get_by_role("button", name="Step back").click()
    visitor.feature_state("3595", paint_of(figures_of(service, "2022-01-01", label)["3595"]))


def test_tiles_that_arrive_after_a_change_of_boundaries_are_not_drawn(visit):
    visitor = visit()
    late = []
    visitor.page.route("**/tiles/covid-reporting-regions/**", lambda route: late.append(route))  # noqa: PLW0108 - Playwright takes no built-in
    with visitor.page.expect_request("**/tiles/covid-reporting-regions/**"):
        page = visitor.open("on=2022-01-08")
    with page.expect_response("**/tiles/health-regions.json*"):
        page.locator("#boundaries").select_option("2022-demo")
    for route in late:
        route.continue_()
    assert "595" not in visitor.loaded("figures", code="5921")


def test_map_repeats_a_request_that_was_refused_with_503(visit, service):
    visitor = visit()
    refused = []

    def refuse_once(route):
        if route.request.url in refused:
            route.continue_()
            return
        refused.append(route.request.url)
        route.fulfill(status=503, headers={"Retry-After": "1"}, content_type="application/problem+json", body="{}")

    for pattern in ("**/tiles/**", "**/indicators/cases/map*", "**/vintages*"):
        visitor.page.route(pattern, refuse_once)
    page = visitor.open("on=2022-01-08&boundaries=2022-demo")
    visitor.loaded("figures", code="5921")
    visitor.map_settled()
    paint = paint_of(figures_of(service, "2022-01-08", "2022-demo")["3595"])
    visitor.feature_state("3595", paint)
    assert page.get_by_role("alert").count() == 0
    assert {".json" in url for url in refused if "/tiles/" in url} == {True, False}


def test_figures_that_cannot_be_loaded_are_not_shown_as_those_of_another_week(visit):
    visitor = visit(errors_expected=True)
    page = visitor.open("on=2022-01-08&boundaries=2022-demo")
    visitor.loaded("figures", code="5921")
    page.route("**/indicators/cases/map*", lambda route: route.abort())
    page.get_by_role("button", name="Step back").click()
    visitor.feature_state("3595", {"colour": "", "hatch": False, "unrelated": False, "dashed": False})
