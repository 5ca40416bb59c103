"""Heads of all HTML pages, as a crawler without JavaScript and the validators of link previews read them."""

import json
import re
import struct
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PAGES = [
    "/",
    "/docs",
    "/downloads",
    "/problems",
    "/problems/region-unknown",
    "/health-regions/3501",
    "/fsa/M5V",
    "/fsa/M1A.html",
]


class _Head(HTMLParser):
    """Parser that collects title, metadata, links, headings and JSON-LD."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.meta: dict[str, list[str]] = {}
        self.links: list[dict[str, str]] = []
        self.text: dict[str, list[str]] = {"title": [], "h1": [], "script": []}
        self.language = ""
        self._open = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        values = dict(attrs)
        if tag == "html":
            self.language = values["lang"]
        elif tag == "meta" and (name := values.get("name") or values.get("property")):
            self.meta.setdefault(name, []).append(values["content"])
        elif tag == "link":
            self.links.append(values)
        elif tag in self.text and (tag != "script" or values.get("type") == "application/ld+json"):
            self._open = tag
            self.text[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._open:
            self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.text[self._open][-1] += data

    def only(self, name: str) -> str:
        (value,) = self.meta[name]
        return value


def head(client: Any, path: str, lang: str) -> _Head:
    response = client.get(path, {"lang": lang}, headers={"Accept": CHROME})
    assert response.status_code == 200
    assert response.headers["Content-Language"] == lang
    return _Head(response.content.decode())


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("path", PAGES)
class TestEveryPage:
    def test_has_title_description_heading_and_language(self, client, related, path, lang):
        page = head(client, path, lang)
        assert page.language == lang
        (title,) = page.text["title"]
        assert 10 < len(title) < 120
        assert len(page.text["h1"]) == 1
        assert page.text["h1"][0].strip()
        assert 40 < len(page.only("description")) < 320

    def test_canonical_address_and_alternates_answer_with_the_same_page(self, client, related, path, lang):
        page = head(client, path, lang)
        (canonical,) = [link["href"] for link in page.links if link["rel"] == "canonical"]
        assert canonical == page.only("og:url")
        alternates = {link["hreflang"]: link["href"] for link in page.links if "hreflang" in link}
        assert set(alternates) == {"en", "fr", "x-default"}
        assert alternates[lang] == canonical
        for language in ("en", "fr"):
            address = alternates[language].removeprefix("http://testserver")
            other = _Head(client.get(address, headers={"Accept": CHROME}).content.decode())
            assert other.language == language
            (own,) = [link["href"] for link in other.links if link["rel"] == "canonical"]
            assert own == alternates[language]

    def test_has_a_complete_preview(self, client, related, path, lang):
        page = head(client, path, lang)
        for name in ("og:title", "og:description", "og:type", "og:site_name", "og:image:alt"):
            assert page.only(name).strip()
        assert page.only("og:locale") == f"{lang}_CA"
        assert page.only("twitter:card") == "summary_large_image"
        address = page.only("og:image")
        assert address.startswith("http://testserver/")
        if "/static/" in address:
            path_of_file = finders.find(address.partition("/static/")[2])
            assert path_of_file is not None
            content = Path(path_of_file).read_bytes()
        else:
            content = client.get(address.removeprefix("http://testserver")).content
        width, height = struct.unpack(">II", content[16:24])
        assert (width, height) == (int(page.only("og:image:width")), int(page.only("og:image:height"))) == (1200, 630)
        # The limit of the strictest program, WhatsApp.
        assert len(content) < 300_000

    def test_structured_data_is_valid_json_with_a_context_and_type(self, client, related, path, lang):
        page = head(client, path, lang)
        (text,) = page.text["script"]
        data = json.loads(text)
        assert data["@context"] == "https://schema.org"
        assert data["@type"] in {"WebSite", "WebPage", "AdministrativeArea", "Place"}
        assert data["name"]
        assert data["url"] == page.only("og:url")


def test_texts_of_the_head_cannot_end_their_elements(client, db):
    html = client.get("/docs", {"lang": "fr", "x": '"><script>alert(1)</script>'}).content.decode()
    assert "<script>alert" not in html


@pytest.mark.parametrize("path", ["/embed", "/health-regions/3599", "/nowhere", "/fsa/MOV"])
def test_embedded_map_and_problems_are_not_indexed(client, related, path):
    html = client.get(path, headers={"Accept": CHROME}).content.decode()
    assert re.search(r'<meta name="robots" content="noindex">', html)
    assert 'rel="canonical"' not in html
