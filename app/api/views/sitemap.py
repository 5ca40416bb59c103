"""Sitemap (sitemaps.org): map, documentation, downloads, and all health regions and FSAs in force, in both languages.

One file: with four digits for a health region and three characters for an FSA there are at most 13,600 codes, so 27,206 entries
of the 50,000 that a file may have.
"""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from api.http.cache_key import CacheKey, SourceVersion
from api.http.compression import chosen_encoding
from api.http.conditional import cached_response
from api.http.language import LANGUAGES
from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS
from geography.queries.regions import region_codes
from geography.vintages.catalogue import published

if TYPE_CHECKING:
    from geography.models import Vintage

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml">\n'
)
_PATHS = {COVERAGE_HEALTH_REGIONS: "/health-regions/{}.html", COVERAGE_FSA: "/fsa/{}.html"}


@require_safe
def sitemap(request: HttpRequest) -> HttpResponseBase:
    """Return the sitemap. Queries: none for a cached body and a 304, else 1 for each vintage in force."""
    catalogue, today = published(), date.today()
    in_force = [vintage for coverage in _PATHS if (vintage := catalogue.in_force(coverage, today)) is not None]
    base_url = request.build_absolute_uri("/").rstrip("/")
    key = CacheKey(
        view="sitemap",
        path="/sitemap.xml",
        parameters=tuple((vintage.coverage.slug, vintage.label) for vintage in in_force),
        sources=(SourceVersion(catalogue.revision),),
        media_type="application/xml",
        language=None,
        encoding=chosen_encoding(request.headers.get("Accept-Encoding", "")),
        base_url=base_url,
    )

    def make() -> bytes:
        return (_HEAD + "".join(_entries(base_url, in_force)) + "</urlset>\n").encode()

    return cached_response(
        request,
        key,
        licence_url="",
        labelled=False,
        make=make,
        # Another query string is another key of the fast path, with the same body.
        cacheable=not request.GET,
    )


def _entries(base_url: str, vintages: "list[Vintage]") -> Iterator[str]:
    for path in ("/", "/docs", "/downloads"):
        yield from _of_page(f"{base_url}{path}")
    for vintage in vintages:
        path = _PATHS[vintage.coverage.slug]
        for code in region_codes(vintage):
            yield from _of_page(f"{base_url}{path.format(code)}", vintage.published_at.date() if vintage.published_at else None)


def _of_page(address: str, changed_on: date | None = None) -> Iterator[str]:
    """Yield the entries of a page, one for each language; each lists all languages, as search engines require."""
    by_language = {language: f"{address}?lang={language}" for language in LANGUAGES} | {"x-default": address}
    alternates = "".join(
        f'<xhtml:link rel="alternate" hreflang="{language}" href="{escape(href)}"/>' for language, href in by_language.items()
    )
    lastmod = f"<lastmod>{changed_on}</lastmod>" if changed_on else ""
    for language in LANGUAGES:
        yield f"<url><loc>{escape(by_language[language])}</loc>{lastmod}{alternates}</url>\n"
