"""Views of /locate: the lookup of one position, and of many in a bulk request."""

from typing import Any

import orjson
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from api.bulk import positions
from api.bulk.csv_columns import locate_csv
from api.bulk.items import Items
from api.bulk.writers import Layout
from api.http.conditional import staleness
from api.http.renderers import GeoJSONRenderer, JSONRenderer
from api.openapi import document, schemas
from api.openapi.document import RequestBody
from api.openapi.schemas.bulk import TEXT
from api.requests import bulk, models
from api.requests.parameters import LOCATED_COLUMNS
from api.responses.locate import COMPUTED, responder_for
from api.views.base import UNCACHED, GeoView
from api.views.bulk import BULK_PROBLEMS, TEXTS, Body, BulkView, CsvBody
from geography import errors
from geography.constants import ACCURACY_OF_MANY_MAX_M


class LocateView(BulkView, GeoView):
    """Point lookup: GET for one position, POST for many."""

    item_type = positions.ITEM_TYPE
    bulk_spec = bulk.LOCATE_MANY
    bulk_renderers = (JSONRenderer, GeoJSONRenderer)

    @document.documented(
        models.LOCATE,
        operation_id="locate",
        tag="Positions",
        summary="The health region and the FSA at a position",
        body="Located",
        problems=(errors.ParameterInvalid, errors.CoordinateInvalid, *document.VINTAGE_PROBLEMS),
    )
    def get(self, request: Request) -> Response:
        """Return the health region and the FSA at a position, tested against the boundaries as published.

        `match`, `certain` and the distances refer to the health region. A border belongs to its region; on a
        shared border the lowest code wins. `certain` is false where another region is within `uncertainty_m`, and where health
        region and FSA are in different provinces; `reasons` lists the reasons. Without `accuracy`, `uncertainty_m` is the 2 m
        by which WGS 84 and NAD83 differ plus the border error of the region's vintage. Off the coast the answer is the nearest
        region within `max_distance`, with `match` set to `nearest`.
        """
        query = self.parse(request, models.LOCATE)
        # The fast path has computed the Feature, except where a vintage is not in memory.
        responder, feature = request.META.get(COMPUTED) or (responder_for(query, self.language), None)
        body = orjson.Fragment(feature or responder.feature(query.position))
        return Response(body, headers=UNCACHED | responder.links() | staleness())

    @document.documented(
        bulk.LOCATE_MANY,
        operation_id="locate_many",
        tag="Positions",
        summary="The health regions and FSAs at many positions",
        body="LocatedMany",
        media_types=("application/json",),
        further_schemas={"application/geo+json": schemas.ref("LocatedFeatures"), **TEXTS},
        request={
            "application/json": RequestBody(
                schemas.ref("Positions"), {"points": [[-79.3871, 43.6426], {"id": 7, "lat": 46.81, "lon": -71.21}]}
            ),
            "application/geo+json": RequestBody(
                schemas.ref("PositionFeatures"),
                {
                    "type": "FeatureCollection",
                    "features": [
                        {
                            "type": "Feature",
                            "geometry": {"type": "Point", "coordinates": [-79.3871, 43.6426]},
                            "properties": {"name": "CN Tower"},
                        }
                    ],
                },
            ),
            "text/csv": RequestBody(TEXT, "name,lat,lon\r\nCN Tower,43.6426,-79.3871\r\n"),
            "application/x-ndjson": RequestBody(TEXT, '{"id": 1, "lat": 43.6426, "lon": -79.3871}\n[-71.21, 46.81]\n'),
        },
        problems=(errors.ParameterInvalid, *BULK_PROBLEMS, *document.VINTAGE_PROBLEMS),
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Return the regions at up to 100,000 positions, in the order of the positions, each with its own status.

        The body is JSON (`{"points": [[lon, lat], …]}`, or objects with `lat`, `lon` and any `id`), GeoJSON (a
        FeatureCollection of points, a MultiPoint), CSV with a header, or NDJSON. `Content-Encoding: gzip` and chunked bodies
        without Content-Length are supported. The response has the format of the Accept header, by default that of the body.
        `fields` limits the response to the named columns. `status` is `ok`, or the slug of the problem type that the position
        alone would get. An error anywhere in the body makes the response a problem document. A response has a Content-Length,
        so a client can check that it is complete. Positions are never logged, and unlike in a URL no proxy logs them.

        CSV may have commas, semicolons, tabs or pipes as delimiters, a decimal comma, and UTF-8, UTF-16 with a byte order mark
        or any charset that the Content-Type names. The response is UTF-8 and has every field of the request, followed by the
        added ones; where the header, or a feature's properties, has a name of an added field, all added fields begin with
        `geo_`. A row with more fields than the header gets no answer; its last column contains the remaining fields.
        """
        return self.answer_many(request)

    def csv_rows(self, query: bulk.LocateManyQuery, content: bytes, charset: str) -> CsvBody | None:
        """Return the response by columns where both vintages have an index, and the body can be read to its end."""
        responder = responder_for(query, self.language)
        layers = responder.layers(query.fields)
        if layers is None or (query.accuracy_m or 0) > ACCURACY_OF_MANY_MAX_M:
            return None
        chunks = locate_csv(content, charset, layers, query.columns)
        return None if chunks is None else CsvBody(iter(chunks), responder.links() | staleness())

    def chunks(self, query: bulk.LocateManyQuery, items: Items[Any]) -> Body:
        """Return the answers, their layout and their vintages."""
        responder = responder_for(query, self.language)
        measured = positions.limit_inaccurate(items.items, query.accuracy_m)
        return Body(
            positions.answer_positions(measured, responder, query.fields),
            Layout(query.fields or LOCATED_COLUMNS, query.fields or positions.MEMBERS, responder.source),
            # A vintage in memory is complete, and a deleted vintage is never loaded into memory: no check is needed.
            lambda: [] if responder.in_memory else [*responder.vintages.values()],
            responder.links() | staleness(),
        )
