"""Downloads page: HTML for browsers at /downloads."""

import re
from datetime import date
from html.parser import HTMLParser
from typing import Any

import pytest

from geography.models import Vintage
from geography.vintages import catalogue
from tests.support import demo_regions as worlds


class _Page(HTMLParser):
    """Parser that collects links and text."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page(response: Any) -> _Page:
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    parsed = _Page()
    parsed.feed(response.content.decode())
    return parsed


BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def test_accept_selects_html_or_json(get: Any, exported_code_tables: None) -> None:
    response = get("/downloads", headers=BROWSER)
    result = page(response)
    assert "/downloads/health-regions/2022/health-regions-2022.csv" in result.links
    assert "/downloads/health-regions/2022/SHA256SUMS" in result.links
    assert not any("gpkg" in link for link in result.links)
    assert "Accept" in response.headers["Vary"]
    for accept in ("*/*", "application/json", "application/json, text/html;q=0.5"):
        assert get("/downloads", headers={"Accept": accept}).headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("lang", "heading"),
    [("en", "Download boundaries and health figures"), ("fr", "Télécharger les limites et les chiffres sur la santé")],
)
def test_page_language_follows_lang(get: Any, exported_code_tables: None, lang: str, heading: str) -> None:
    response = get("/downloads", headers=BROWSER, lang=lang)
    assert heading in page(response).text
    assert f'<html lang="{lang}">' in response.content.decode()


def test_replaced_vintage_is_not_in_force(get: Any, exported_code_tables: None) -> None:
    Vintage.objects.filter(coverage__slug="health-regions").update(licence="", licence_url="")
    later = worlds.make_vintage("health-regions", "2023", date(2023, 1, 1))
    worlds.add_places(later, worlds.HEALTH_REGIONS_DEMO)
    catalogue.clear()
    sections = get("/downloads", headers=BROWSER).content.decode().split("<section")
    (replaced,) = (section for section in sections if 'id="health-regions-2022"' in section)
    (current,) = (section for section in sections if 'id="health-regions-2023"' in section)
    assert "in force from" in current
    assert "effective from" in replaced
    assert "in force from" not in replaced
    # A vintage without a licence has no separator.
    assert "SHA256SUMS</a><br>" in replaced


def test_vintage_texts_are_html_escaped(get: Any, exported_code_tables: None) -> None:
    Vintage.objects.filter(label="2022").update(
        attribution_en="<script>alert(1)</script>", licence='"><img src=x onerror=alert(1)>', licence_url="javascript:alert(1)"
    )
    catalogue.clear()  # the change was not a publication, so the cached catalogue is still valid
    html = get("/downloads", headers=BROWSER).content.decode()
    assert "&lt;script&gt;alert" in html
    assert "<script>alert" not in html
    assert "<img" not in html
    assert "javascript:" not in html


def test_page_loads_no_external_resources(get: Any, exported_code_tables: None) -> None:
    html = get("/downloads", headers=BROWSER).content.decode()
    assert not re.findall(r'(?:src|href)="(?:https?:)?//(?!www\.statcan)', html.replace("http://testserver", ""))


def test_page_without_vintages_is_empty(get: Any, db: None) -> None:
    assert "Nothing is published yet." in page(get("/downloads", headers=BROWSER)).text
    assert get("/downloads").json() == {"downloads": [], "indicators": []}


def test_page_marks_the_demonstration(get: Any, exported_code_tables: None) -> None:
    assert "Demonstration boundaries: approximate, not for decisions." in page(get("/downloads", headers=BROWSER)).text


@pytest.mark.parametrize(("lang", "back"), [("en", "Back to the map"), ("fr", "Retour à la carte")])
def test_problem_of_the_page_is_a_page_and_of_the_list_a_document(get, assert_problem, lang, back, db):
    response = get("/downloads", headers=BROWSER, lang=lang, colour="red")
    html = response.content.decode()
    assert (response.status_code, response.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert back in html
    # The other language has the same problem.
    assert 'href="?lang=fr&amp;colour=red"' in html or 'href="?lang=en&amp;colour=red"' in html
    assert_problem(get("/downloads", lang=lang, colour="red"), 400, "parameter-invalid", parameter="colour")
