"""Pages of health regions and FSAs: HTML at the addresses of their GeoJSON, for clients that prefer it, and at `.html`."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.safestring import mark_safe
from django.utils.translation import override
from rest_framework.request import Request

from api.http.cache_key import CacheKey, SourceVersion
from api.http.compression import chosen_encoding
from api.http.conditional import cached_response
from api.http.negotiation import HTML
from api.requests import models
from api.requests.vintage_choice import chosen_vintage, chosen_vintages
from api.responses import region_image, region_page
from api.responses.indicators import statuses_payload
from api.responses.payloads import people_attribution
from api.responses.region_history import region_history
from api.responses.region_picture import HEIGHT, WIDTH, Scene, Shape, draw, fit, picture_level
from api.views.base import UNCACHED, source_version
from api.views.region_indicators import latest_blocks
from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS
from geography.queries.neighbours import region_neighbours
from geography.queries.overlaps import Share, fsa_health_regions, health_region_fsas
from geography.queries.regions import fsa_get, region_get
from geography.vintages.catalogue import published
from indicators.queries.catalogue import published_indicators

if TYPE_CHECKING:
    from geography.models import Vintage
    from geography.queries.neighbours import SharedBorder
    from geography.queries.region_rows import RegionRow

# Own styles, fonts and the script that applies the reader's choice of colours; no request to another host.
REGION_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
# Media types of the pictures by suffix.
IMAGE_TYPES = {"png": "image/png", "svg": "image/svg+xml"}
# Parameters of a page that the response cache may hold.
_STORED_WITH = frozenset({"lang", "vintage"})
# Colours of the regions of an FSA: classes `cat-1` to `cat-7` of the page's palette.
_COLOURS = 7


def region_page_response(request: Request, query: models.RegionQuery, language: str) -> HttpResponseBase:
    """Return the page of a health region, from the response cache where it may be stored there.

    Raises: RegionUnknown. Queries: none for a cached body and a 304; else about 20, and 4 for each other published vintage.
    """
    vintage = chosen_vintage(query, COVERAGE_HEALTH_REGIONS)
    catalogue = published()
    fsa_vintage = catalogue.in_force(COVERAGE_FSA, date.today())
    base_url = _base_url(request)
    key = CacheKey(
        view="region_page",
        path=request.path.rstrip("/"),
        parameters=(
            ("region_id", query.region_id),
            ("vintage", vintage.label),
            ("fsa_vintage", fsa_vintage.label if fsa_vintage else ""),
            ("pinned", repr(_pinned({"vintage": vintage}))),
        ),
        # The history depends on every vintage.
        sources=(SourceVersion(catalogue.revision), SourceVersion(published_indicators().revision)),
        media_type=f"{HTML}; charset=utf-8",
        language=language,
        encoding=chosen_encoding(request.headers.get("Accept-Encoding", "")),
        base_url=base_url,
    )

    def make() -> bytes:
        with override(language):
            return _region_page(query.region_id, vintage, fsa_vintage, base_url, language).encode()

    response = cached_response(
        request,
        key,
        licence_url=vintage.licence_url,
        # Styles of an earlier release do not exist: never immutable.
        labelled=False,
        make=make,
        cacheable=request.query_params.keys() <= _STORED_WITH,
    )
    response.headers["Content-Security-Policy"] = REGION_PAGE_POLICY
    return response


def region_image_response(request: Request, query: models.RegionQuery, suffix: str, language: str) -> HttpResponseBase:
    """Return the picture of a health region as PNG or SVG: see `api.responses.region_image`.

    Drawing takes more time than any other small response. FSAs have no such picture, since no cache could store it.

    Raises: RegionUnknown. Queries: none for a cached body and a 304, else 4.
    """
    vintage = chosen_vintage(query, COVERAGE_HEALTH_REGIONS)
    is_svg = suffix == "svg"

    def make() -> bytes:
        region, neighbours = _region_and_neighbours(query.region_id, vintage)
        scene = _scene(region, neighbours, width=region_image.WIDTH, height=region_image.HEIGHT)
        scene = scene or Scene([], 1.0)
        return region_image.svg(scene, region_page.name_of(region, language)) if is_svg else region_image.png(scene)

    key = CacheKey(
        view="region_image",
        path=request.path.rstrip("/"),
        parameters=(("region_id", query.region_id), ("vintage", vintage.label)),
        sources=(source_version(vintage),),
        media_type=IMAGE_TYPES[suffix],
        # The title of an SVG is the name of the region.
        language=language if is_svg else None,
        encoding=chosen_encoding(request.headers.get("Accept-Encoding", "")) if is_svg else None,
    )
    return cached_response(
        request,
        key,
        licence_url=vintage.licence_url,
        labelled=query.label is not None,
        make=make,
        cacheable=request.query_params.keys() <= _STORED_WITH,
    )


def _region_and_neighbours(region_id: str, vintage: "Vintage") -> "tuple[RegionRow, Sequence[SharedBorder]]":
    """Return a region and its borders, with geometry at the level of its picture. Queries: 4."""
    level = picture_level(region_get(vintage=vintage, region_id=region_id, level=None).extent)
    region = region_get(vintage=vintage, region_id=region_id, level=level)
    return region, region_neighbours(vintage=vintage, region_id=region.code, level=level).borders


def _scene(region: "RegionRow", neighbours: "Sequence[SharedBorder]", *, width: int, height: int) -> Scene | None:
    beneath = [Shape("beside", border.neighbour.shape) for border in neighbours]
    return fit(Shape("this", region.shape), beneath, width=width, height=height)


def fsa_page_response(request: Request, query: models.FsaQuery, language: str) -> HttpResponse:
    """Return the page of an FSA. An FSA is a part of a postal code: no cache may store it, as its GeoJSON.

    Raises: FsaWithoutBoundary. Queries: about 20.
    """
    vintages = chosen_vintages(query)
    base_url = _base_url(request)
    with override(language):
        text = _fsa_page(query.fsa.code, vintages, base_url, language, from_postal_code=query.fsa.from_postal_code)
    return HttpResponse(text, headers={**UNCACHED, "Content-Security-Policy": REGION_PAGE_POLICY})


def _base_url(request: Request) -> str:
    """Return scheme and host of the service, as the client addresses it."""
    return str(request.build_absolute_uri("/")).rstrip("/")


def _pinned(vintages: "dict[str, Vintage]") -> dict[str, str]:
    """Return the labels of the vintages that are not in force today, by parameter name."""
    catalogue, today = published(), date.today()
    return {
        name: vintage.label for name, vintage in vintages.items() if catalogue.in_force(vintage.coverage.slug, today) != vintage
    }


def _region_page(region_id: str, vintage: "Vintage", fsa_vintage: "Vintage | None", base_url: str, language: str) -> str:
    region, neighbours = _region_and_neighbours(region_id, vintage)
    fsas: Sequence[Share] = []
    if fsa_vintage is not None:
        fsas = health_region_fsas(
            fsa_vintage=fsa_vintage, health_region_vintage=vintage, region_id=region.code, level=None
        ).overlaps
    pinned = _pinned({"vintage": vintage})
    context = region_page.region_context(region, vintage, language, fsas=fsas, neighbours=neighbours)
    address = region_page.Address(base_url, f"/health-regions/{region.code}", pinned)
    picture = _scene(region, neighbours, width=WIDTH, height=HEIGHT)
    figures = _figures(region.code, vintage, language)
    history = region_history(vintage, region.code, language)
    context |= {"history": history, "image": address.image(), "map": _map_address("region", region.code, pinned, language)}
    shown = [vintage, *filter(None, [fsa_vintage])]
    return _render(
        "api/region.html",
        context,
        address=address,
        vintages=shown,
        figures=figures,
        picture=picture,
        extent=region.extent,
        language=language,
    )


def _fsa_page(code: str, vintages: "dict[str, Vintage]", base_url: str, language: str, *, from_postal_code: bool) -> str:
    vintage, fsa_vintage, pinned = vintages["vintage"], vintages["fsa_vintage"], _pinned(vintages)
    level = picture_level(fsa_get(vintage=fsa_vintage, code=code, level=None).extent)
    fsa = fsa_get(vintage=fsa_vintage, code=code, level=level)
    regions = fsa_health_regions(fsa_vintage=fsa_vintage, health_region_vintage=vintage, code=code, level=level)
    neighbours = region_neighbours(vintage=fsa_vintage, region_id=code, level=None).borders
    context = region_page.fsa_context(
        fsa, fsa_vintage, language, regions=regions.overlaps, share_outside=regions.share_outside, neighbours=neighbours
    )
    address = region_page.Address(base_url, f"/fsa/{code}", pinned)
    if len(regions.overlaps) > 1:
        beneath = [
            Shape(f"cat-{min(rank, _COLOURS)}", share.region.shape) for rank, share in enumerate(regions.overlaps, start=1)
        ]
        picture = fit(Shape("outline", fsa.shape), beneath, width=WIDTH, height=HEIGHT)
    else:
        beneath = [Shape("beside", share.region.shape) for share in regions.overlaps]
        picture = fit(Shape("this", fsa.shape), beneath, width=WIDTH, height=HEIGHT)
    # The pages of the regions of a split FSA have their figures.
    figures = _figures(regions.overlaps[0].region.code, vintage, language) if len(regions.overlaps) == 1 else None
    context |= {
        "from_postal_code": from_postal_code,
        "history": region_history(fsa_vintage, code, language),
        "map": _map_address("fsa", code, pinned, language),
        # A page of a health region has no parameter `fsa_vintage`.
        "region_query": region_page.Address(base_url, "", _pinned({"vintage": vintage})).query(language),
    }
    return _render(
        "api/fsa.html",
        context,
        address=address,
        vintages=[vintage, fsa_vintage],
        figures=figures,
        picture=picture,
        extent=fsa.extent,
        language=language,
        people=people_attribution(regions.people_basis, language),
    )


def _map_address(kind: str, code: str, pinned: dict[str, str], language: str) -> str:
    """Return the address of the map page at a region: its state is the fragment."""
    return f"/?lang={language}#{urlencode({kind: code, **pinned})}"


def _figures(code: str, vintage: "Vintage", language: str) -> list[dict[str, Any]] | None:
    """Return the latest figures of a region; None where no indicator is published."""
    if not published_indicators().indicators:
        return None
    return region_page.figures_context(latest_blocks(vintage, code, language), statuses_payload(language), language)


def _render(
    template: str,
    context: dict[str, Any],
    *,
    address: region_page.Address,
    vintages: "list[Vintage]",
    figures: list[dict[str, Any]] | None,
    picture: Scene | None,
    extent: list[float],
    language: str,
    people: str = "",
) -> str:
    kind = "AdministrativeArea" if template == "api/region.html" else "Place"
    return render_to_string(
        template,
        {
            "this": context,
            "language": language,
            "assets": static(settings.WEB_ASSETS),
            "pinned": bool(address.pinned),
            "path": address.path,
            "base_url": address.base_url,
            "picture": draw(picture) if picture else None,
            "figures": figures,
            **address.head(language),
            **region_page.sources(vintages, figures or [], language, people=people),
            # Its own escapes are those of JSON: see `structured_data`.
            "structured_data": mark_safe(  # noqa: S308
                region_page.structured_data(context, extent, url=address.canonical(language), kind=kind)
            ),
        },
    )
