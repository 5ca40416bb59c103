"""Health figures on the map page: the choropleth, its slider, its cards, and what was not reported."""

import json
import time
import urllib.request

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from django.db import connection

from indicators.models import Indicator, Place
from tests.system.browser.conftest import PHONE, WIDE

# The state of the features that the map colours regions by.
STATE = "(id) => covidtrendsMap.getFeatureState({ source: 'figures', sourceLayer: 'regions', id })"
# The menus whose chosen text, in the font of the menu, is wider than the room beside the arrow.
CUT_OFF = """() => [...document.querySelectorAll('.menus select')].filter((menu) => {
  if (!menu.offsetParent) return false;
  const style = getComputedStyle(menu);
  const probe = Object.assign(document.createElement('span'), { textContent: menu.selectedOptions[0].textContent });
  Object.assign(probe.style, { font: style.font, position: 'absolute', whiteSpace: 'nowrap' });
  document.body.append(probe);
  const room = menu.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - 16;
  const { width } = probe.getBoundingClientRect();
  probe.remove();
  return width > room;
}).map((menu) => menu.selectedOptions[0].textContent)"""


def answer(service, path):
    """Return a body of the API."""
    with urllib.request.urlopen(service + path, timeout=30) as response:
        return json.load(response)


def wait_for(service, wanted):
    """Wait until the served processes have read the catalogue again."""
    for _ in range(120):
        if bool(answer(service, "/indicators")["indicators"]) is wanted:
            return
        time.sleep(0.5)
    pytest.fail("the server did not read the catalogue of indicators again")


@pytest.fixture(scope="module", autouse=True)
def figures(service, django_db_blocker):
    """Load the embedded series, and take them out again."""
    with django_db_blocker.unblock():
        call_command("load_series", "--embedded", verbosity=0)
    wait_for(service, True)
    yield
    with django_db_blocker.unblock():
        assert connection.settings_dict["NAME"].startswith("test_")
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {Indicator._meta.db_table}, {Place._meta.db_table} CASCADE")
    wait_for(service, False)


def test_the_page_opens_on_the_latest_complete_week(visit, service):
    visitor = visit()
    page = visitor.open()
    country = answer(service, "/indicators/cases/map?on=2022-11-05")["country"]
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


def test_regions_have_the_colour_of_their_class_and_hatching_where_nothing_is_reported(visit, service):
    visitor = visit()
    page = visitor.open("on=2022-11-05")
    visitor.loaded("figures", code="6101")
    values = answer(service, "/indicators/cases/map?on=2022-11-05&fields=v")["values"]
    bounds = [10, 25, 50, 100, 250, 500]
    assert len(values) == 99
    for code, value in values.items():
        state = page.evaluate(STATE, code)
        assert state["hatch"] is (value is None), code
        if value is not None:
            wanted = 0 if value == 0 else 1 + sum(value >= bound for bound in bounds)
            assert state["colour"] == f"class-{wanted}", code
    # Nova Scotia, Newfoundland and Saskatchewan had stopped to report by region.
    assert {code[:2] for code, value in values.items() if value is None} >= {"12", "10", "47"}


def test_the_slider_moves_week_by_week_with_keys_and_the_address_follows(visit):
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


