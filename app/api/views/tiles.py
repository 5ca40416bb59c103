"""Views of vector tiles and TileJSON."""

from typing import Any
from urllib.parse import quote, urlencode

from django.http import HttpResponseBase
from rest_framework.request import Request

from api.http.renderers import TileRenderer, json_bytes
from api.openapi import document
from api.requests import models
from api.requests.vintage_choice import chosen_vintage
from api.responses.payloads import attribution
from api.views.base import ApiView
from geography import errors
from geography.constants import TILE_ZOOM_MAX
from geography.queries.tiles import tile_draw, vector_layers, vintage_bounds


class TileView(ApiView):
    """Vector tile."""

    renderer_classes = [TileRenderer]

    @document.documented(
        models.TILE_OF_COVERAGE,
        operation_id="get_tile",
        tag="Tiles",
        summary="A vector tile of a coverage",
        body="Tile",
        media_types=(TileRenderer.media_type,),
        empty="The tile is empty.",
        problems=(
            errors.ParameterInvalid,
            errors.CoverageUnknown,
            errors.TileUnknown,
            errors.TilesMissing,
            *document.VINTAGE_PROBLEMS,
        ),
    )
    def get(self, request: Request, coverage: str, z: str, x: str, y: str) -> HttpResponseBase:
        """Return a Mapbox Vector Tile (2.1) in Web Mercator, with the layers `regions` and `labels`.

        Features have a numeric id, `code`, `name_en`, `name_fr` and `pruid`. An empty tile is answered with 204.
        """
        query = self.parse(request, models.TILE_OF_COVERAGE, coverage=coverage, z=z, x=x, y=y)
        vintage = chosen_vintage(query, query.coverage)

        def make() -> bytes:
            assert query.address is not None  # noqa: S101 - the route requires an address
            return tile_draw(vintage=vintage, address=query.address)

        return self.cached(request, query, vintage=vintage, make=make, cacheable=True, translated=False)


class TileJsonView(ApiView):
    """TileJSON of a coverage."""

    @document.documented(
        models.TILEJSON,
        operation_id="get_tilejson",
        tag="Tiles",
        summary="TileJSON of a coverage",
        body="TileJson",
        media_types=("application/json",),
        problems=(errors.ParameterInvalid, errors.CoverageUnknown, *document.VINTAGE_PROBLEMS),
    )
    def get(self, request: Request, coverage: str) -> HttpResponseBase:
        """Return TileJSON 3.0, the source of a map library.

        The URL template of the tiles names the vintage, so that a map never mixes tiles of two vintages.
        """
        query = self.parse(request, models.TILEJSON, coverage=coverage)
        vintage = chosen_vintage(query, query.coverage)
        slug = vintage.coverage.slug
        tiles = request.build_absolute_uri(f"/tiles/{quote(slug)}/")

        def make() -> bytes:
            body: dict[str, Any] = {
                "tilejson": "3.0.0",
                "name": vintage.coverage.name_fr if self.language == "fr" else vintage.coverage.name_en,
                "version": "1.0.0",
                "attribution": attribution(vintage, self.language),
                "scheme": "xyz",
                "tiles": [f"{tiles}{{z}}/{{x}}/{{y}}.mvt?{urlencode({'vintage': vintage.label})}"],
                "minzoom": 0,
                "maxzoom": TILE_ZOOM_MAX,
                "bounds": vintage_bounds(vintage),
                "vector_layers": vector_layers(TILE_ZOOM_MAX),
                "vintage": vintage.label,
                "demo": vintage.demo,
            }
            return json_bytes(body)

        return self.cached(request, query, vintage=vintage, make=make, cacheable=False, base_url=tiles)
