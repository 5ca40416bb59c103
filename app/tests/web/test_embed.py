"""The map for frames in other pages: its headers, theme and language. In a browser: tests/system/browser/test_embed.py."""

import re

import pytest
from django.core.checks import run_checks


def policy(response):
    return dict(part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";"))


@pytest.mark.parametrize("ancestors", ["*", "'none'", "https://news.example.org https://*.example.ca"])
def test_setting_chooses_the_sites_that_may_frame_the_map(get, settings, ancestors):
    settings.EMBED_FRAME_ANCESTORS = ancestors
    first = get("/embed")
    assert policy(first)["frame-ancestors"] == ancestors
    again = get("/embed", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert policy(again)["frame-ancestors"] == ancestors


def test_no_site_may_frame_the_page_itself(get, settings):
    settings.EMBED_FRAME_ANCESTORS = "*"
    assert policy(get("/"))["frame-ancestors"] == "'none'"
    assert policy(get("/health-regions/3595.html"))["frame-ancestors"] == "'none'"


def test_map_in_a_frame_loads_nothing_else_than_the_page_and_asks_for_no_position(get):
    page, embedded = get("/"), get("/embed")
    assert policy(embedded) | {"frame-ancestors": ""} == policy(page) | {"frame-ancestors": ""}
    assert "geolocation=()" in embedded.headers["Permissions-Policy"]
    assert "X-Frame-Options" not in embedded.headers


@pytest.mark.parametrize(
    ("query", "theme"), [({"theme": "dark"}, "dark"), ({"theme": "light"}, "light"), ({"theme": '"><b>'}, ""), ({}, "")]
)
def test_theme_is_that_of_the_address_or_of_the_system(get, query, theme):
    (root,) = re.findall("<html[^>]*>", get("/embed", **query).content.decode())
    assert ('data-theme="' + theme + '"' in root) if theme else ("data-theme" not in root)


def test_each_language_and_theme_has_an_etag_of_its_own(get):
    queries = [{"lang": lang, "theme": theme} for lang in ("en", "fr") for theme in ("light", "dark", "")]
    tags = {get("/embed", **query).headers["ETag"] for query in queries} | {get("/", lang="en").headers["ETag"]}
    assert len(tags) == 7


@pytest.mark.parametrize("ancestors", ["", "https://a.example; script-src *", "news.example.org,other.example"])
def test_invalid_list_of_sites_fails_the_check(settings, ancestors):
    settings.EMBED_FRAME_ANCESTORS = ancestors
    assert [message.id for message in run_checks(tags=["security"]) if str(message.id).startswith("web.")] == ["web.E001"]


def test_page_is_not_for_search_engines(get):
    assert "Disallow: /embed\n" in get("/robots.txt").content.decode()