def test_a_region_that_stopped_says_so_and_never_zero(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open("on=2022-10-29&place=1201")
    assert page.locator(".figure-value").inner_text() == "not reported"
    assert "March 4, 2022" in page.locator(".verdict").inner_text()
    assert "That is not zero" in page.locator(".verdict").inner_text()


def test_the_unassigned_stand_beside_the_map_with_their_share(visit, service):
    visitor = visit(map_drawn=False)
    page = visitor.open("on=2022-02-26")
    unassigned = answer(service, "/indicators/cases/map?on=2022-02-26")["unassigned"]
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
    # The rows are created by the event that follows the opening.
    rows.first.wait_for()
    assert rows.count() == 99
    toronto = answer(service, "/indicators/cases/map?on=2022-01-08&fields=v")["values"]["3595"]
    assert f"{toronto:,.0f}" in rows.filter(has_text="City of Toronto").inner_text()


def test_the_menus_change_indicator_and_measure_and_the_address_holds_them(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open("on=2022-01-08", lang="fr")
    page.locator("#indicator").select_option("deaths")
    page.locator("#card .eyebrow", has_text="Décès").wait_for()
    page.locator("#measure").select_option("new_7d")
    visitor.settle()
    assert visitor.fragment == "indicator=deaths&measure=new_7d&on=2022-01-08"


def test_a_click_chooses_a_region_and_shift_click_compares(visit):
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


def test_a_postal_code_still_leads_to_its_regions(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open()
    visitor.search("K0A")
    visitor.shows("K0A")
    assert visitor.fragment == "fsa=K0A"
    page.get_by_role("radio", name="Figures").check()
    page.locator("#figures-title").wait_for()
    assert visitor.fragment == ""


def test_a_name_leads_to_the_figures_of_its_region(visit):
    visitor = visit(map_drawn=False)
    visitor.open()
    visitor.search("montreal")
    visitor.shows("Montréal")
    assert visitor.fragment == "place=2406"


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(visit, viewport, theme):
    visitor = visit(viewport=viewport, color_scheme=theme)
    page = visitor.open(lang="fr" if theme == "dark" else "en")
    for fragment in ("on=2022-01-08", "place=1201", "place=3595,CA", "on=2022-01-08&boundaries=2022-demo", "region=5921"):
        page.evaluate("(fragment) => { location.hash = fragment; }", fragment)
        page.wait_for_timeout(50)
        visitor.settle()
        result = Axe().run(page).response["violations"]
        serious = [
            (item["id"], [node["html"][:120] for node in item["nodes"][:3]])
            for item in result
            if item["impact"] in {"serious", "critical"}
        ]
        assert serious == [], fragment


def test_a_health_region_shows_its_latest_figures_and_their_relation(visit, service):
    page = visit(map_drawn=False).open("region=2406")
    latest = answer(service, "/health-regions/2406/indicators?lang=en")["indicators"]
    rows = page.locator(".latest li")
    assert rows.count() == len(latest) >= 2
    for row, block in zip(rows.all(), latest, strict=True):
        assert block["name"] in row.inner_text()
        assert "Reported for this region itself." in row.inner_text()


@pytest.mark.parametrize(
    ("lang", "sentence"),
    [
        ("en", "Rate of a larger reporting region that contains this region"),
        ("fr", "Taux d'une région déclarante plus grande"),
    ],
)
def test_part_of_a_larger_region_says_so_and_links_to_it(visit, lang, sentence):
    visitor = visit(map_drawn=False)
    page = visitor.open("region=5921", lang=lang)
    row = page.locator(".latest li").first
    assert sentence in row.inner_text().replace("\u2019", "'")
    row.get_by_role("link").click()
    page.locator("#card .figure-value").wait_for()
    assert visitor.fragment == "place=592"


def test_an_fsa_shows_the_latest_figures_of_its_regions(visit):
    page = visit(map_drawn=False).open("fsa=M5V", lang="fr")
    text = page.locator(".latest").first.inner_text()
    assert "Derniers chiffres" in text
    assert "Cas" in text
    assert "pour 100 000 habitants" in text.replace("\u00a0", " ").replace("\u202f", " ")


def test_health_regions_of_a_vintage_take_the_colours_of_related_figures(visit, service):
    visitor = visit()
    page = visitor.open("on=2022-01-08")
    label = page.locator("#boundaries option").nth(1).get_attribute("value")
    page.locator("#boundaries").select_option(label)
    visitor.settle()
    visitor.loaded("figures", code="5921")
    assert visitor.fragment == f"on=2022-01-08&boundaries={label}"
    values = answer(service, f"/indicators/cases/map?on=2022-01-08&coverage=health-regions&vintage={label}")["values"]
    bounds = [10, 25, 50, 100, 250, 500]
    for code, figure in values.items():
        state = page.evaluate(STATE, code)
        assert state["hatch"] is (figure["v"] is None), code
        if figure["v"] is not None:
            assert state["colour"] == f"class-{1 + sum(figure['v'] >= bound for bound in bounds) if figure['v'] else 0}", code
            assert state["dashed"] is (figure["method"] == "part_of" or figure["status"] == "estimated"), code
    assert "rate of a larger region" in page.locator(".relations").inner_text()
    page.get_by_role("button", name="Step back").click()
    page.wait_for_timeout(1500)
    earlier = answer(service, f"/indicators/cases/map?on=2022-01-01&coverage=health-regions&vintage={label}")["values"]["3595"][
        "v"
    ]
    wanted = 1 + sum(earlier >= bound for bound in bounds) if earlier else 0
    assert page.evaluate(STATE, "3595")["colour"] == f"class-{wanted}"


def test_the_keyboard_alone_operates_menus_slider_and_table(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open("on=2022-01-08")
    page.locator("#indicator").focus()
    page.keyboard.press("ArrowDown")
    page.locator("#card .eyebrow", has_text="Deaths").wait_for()
    visitor.settle()
    assert page.evaluate("document.activeElement.id") == "indicator"
    page.keyboard.press("ArrowUp")
    page.locator("#card .eyebrow", has_text="Cases").wait_for()
    visitor.settle()
    page.locator("#week").focus()
    page.keyboard.press("Home")
    assert page.locator("#week").input_value() == "0"
    page.keyboard.press("End")
    assert page.locator("#week").input_value() == page.locator("#week").get_attribute("max")
    page.locator(".regions-table summary").focus()
    page.keyboard.press("Enter")
    page.locator(".regions-table tbody tr").first.wait_for()
    assert page.locator(".regions-table tbody tr").count() == 99


def test_reduced_motion_plays_slowly_without_animation(visit):
    visitor = visit(map_drawn=False, reduced_motion="reduce")
    page = visitor.open("on=2022-01-08")
    page.get_by_role("button", name="Play").click()
    page.wait_for_timeout(700)
    assert page.locator("#week-label").inner_text() == "Week ending January 8, 2022"
    page.get_by_role("button", name="Pause").click()
    moving = "[...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).transitionDuration !== '0s').length"
    assert page.evaluate(moving) == 0


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("width", [390, 761, 1024, 1280])
def test_no_menu_cuts_off_its_text(visit, lang, width):
    page = visit(map_drawn=True, viewport={"width": width, "height": 844}).open("on=2022-01-08", lang=lang)
    assert page.evaluate(CUT_OFF) == []


def test_on_a_phone_the_bar_stands_between_search_and_sheet(visit):
    visitor = visit(viewport=PHONE, has_touch=True, is_mobile=True)
    for lang in ("en", "fr"):
        page = visitor.open("on=2022-01-08&place=3595", lang=lang)
        page.wait_for_timeout(400)
        top, bar, sheet = (page.locator(name).bounding_box() for name in ("#top", "#timeline", "#sheet"))
        assert top["y"] + top["height"] < bar["y"]
        assert bar["y"] + bar["height"] < sheet["y"]
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        visitor.page.goto("about:blank")
