"""Positions: what covers one, what is near it, and how sure that is; and the same for many."""

from typing import Any

import orjson
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from api import openapi, queries, schemas
from api.bulk import positions
from api.bulk.reading import Items
from api.caching import staleness
from api.located import LOCATED, answers_to
from api.openapi import Sent
from api.renderers import GeoJSONRenderer, JSONRenderer
from api.schemas.bulk import TEXT
from api.views.base import GeoView
from api.views.bulk import BULK_PROBLEMS, TEXTS, Body, BulkView
from geography import errors


class LocateView(BulkView, GeoView):
    """What covers a position, or each of many."""

    subject = positions.SUBJECT
    bulk_renderers = (JSONRenderer, GeoJSONRenderer)

    @openapi.documented(
        queries.LOCATE,
        operation_id="locate",
        tag="Positions",
        summary="The health region and the FSA at a position",
        body="Located",
        problems=(errors.ParameterInvalid, errors.CoordinateInvalid, *openapi.VINTAGE_PROBLEMS),
    )
    def get(self, request: Request) -> Response:
        """Return the health region and the FSA at a position, tested against the boundaries as published.

        `match`, `certain` and the distances beside them are about the health region. A border belongs to its region; on one
        that regions share the lowest code wins. Without `accuracy`, `certain` is false within 2 m of a border: WGS 84 and NAD83
        differ by as much. Off the coast the nearest region within `max_distance` is the answer, and `match` says so.
        """
        query = self.ask(request, queries.LOCATE)
        answers, feature = request.META.get(LOCATED) or (answers_to(query, self.language), None)
        return Response(orjson.Fragment(feature or answers.feature(query.position)), headers=answers.links() | staleness())

    @openapi.documented(
        queries.LOCATE_MANY,
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
        problems=(errors.ParameterInvalid, *BULK_PROBLEMS, *openapi.VINTAGE_PROBLEMS),
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Answer up to 100,000 positions, in their order, each with a status of its own.

        The body is JSON (`{"points": [[lon, lat], …]}`, or objects with `lat`, `lon` and any `id`), GeoJSON (a
        FeatureCollection of points, a MultiPoint), CSV with a header (`lat`/`latitude`/`y`, `lon`/`lng`/`long`/`longitude`/`x`;
        other columns come back as they are) or lines of JSON. The answer is in the format of the Accept header, by default in
        that of the body. `status` is `ok`, or the kind of problem that the position alone would have been answered with. It is
        streamed: where it does not end as its format does, it is not whole. Nothing of it is written to a log, and unlike in a
        URL no proxy sees the positions.
        """
        return self.answer_many(request)

    def chunks(self, request: Request, items: Items[Any]) -> Body:
        """Return the answers, the columns that CSV adds, and what says where they come from."""
        query = queries.LOCATE_MANY.parse(dict(request.GET.lists()), {})
        answers = answers_to(query, self.language)
        some = positions.measurable(items.items, query.accuracy_m)
        return Body(positions.answered(some, answers), positions.COLUMNS, answers.source, answers.links() | staleness())
