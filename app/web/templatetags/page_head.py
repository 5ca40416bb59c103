"""Head of a page for search engines and the previews of links: canonical address, languages, Open Graph, JSON-LD."""

import json
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.safestring import SafeString, mark_safe

from web import assets
from web.texts import LANGUAGES

register = template.Library()

SITE = "COVIDTrends Geo"
_ALT = {"en": "Map of the health regions of Canada", "fr": "Carte des régions sociosanitaires du Canada"}
# Characters that could end the script element, as JSON escapes.
_SCRIPT_ESCAPES = {ord(character): f"\\u{ord(character):04X}" for character in "<>&\u2028\u2029"}


@register.simple_tag
def card_image(base_url: str, language: str) -> dict[str, Any]:
    """Return address, size in pixels and text of the picture of pages without one of their own: a map of all health regions."""
    return {
        "url": f"{base_url}{static(f'{assets.PREFIX}/img/card.png')}",
        "width": 1200,
        "height": 630,
        "alt": _ALT[language],
    }


@register.inclusion_tag("web/page_head.html")
def page_head(*, base_url: str, path: str, language: str, title: str, description: str) -> dict[str, Any]:
    """Return the values of the head of a page that exists in each language at `path?lang=`.

    Args:
        base_url: scheme and host of the service.
        path: path of the page, such as `/docs`; without a query, which no canonical address has besides the language.
    """
    address = f"{base_url}{path}"
    canonical = f"{address}?lang={language}"
    return {
        "title": title,
        "description": description,
        "language": language,
        "canonical": canonical,
        "alternates": [*((code, f"{address}?lang={code}") for code in LANGUAGES), ("x-default", address)],
        "image": card_image(base_url, language),
        "structured_data": _structured_data(
            {
                "@context": "https://schema.org",
                "@type": "WebSite" if path == "/" else "WebPage",
                "name": title,
                "description": description,
                "url": canonical,
                "inLanguage": language,
            }
            | ({} if path == "/" else {"isPartOf": {"@type": "WebSite", "name": SITE, "url": f"{base_url}/"}})
        ),
    }


def _structured_data(data: dict[str, Any]) -> SafeString:
    # Its own escapes are those of JSON.
    return mark_safe(json.dumps(data, ensure_ascii=False).translate(_SCRIPT_ESCAPES))  # noqa: S308
