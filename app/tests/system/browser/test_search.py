"""Search field of the page."""

import pytest

# Search text and its meaning: a position (longitude, latitude), an FSA, or words; `?` marks a guess.
MEANINGS = [
    ("45.4236, -75.7009", "at -75.7009 45.4236"),
    ("45.4236 -75.7009", "at -75.7009 45.4236"),
    ("45,4236 -75,7009", "at -75.7009 45.4236"),
    ("45,4236; -75,7009", "at -75.7009 45.4236"),
    ("45.4236,-75.7009", "at -75.7009 45.4236"),
    ("45.4236/-75.7009", "at -75.7009 45.4236"),
    ("geo:45.4236,-75.7009", "at -75.7009 45.4236"),
    ("45.4236° N, 75.7009° W", "at -75.7009 45.4236"),
    ("45,4236° N, 75,7009° O", "at -75.7009 45.4236"),
    ("75.7009 W 45.4236 N", "at -75.7009 45.4236"),
    ("45°25'25\"N 75°42'3\"W", "at -75.7008 45.4236"),
    ("45° 25′ 25″ N, 75° 42′ 3″ O", "at -75.7008 45.4236"),
    ("45.4236 75.7009", "at? -75.7009 45.4236"),
    ("-75.7009, 45.4236", "at? -75.7009 45.4236"),
    ("75.7009, 45.4236", "at? -75.7009 45.4236"),
    ("48.85, 2.35", "at 2.3500 48.8500"),
    ("91, 200", "words 91 200"),
    ("45,75", "words 45 75"),
    ("m5v", "fsa M5V"),
    ("M5V 3L9", "fsa M5V whole"),
    ("m5v-3l9", "fsa M5V whole"),
    ("M5V3L", "fsa M5V whole"),
    ("M5V 999", "words m5v 999"),
    ("MSV", "fsa? M5V"),
    ("0ttawa", "words 0ttawa"),
    ("Saguenay—Lac-Saint-Jean", "words saguenay lac saint jean"),
    ("Île-du-Prince-Édouard", "words ile du prince edouard"),
    ("3551", "words 3551"),
    ("<b>", "words b"),
    ("   ", ""),
]
UNDERSTAND = """async ([folder, text]) => {
  const { understand } = await import(`${folder}/parse.js`);
  const [item] = understand(text);
  if (!item) return "";
  if (item.kind === "position") return `at${item.meant ? "?" : ""} ${item.at.map((n) => n.toFixed(4)).join(" ")}`;
  if (item.kind === "fsa") return `fsa${item.meant ? "?" : ""} ${item.code}${item.whole ? " whole" : ""}`;
  return `words ${item.words.join(" ")}`;
}"""


def test_parser_of_the_search_text(visit):
    page = visit(map_drawn=False).open()
    folder = page.locator("script[type=module]").get_attribute("src").rsplit("/", 1)[0]
    understood = [(text, page.evaluate(UNDERSTAND, [folder, text])) for text, _ in MEANINGS]
    assert understood == MEANINGS


@pytest.mark.parametrize(
    ("typed", "title", "fragment"),
    [
        ("K0A", "K0A", "fsa=K0A"),
        ("ottawa", "City of Ottawa Health Unit", "region=3551"),
        ("lac saint jean", "Région du Saguenay—Lac-Saint-Jean", "region=2402"),
        ("45.4236, -75.7009", "City of Ottawa Health Unit", ""),
    ],
)
def test_search_opens_a_card(visit, typed, title, fragment):
    visitor = visit(map_drawn=False)
    visitor.open("layer=health-regions")
    visitor.search(typed)
    visitor.shows(title)
    assert visitor.fragment == fragment


def test_only_the_fsa_of_a_postal_code_is_sent(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open()
    page.locator("#search").press_sequentially("m5v 3l9")
    assert "Only M5V is used" in visitor.options.inner_text()
    page.keyboard.press("Enter")
    visitor.shows("M5V")
    assert page.locator("#search").input_value() == "M5V"
    sent = " ".join(request.url + (request.post_data or "") for request in visitor.requests)
    assert "M5V" in sent
    assert "3l9" not in sent.lower().replace("%20", "")
    assert (
        "3l9"
        not in page.evaluate("JSON.stringify([location.href, history.state, {...localStorage}, {...sessionStorage}])").lower()
    )


def test_fsa_without_a_boundary_suggests_adjacent_codes(visit):
    visitor = visit(map_drawn=False, errors_expected=True)
    page = visitor.open("fsa=K1A")
    card = page.locator("#card")
    assert "K1A" in card.locator(".name").inner_text()
    assert "Ontario" in card.inner_text()
    card.get_by_role("link", name="K1B").click()
    visitor.shows("K1B")


def test_unknown_name_has_no_result(visit):
    visitor = visit(map_drawn=False)
    visitor.open(lang="fr").fill("#search", "atlantide")
    assert "Aucun résultat" in visitor.options.inner_text()


def test_search_works_by_keyboard(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open("layer=health-regions")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.locator("#search:focus").wait_for()
    assert visitor.fragment == "layer=health-regions"
    page.keyboard.type("winnipeg")
    visitor.options.first.wait_for()
    page.keyboard.press("ArrowDown")
    assert page.locator("#search").get_attribute("aria-activedescendant") == "option-0"
    page.keyboard.press("Enter")
    visitor.shows("Winnipeg")
    assert visitor.fragment == "region=4601"
    visitor.hears("Winnipeg")
