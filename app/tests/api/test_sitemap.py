"""/sitemap.xml and /robots.txt: addresses that search engines find."""

import re
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.usefixtures("cache_folder")

SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
XHTML = "{http://www.w3.org/1999/xhtml}"


def entries(response):
    urls = ElementTree.fromstring(response.content).findall(f"{SITEMAP}url")  # noqa: S314 - the service's own
    return {
        url.findtext(f"{SITEMAP}loc"): {link.get("hreflang"): link.get("href") for link in url.findall(f"{XHTML}link")}
        for url in urls
    }


def test_sitemap_lists_every_page_of_the_vintages_in_force_in_both_languages(get, world):
    response = get("/sitemap.xml")
    assert response.headers["Content-Type"] == "application/xml"
    listed = entries(response)
    codes = {"health-regions": ("2401", "3501", "3502", "3503", "3504", "6101"), "fsa": ("G7H", "M1A", "M5V", "P0L", "X1A")}
    pages = [f"http://testserver/{layer}/{code}.html" for layer in codes for code in codes[layer]]
    expected = ["http://testserver/", "http://testserver/docs", "http://testserver/downloads", *pages]
    assert set(listed) == {f"{page}?lang={language}" for page in expected for language in ("en", "fr")}
    for address, alternates in listed.items():
        page = address.partition("?")[0]
        assert alternates == {"en": f"{page}?lang=en", "fr": f"{page}?lang=fr", "x-default": page}


def test_entries_are_the_canonical_addresses_of_their_pages(client, world):
    for address in entries(client.get("/sitemap.xml")):
        path = address.removeprefix("http://testserver")
        # Crawlers prefer HTML; /downloads is a list for other clients.
        response = client.get(path, headers={"Accept": "text/html" if path.startswith("/downloads") else "*/*"})
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        (canonical,) = re.findall(r'<link rel="canonical" href="([^"]+)"', response.content.decode())
        assert canonical == address


def test_sitemap_is_cached_and_revalidated(get, world):
    first = get("/sitemap.xml")
    assert get("/sitemap.xml", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert first.headers["Cache-Control"].startswith("public, max-age=60,")


def test_sitemap_without_boundaries_lists_the_other_pages(get, db):
    pages = ("http://testserver/", "http://testserver/docs", "http://testserver/downloads")
    assert set(entries(get("/sitemap.xml"))) == {f"{page}?lang={language}" for page in pages for language in ("en", "fr")}


def allowed(rules, path):
    """Return whether no rule forbids a path (RFC 9309, section 2.2.2); there are no rules that allow."""
    patterns = (re.escape(rule).replace(r"\*", ".*").replace(r"\$", "$") for rule in rules)
    return not any(re.match(pattern, path) for pattern in patterns)


def test_robots_allow_pages_and_name_the_sitemap(get):
    text = get("/robots.txt").content.decode()
    assert text.endswith("Sitemap: http://testserver/sitemap.xml\n")
    rules = re.findall(r"^Disallow: (\S+)$", text, re.MULTILINE)
    for path in (
        "/",
        "/?lang=fr",
        "/health-regions/3595",
        "/health-regions/3595.html?lang=fr",
        "/fsa/K0A.html",
        "/docs",
        "/downloads",
    ):
        assert allowed(rules, path), path
    for path in (
        *(
            "/locate?lat=45&lon=-75",
            "/health-regions",
            "/health-regions?q=x",
            "/health-regions/3595/fsa",
            "/fsa",
            "/fsa/K0A/boundary",
        ),
        *("/fsa/K0A.json", "/coverages", "/tiles/fsa/1/2/3.mvt", "/downloads/fsa/2021/x.csv", "/search?q=ottawa"),
    ):
        assert not allowed(rules, path), path
