"""State of the page in its URL: back, forward, reload, copied links, language, vintages."""


def test_links_to_neighbours_keep_the_vintage(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open("region=3595&vintage=2022-demo")
    page.get_by_role("link", name="Peel").click()
    visitor.shows("Peel")
    assert visitor.fragment == "vintage=2022-demo&region=3553"
    page.get_by_role("link", name="Toronto").click()
    visitor.shows("Toronto")


def test_back_forward_and_reload_restore_the_card(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open("region=3551")
    page.get_by_role("link", name="K0A").click()
    visitor.shows("K0A")
    page.get_by_role("link", name="Renfrew County and District Health Unit").click()
    visitor.shows("Renfrew")
    page.go_back()
    visitor.shows("K0A")
    page.go_back()
    visitor.shows("Ottawa")
    page.go_forward()
    visitor.shows("K0A")
    page.reload()
    visitor.settle()
    assert (visitor.name, visitor.fragment) == ("K0A", "fsa=K0A")


def test_copied_link_has_the_position_and_opening_it_removes_it(visit):
    visitor = visit(map_drawn=False, permissions=["clipboard-read", "clipboard-write", "geolocation"])
    page = visitor.open()
    page.fill("#search", "45.4236, -75.7009")
    page.keyboard.press("Enter")
    page.locator(".verdict").wait_for()
    assert visitor.fragment == ""
    page.get_by_role("button", name="Copy link with this position").click()
    page.get_by_role("button", name="Copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert "#at=45.4236,-75.7009" in link

    other = visit(map_drawn=False)
    other.page.goto(link)
    other.settle()
    assert "Ottawa" in other.name
    assert other.fragment == ""
    other.page.reload()
    other.settle()
    assert "Ottawa" in other.name


def test_back_restores_the_view_of_the_map(visit):
    visitor = visit()
    page = visitor.open("region=4601")
    visitor.map_settled()
    where = "covidtrendsMap.getCenter().toArray().map((item) => Number(item.toFixed(1)))"
    first = page.evaluate(where)
    page.mouse.move(1000, 500)
    page.mouse.down()
    page.mouse.move(800, 420, steps=4)
    page.mouse.up()
    visitor.map_settled()
    moved = page.evaluate(where)
    assert moved != first
    visitor.search("K0A")
    visitor.shows("K0A")
    page.go_back()
    visitor.shows("Winnipeg")
    visitor.map_settled()
    assert page.evaluate(where) == moved


def test_language_switch_keeps_the_card(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open("region=3551")
    assert visitor.name == "City of Ottawa Health Unit"
    page.get_by_role("link", name="FR", exact=True).click()
    page.locator("html[lang=fr]").wait_for()
    visitor.settle()
    assert visitor.name == "Circonscription sanitaire de la ville d'Ottawa"
    assert page.url.endswith("/?lang=fr#region=3551")


def test_language_switch_keeps_a_position_outside_the_url(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open("at=45.4236,-75.7009")
    page.get_by_role("link", name="FR", exact=True).click()
    page.locator("html[lang=fr]").wait_for()
    visitor.settle()
    assert "Ottawa" in visitor.name
    assert "45.42" not in page.url


def test_invalid_parts_of_the_fragment_are_ignored(visit):
    visitor = visit(map_drawn=False)
    visitor.open("region=<b>&fsa=zzz&at=north,pole&map=1/2&layer=roads&accuracy=-1")
    assert visitor.name == "Canada"
    assert visitor.fragment == ""


def test_unknown_vintage_lists_the_published_ones(visit):
    page = visit(map_drawn=False, errors_expected=True).open("vintage=1999")
    alert = page.get_by_role("alert")
    assert "1999" in alert.inner_text()
    assert "2022-demo" in alert.inner_text()


def test_demonstration_is_marked_in_every_state(visit):
    visitor = visit()
    page = visitor.open()
    for fragment in ("region=3551", "fsa=K0A", "at=45.4,-75.7", "layer=fsa"):
        visitor.go(fragment)
        assert page.locator("#demo").is_visible()
        assert "GeoNames" in page.locator("#attribution").inner_text()


def test_copied_curl_command_is_a_request_of_the_page(visit):
    visitor = visit(map_drawn=False, permissions=["clipboard-read", "clipboard-write"])
    page = visitor.open("fsa=K0A")
    page.get_by_text("The API calls behind this").click()
    page.get_by_role("button", name="Copy", exact=True).first.click()
    page.get_by_role("button", name="Copied").wait_for()
    command = page.evaluate("navigator.clipboard.readText()")
    assert command.startswith("curl 'http://127.0.0.1")
    assert command.removeprefix("curl '").removesuffix("'") in {request.url for request in visitor.requests}
