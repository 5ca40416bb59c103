"""The map page. It holds no data: what it shows, the browser asks the API for."""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language
from django.views.decorators.http import condition, require_safe

from geography.codes import PROVINCES
from web import assets
from web.provinces import LABEL_POSITIONS
from web.texts import LANGUAGES, texts

# Nothing from elsewhere, nothing inline. `data:` is for the icons in MapLibre's stylesheet.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


def language_of(request: HttpRequest) -> str:
    """Return the page's language: `lang` where it is one of ours, then Accept-Language, then English."""
    accepted = (get_language() or "en")[:2]
    return next((item for item in (request.GET.get("lang"), accepted) if item in LANGUAGES), "en")


def _etag(request: HttpRequest) -> str:
    return f'"{assets.digest_of_page()}-{language_of(request)}"'


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Answer with the page in the reader's language. A browser asks each time whether it changed. Queries: none."""
    response = _page(request)
    # With 304 too: a browser takes the headers of that for those of the page it has.
    response.headers["Content-Language"] = language_of(request)
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Permissions-Policy"] = "geolocation=(self), camera=(), microphone=()"
    patch_vary_headers(response, ["Accept-Language"])
    return response


@condition(etag_func=_etag)
def _page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_rendered(language_of(request)))


@cache
def _rendered(language: str) -> str:
    root = static(assets.PREFIX)
    words = texts(language)
    settings: dict[str, Any] = {
        "language": language,
        "texts": words,
        "provinces": [
            {
                "pruid": province.pruid,
                "abbreviation": province.abbreviation,
                "name": province.name_fr if language == "fr" else province.name_en,
                "label": LABEL_POSITIONS[province.pruid],
            }
            for province in PROVINCES
        ],
    }
    context = {
        "language": language,
        "languages": [{"code": code, "name": name, "current": code == language} for code, name in LANGUAGES.items()],
        "t": words,
        "assets": root,
        "modules": assets.modules(),
        "settings": settings,
    }
    return render_to_string("web/map.html", context)


# Crawlers index the map, the documentation and the list of downloads; not every answer and tile.
_ROBOTS = "".join(
    ["User-agent: *\n"]
    + [f"Disallow: {path}\n" for path in ("/locate", "/fsa", "/health-regions", "/coverages", "/tiles/", "/downloads/")]
)


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Answer with the rules for crawlers (RFC 9309)."""
    return HttpResponse(_ROBOTS, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "public, max-age=86400"})


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Redirect to the icon: browsers ask for this address beside pages that name no icon."""
    return HttpResponseRedirect(static(f"{assets.PREFIX}/img/mark.svg"), headers={"Cache-Control": "public, max-age=3600"})
