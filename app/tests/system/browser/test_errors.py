"""Failures: unreachable or slow API, 503, invalid JSON, no WebGL, no JavaScript, markup in names."""

import json


def test_unreachable_api_has_a_retry_button(visit):
    visitor = visit(map_drawn=False, errors_expected=True)
    page = visitor.page
    page.route("**/vintages?*", lambda route: route.abort())
    visitor.open("layer=health-regions")
    assert "cannot be reached" in page.get_by_role("alert").inner_text()
    page.unroute("**/vintages?*")
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("104 health regions").wait_for()


def test_problem_of_the_api_is_shown(visit):
    visitor = visit(map_drawn=False, errors_expected=True)
    problem = {"type": "/problems/not-ready", "title": "Not ready", "status": 503, "detail": "Nothing is published yet."}
    visitor.page.route(
        "**/vintages?*",
        lambda route: route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(problem)),
    )
    page = visitor.open()
    assert "Nothing is published yet." in page.get_by_role("alert").inner_text()
    assert page.get_by_role("button", name="Try again").is_visible()


def test_response_without_json_is_an_error_card(visit):
    visitor = visit(map_drawn=False, errors_expected=True)
    visitor.page.route(
        "**/fsa/K0A?*", lambda route: route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway")
    )
    page = visitor.open("fsa=K0A")
    assert "invalid response" in page.get_by_role("alert").inner_text()


def test_slow_response_does_not_replace_a_later_card(visit):
    visitor = visit(map_drawn=False)
    page = visitor.open("layer=health-regions")

    slow = []
    page.route("**/fsa/K0A?*", lambda route: slow.append(route))  # noqa: PLW0108 - Playwright takes no built-in
    page.fill("#search", "K0A")
    page.keyboard.press("Enter")
    page.locator('#card[aria-busy="true"] .waiting').wait_for()
    visitor.search("winnipeg")
    visitor.shows("Winnipeg")
    # The first response arrives now.
    for route in slow:
        route.continue_()
    visitor.settle()
    assert "Winnipeg" in visitor.name


def test_list_and_search_work_without_webgl(visit):
    visitor = visit(map_drawn=False, errors_expected=True)
    page = visitor.page
    visitor.open("layer=health-regions")
    assert "WebGL" in page.locator("#no-map").inner_text()
    assert page.locator("#stage").is_hidden()
    page.get_by_text("Nova Scotia").click()
    page.get_by_role("link", name="Central").click()
    visitor.shows("Central")
    visitor.search("K0A")
    visitor.shows("K0A")


def test_page_without_javascript_links_to_the_api(visit):
    visitor = visit(java_script_enabled=False)
    visitor.page.goto(f"{visitor.address}/?lang=fr")
    assert "JavaScript" in visitor.page.locator("noscript").inner_text()


def test_markup_in_a_name_is_shown_as_text(visit):
    evil = '<img src=x onerror="window.attacked=true"><script>window.attacked=true</script>'
    visitor = visit(map_drawn=False)

    def poison(route):
        response = route.fetch()
        body = response.text().replace("City of Ottawa Health Unit", json.dumps(evil)[1:-1])
        route.fulfill(response=response, body=body)

    visitor.page.route("**/health-regions*", poison)
    visitor.page.route("**/health-regions/**", poison)
    page = visitor.open("region=3551")
    assert visitor.name == evil
    page.fill("#search", "onerror")
    assert visitor.options.first.inner_text().startswith("<img")
    assert page.title().startswith("<img")
    assert page.evaluate("window.attacked") is None
    assert page.locator("#panel img").count() == 0
