"""Views of the map page. The page has no data: its scripts request all data from the API."""

import hashlib
import json
from functools import cache, lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language
from django.views.decorators.http import condition, require_safe

from geography.codes import PROVINCES
from web import assets
from web.provinces import LABEL_POSITIONS
from web.styles import THEMES, style
from web.texts import LANGUAGES, texts

# No third-party and no inline resources. MapLibre's stylesheet has icons as `data:` URLs.
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
        "frame-ancestors {ancestors}",
    )
)


def language_of(request: HttpRequest) -> str:
    """Return the page's language: `lang` if supported, otherwise the language negotiated by the middleware.

    This app cannot import `api.http.language`; its middleware has activated the language of Accept-Language.
    """
    negotiated = (get_language() or "en")[:2]
    return next((language for language in (request.GET.get("lang"), negotiated) if language in LANGUAGES), "en")


def _theme_of(request: HttpRequest) -> str:
    """Return the theme of the embedded map: `theme` if it is one, otherwise that of the reader's system, which is ""."""
    return next((theme for theme in THEMES if theme == request.GET.get("theme")), "")


def _etag(request: HttpRequest) -> str:
    return f'"{assets.digest_of_page()}-{language_of(request)}"'


def _embed_etag(request: HttpRequest) -> str:
    return f'"{assets.digest_of_page()}-embed{_theme_of(request)}-{language_of(request)}"'


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Return the page in the negotiated language; browsers revalidate it on each visit. Queries: none."""
    response = _with_headers(_page(request), request, ancestors="'none'")
    response.headers["Permissions-Policy"] = "geolocation=(self), camera=(), microphone=()"
    return response


@require_safe
def embed(request: HttpRequest) -> HttpResponse:
    """Return the map for a frame in the pages of the sites in EMBED_FRAME_ANCESTORS: without search and menus. Queries: none.

    It may not ask for the reader's position.
    """
    return _with_headers(_embed(request), request, ancestors=settings.EMBED_FRAME_ANCESTORS)


def _with_headers(response: HttpResponse, request: HttpRequest, *, ancestors: str) -> HttpResponse:
    # Also on a 304, whose headers update those of the cached page.
    response.headers["Content-Language"] = language_of(request)
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Security-Policy"] = POLICY.format(ancestors=ancestors)
    patch_vary_headers(response, ["Accept-Language"])
    return response


@condition(etag_func=_etag)
def _page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_rendered(language_of(request), base_url=request.build_absolute_uri("/").rstrip("/")))


@condition(etag_func=_embed_etag)
def _embed(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_rendered(language_of(request), embedded=True, theme=_theme_of(request)))


# Few: ALLOWED_HOSTS limits the hosts, and an embedded map names none.
@lru_cache(maxsize=32)
def _rendered(language: str, *, base_url: str = "", embedded: bool = False, theme: str = "") -> str:
    root = static(assets.PREFIX)
    words = texts(language)
    page_settings: dict[str, Any] = {
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
        "settings": page_settings,
        "base_url": base_url,
        "embedded": embedded,
        "theme": theme,
    }
    return render_to_string("web/map.html", context)


# Crawlers may index the map, the pages of regions and FSAs, the documentation and the list of downloads, but no data routes.
_ROBOTS = "".join(
    ["User-agent: *\n"]
    + [f"Disallow: {path}\n" for path in ("/embed", "/locate", "/now", "/search", "/coverages", "/ogc")]
    + [f"Disallow: {path}\n" for path in ("/tiles/", "/downloads/", "/*.json")]
    + [f"Disallow: /{layer}{rest}\n" for layer in ("health-regions", "fsa") for rest in ("$", "?", "/*/")]
)


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Return the rules for crawlers (RFC 9309), and the address of the sitemap."""
    text = f"{_ROBOTS}Sitemap: {request.build_absolute_uri('/sitemap.xml')}\n"
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "public, max-age=86400"})


@require_safe
def map_style(request: HttpRequest, theme: str) -> HttpResponse:
    """Return the MapLibre style of a theme, in the negotiated language: see `web.styles`. Queries: none."""
    response = _map_style(request, theme)
    # Also on a 304. A deployment can change the colours.
    response.headers["Cache-Control"] = "public, max-age=300, must-revalidate"
    return response


def _style_body(request: HttpRequest, theme: str) -> bytes:
    return json.dumps(style(theme, language_of(request), request.build_absolute_uri("/").rstrip("/"))).encode()


@condition(etag_func=lambda request, theme: f'"{hashlib.sha256(_style_body(request, theme)).hexdigest()[:12]}"')
def _map_style(request: HttpRequest, theme: str) -> HttpResponse:
    return HttpResponse(_style_body(request, theme), content_type="application/json")


@require_safe
def pack_reader(request: HttpRequest) -> HttpResponse:
    """Return the ES module that reads offline packs, at an address that other sites can import. Queries: none."""
    response = _pack_reader(request)
    # Also on a 304.
    response.headers["Cache-Control"] = "public, max-age=300, must-revalidate"
    return response


@cache
def _pack_module() -> bytes:
    return (assets.FOLDER / "js" / "pack.js").read_bytes()


@condition(etag_func=lambda _: f'"{hashlib.sha256(_pack_module()).hexdigest()[:12]}"')
def _pack_reader(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_pack_module(), content_type="text/javascript; charset=utf-8")


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Redirect to the icon, for browsers that request this URL for pages without an icon link."""
    return HttpResponseRedirect(static(f"{assets.PREFIX}/img/mark.svg"), headers={"Cache-Control": "public, max-age=3600"})
