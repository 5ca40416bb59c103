"""Problem pages: /problems/{slug}, the `type` of a problem document; HTML 404 pages for browsers."""

import pytest

from api.problem_explanations import EXPLANATIONS
from api.problems import PROBLEM_TYPES

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
KINDS = {kind.slug: kind for kind in PROBLEM_TYPES.values()}


def test_every_problem_type_has_an_explanation():
    assert set(EXPLANATIONS) == set(KINDS)


@pytest.mark.parametrize("slug", KINDS)
def test_problem_type_url_returns_its_explanation(get, slug):
    for path in (f"/problems/{slug}", f"/problems/{slug}/"):
        body = get(path).json()
        assert (body["type"], body["status"]) == (f"/problems/{slug}", KINDS[slug].status)
        assert body["explanation"]
        assert get(path, lang="fr").json()["explanation"] != body["explanation"]


@pytest.mark.parametrize(("lang", "text"), [("en", "Invalid coordinates"), ("fr", "les longitudes du Canada")])
def test_browser_gets_explanation_as_html_in_its_language(get, lang, text):
    response = get("/problems/coordinate-invalid", headers=BROWSER, lang=lang)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert (response.status_code, response.headers["Content-Language"]) == (200, lang)
    assert text in response.content.decode()
    assert f'<html lang="{lang}">' in response.content.decode()


def test_problems_lists_all_types(get):
    assert [problem["type"] for problem in get("/problems").json()["problems"]] == [
        f"/problems/{slug}" for slug in sorted(KINDS)
    ]
    html = get("/problems", headers=BROWSER).content.decode()
    assert all(f'href="/problems/{slug}?lang=en"' in html for slug in KINDS)


def test_unknown_problem_type_gets_404(get, assert_problem):
    assert_problem(get("/problems/nothing"), 404, "route-unknown")


@pytest.mark.parametrize("path", ["/nowhere", "/health-region", "/problems/nothing", "/<script>alert(1)</script>"])
@pytest.mark.parametrize(("lang", "text"), [("en", "Back to the map"), ("fr", "Retour à la carte")])
def test_unknown_path_gets_html_404_for_browsers(get, assert_problem, path, lang, text):
    response = get(path, headers=BROWSER, lang=lang)
    html = response.content.decode()
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "style-src 'self'" in response.headers["Content-Security-Policy"]
    assert "Accept" in response.headers["Vary"].split(", ")
    assert text in html
    assert f'href="/?lang={lang}"' in html
    assert "<script" not in html
    for accept in ("*/*", "application/json", "application/problem+json", "text/csv"):
        assert_problem(get(path, headers={"Accept": accept}, lang=lang), 404, "route-unknown")


def test_robots_txt_and_favicon_are_served(get):
    robots = get("/robots.txt")
    assert robots.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Disallow: /locate\n" in robots.content.decode()
    icon = get("/favicon.ico")
    assert (icon.status_code, icon.headers["Location"].rpartition("/")[2]) == (302, "mark.svg")
