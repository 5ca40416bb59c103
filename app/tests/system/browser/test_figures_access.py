"""Health figures on the map page by keyboard, without motion, on phones, and for assistive technology."""

import pytest

from tests.system.browser.conftest import PHONE, WIDE, serious_violations

# Menus whose chosen text is wider than the space beside the arrow.
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


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_have_no_serious_accessibility_violation(visit, viewport, theme):
    visitor = visit(viewport=viewport, color_scheme=theme, map_drawn=theme == "light" and viewport == WIDE)
    page = visitor.open(lang="fr" if theme == "dark" else "en")
    for fragment in ("on=2022-01-08", "place=1201", "place=3595,CA", "on=2022-01-08&boundaries=2022-demo", "region=5921"):
        visitor.go(fragment)
        assert serious_violations(page) == [], fragment


def test_menus_slider_and_table_work_by_keyboard(visit):
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
    moving = "[...document.querySelectorAll('*')].filter((item) => getComputedStyle(item).transitionDuration !== '0s').length"
    assert page.evaluate(moving) == 0


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_no_menu_cuts_off_its_text(visit, lang):
    page = visit().open("on=2022-01-08", lang=lang)
    for width in (390, 761, 1024, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate(CUT_OFF) == [], width


def test_phone_timeline_is_between_search_and_sheet(visit):
    visitor = visit(viewport=PHONE, has_touch=True, is_mobile=True)
    for lang in ("en", "fr"):
        page = visitor.open("on=2022-01-08&place=3595", lang=lang)
        page.wait_for_timeout(400)
        top, bar, sheet = (page.locator(name).bounding_box() for name in ("#top", "#timeline", "#sheet"))
        assert top["y"] + top["height"] < bar["y"]
        assert bar["y"] + bar["height"] < sheet["y"]
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        visitor.page.goto("about:blank")
