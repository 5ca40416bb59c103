"""Positions: what covers one, what is near it, and how sure that is."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from api import openapi, queries
from api.bodies import SHARE_DECIMALS, located_block, provenance, province_block, region_names
from api.editions import chosen_pair
from api.views.base import GeoView
from geography import errors
from geography.conf import DATUM_UNCERTAINTY_M
from geography.selectors.positions import Located, circle_shares, position_locate

DISTANCE_DECIMALS = 1


class LocateView(GeoView):
    """What covers a position."""

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
        vintages = chosen_pair(query)
        region, fsa = position_locate(
            position=query.position,
            vintages=[vintages["vintage"], vintages["fsa_vintage"]],
            accuracy_m=query.accuracy_m or 0.0,
            max_distance_m=query.max_distance_m,
            borders=[True, False],
        )
        pruid = next((one.region.pruid for one in (region, fsa) if one.region), None)
        properties: dict[str, Any] = {
            "match": region.match,
            "certain": region.certain,
            "distance_m": _metres(region.distance_m),
            "distance_to_border_m": _metres(region.distance_to_border_m),
            "neighbour": region.neighbour and region_names(region.neighbour, code_name="hruid", language=self.language),
            "health_region": located_block(region, code_name="hruid", language=self.language),
            "fsa": located_block(fsa, code_name="cfsauid", language=self.language),
            "province": province_block(pruid, self.language) if pruid else None,
        }
        if query.accuracy_m is not None:
            properties["accuracy_m"] = query.accuracy_m
            properties["candidates"] = self._candidates(query, region)
        return Response(
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": list(query.position)},
                "properties": properties,
                **provenance(vintages, self.language),
            }
        )

    def _candidates(self, query: queries.LocateQuery, located: Located) -> list[dict[str, Any]]:
        """Return every health region within the accuracy, the one that covers most of the circle first."""
        if not located.near:
            return []
        radius = max(query.accuracy_m or 0.0, DATUM_UNCERTAINTY_M)
        shares = circle_shares(position=query.position, accuracy_m=radius, vintage=located.vintage)
        candidates = [
            region_names(region, code_name="hruid", language=self.language)
            | {"share_of_circle": round(shares.get(region.id, 0.0), SHARE_DECIMALS)}
            for region in located.near
        ]
        return sorted(candidates, key=lambda one: -one["share_of_circle"])


def _metres(distance: float | None) -> float | None:
    return None if distance is None else round(distance, DISTANCE_DECIMALS)
