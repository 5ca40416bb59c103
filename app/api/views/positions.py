"""Views of /locate: one position and many."""

from typing import Any

import orjson
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from api.bulk import positions
from api.bulk.items import Items
from api.bulk.writers import Layout
from api.http.conditional import staleness
from api.http.renderers import GeoJSONRenderer, JSONRenderer
from api.openapi import document, schemas
from api.openapi.document import Sent
from api.openapi.schemas.bulk import TEXT
from api.requests import models
from api.responses.locate import LOCATED, responder_for
from api.views.base import UNCACHED, GeoView
from api.views.bulk import BULK_PROBLEMS, TEXTS, Body, BulkView
from geography import errors


class LocateView(BulkView, GeoView):
    """What covers a position, or each of many."""

    subject = positions.ITEM_TYPE
    bulk_spec = models.LOCATE_MANY
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

        `match`, `certain` and the distances beside them are about the health region. A border belongs to its region; on one
        that regions share the lowest code wins. `certain` is false where another region is within `uncertainty_m`, and where
        health region and FSA are in different provinces; `reasons` says why. Without `accuracy`, `uncertainty_m` is the 2 m by
        which WGS 84 and NAD83 differ, and how far the region's border may be off in its vintage. Off the coast the nearest
        region within `max_distance` is the answer, and `match` says so.
        """
        query = self.parse(request, models.LOCATE)
        answers, feature = request.META.get(LOCATED) or (responder_for(query, self.language), None)
        return Response(
            orjson.Fragment(feature or answers.feature(query.position)), headers=UNCACHED | answers.links() | staleness()
        )

    @document.documented(
        models.LOCATE_MANY,
        operation_id="locate_many",
        tag="Positions",
        summary="The health region and the FSA at each of many positions",
        body="LocatedMany",
        media_types=("application/json",),
        others={"application/geo+json": schemas.ref("LocatedFeatures"), **TEXTS},
        request={
            "application/json": Sent(
                schemas.ref("Positions"), {"points": [[-79.3871, 43.6426], {"id": 7, "lat": 46.81, "lon": -71.21}]}
            ),
            "application/geo+json": Sent(
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
            "text/csv": Sent(TEXT, "name,lat,lon\r\nCN Tower,43.6426,-79.3871\r\n"),
            "application/x-ndjson": Sent(TEXT, '{"id": 1, "lat": 43.6426, "lon": -79.3871}\n[-71.21, 46.81]\n'),
        },
        problems=(errors.ParameterInvalid, *BULK_PROBLEMS, *document.VINTAGE_PROBLEMS),
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Answer up to 100,000 positions, in their order, each with a status of its own.

        The body is JSON (`{"points": [[lon, lat], …]}`, or objects with `lat`, `lon` and any `id`), GeoJSON (a
        FeatureCollection of points, a MultiPoint), CSV with a header or lines of JSON; `Content-Encoding: gzip` is read, and a
        body without Content-Length. The answer is in the format of the Accept header, by default in that of the body. `status`
        is `ok`, or the kind of problem that the position alone would have been answered with. What is wrong with the body is a
        problem document, wherever in it it stands; an answer has a Content-Length, so a client sees whether it came whole.
        Nothing of it is written to a log, and unlike in a URL no proxy sees the positions.

        Of CSV, commas, semicolons, tabs and pipes are read as delimiters, UTF-8, UTF-16 with a byte order mark and any charset
        that the Content-Type names as encodings, and a decimal comma. The answer is UTF-8 and has every field that came, and
        after them ours; where the header has one of those names, or a feature a property, all of ours begin with `geo_`. A
        row with more fields than the header is not answered, and its last column holds all the rest.
        """
        return self.answer_many(request)

    def chunks(self, query: models.LocateManyQuery, items: Items[Any]) -> Body:
        """Return the answers, what they add, and what they come from."""
        answers = responder_for(query, self.language)
        measured = positions.measurable(items.items, query.accuracy_m)
        return Body(
            positions.answer_positions(measured, answers),
            Layout(positions.COLUMNS, positions.MEMBERS, answers.source),
            # What stays in memory stays whole. What is deleted is never read into memory again.
            lambda: [] if answers.in_memory else [*answers.vintages.values()],
            answers.links() | staleness(),
        )
