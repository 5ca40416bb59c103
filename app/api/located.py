"""The answer about a position, as JSON: the same for one and for many.

What does not depend on the position is made into text once for each region, language and vintage and put into every answer as
it is; that is most of an answer.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from api.bodies import (
    SHARE_DECIMALS,
    licence_links,
    located_block,
    provenance,
    province_block,
    region_names,
    vintage_block,
)
from api.renderers import json_bytes
from geography.conf import DATUM_UNCERTAINTY_M
from geography.coordinates import LonLat
from geography.models import Vintage
from geography.selectors.changes import ReusedCode, reused_codes
from geography.selectors.nearby import RegionRef
from geography.selectors.positions import Located, circle_shares, points_locate

DISTANCE_DECIMALS = 1
# Regions of some vintages, in two languages.
_REMEMBERED = 20_000
_NULL = orjson.Fragment(b"null")
# What a block tells, and nothing else, is what it is remembered by.
_Told = tuple[RegionRef, str, bool, tuple[ReusedCode, ...]]


class Answers:
    """Answers about positions, all of the same vintages and in the same language.

    Attributes:
        vintages: by the name of the parameter that chooses each: `vintage` (health regions) and `fsa_vintage`.
    """

    def __init__(
        self, vintages: Mapping[str, Vintage], language: str, *, max_distance_m: float, accuracy_m: float | None = None
    ) -> None:
        """Prepare to answer.

        Args:
            max_distance_m: how far the nearest region may be where none covers.
            accuracy_m: radius of the candidates; None for no candidates.
        """
        self.vintages = vintages
        self.language = language
        self._max_distance_m = max_distance_m
        self._accuracy_m = accuracy_m
        self._reused: dict[int, Mapping[str, tuple[ReusedCode, ...]]] = {}

    def locate(self, positions: Sequence[LonLat]) -> list[tuple[Located, ...]]:
        """Return the health region and the FSA at each position, in the same order. Queries: see `points_locate`."""
        return points_locate(
            positions=positions,
            vintages=[self.vintages["vintage"], self.vintages["fsa_vintage"]],
            accuracy_m=self._accuracy_m or 0.0,
            max_distance_m=self._max_distance_m,
            borders=(True, False),
        )

    def properties(self, position: LonLat, located: tuple[Located, ...]) -> dict[str, Any]:
        """Return what is said about a position. Queries: 1 with an accuracy, where the vintage is not in memory."""
        region, fsa = located
        language = self.language
        known = region.region or fsa.region
        properties: dict[str, Any] = {
            "match": region.match,
            "certain": region.certain,
            "distance_m": _metres(region.distance_m),
            "distance_to_border_m": _metres(region.distance_to_border_m),
            "neighbour": _NULL if region.neighbour is None else _names(region.neighbour, language),
            "health_region": self._block(region, "hruid"),
            "fsa": self._block(fsa, "cfsauid"),
            "province": _NULL if known is None else _province(known.pruid, language),
        }
        if self._accuracy_m is not None:
            properties["accuracy_m"] = self._accuracy_m
            properties["candidates"] = self._candidates(position, region, self._accuracy_m)
        return properties

    def feature(self, position: LonLat) -> bytes:
        """Return the whole answer about one position: a Feature with where it comes from."""
        (located,) = self.locate([position])
        feature = {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": list(position)},
            "properties": self.properties(position, located),
        }
        return json_bytes(feature)[:-1] + b"," + self.source() + b"}"

    def source(self) -> bytes:
        """Return the members of a JSON object that say where the answers come from, without its braces."""
        region, fsa = self.vintages["vintage"], self.vintages["fsa_vintage"]
        return _source(_Edition(region), _Edition(fsa), self.language)

    def links(self) -> dict[str, str]:
        """Return the header that leads to the licences of the boundaries; none where they have no address."""
        region, fsa = self.vintages["vintage"], self.vintages["fsa_vintage"]
        return _links(_Edition(region), _Edition(fsa))

    def _block(self, located: Located, code_name: str) -> orjson.Fragment:
        region = located.region
        if region is None:
            return _NULL
        vintage = located.vintage
        if vintage.pk not in self._reused:
            self._reused[vintage.pk] = reused_codes(vintage)
        told = (region, located.match, located.certain, self._reused[vintage.pk].get(region.code, ()))
        return _block_of(told, _Edition(vintage), code_name, self.language)

    def _candidates(self, position: LonLat, located: Located, accuracy_m: float) -> list[dict[str, Any]]:
        """Return every health region within the accuracy, the one that covers most of the circle first."""
        if not located.near:
            return []
        radius = max(accuracy_m, DATUM_UNCERTAINTY_M)
        shares = circle_shares(position=position, accuracy_m=radius, vintage=located.vintage)
        candidates = [
            region_names(region, code_name="hruid", language=self.language)
            | {"share_of_circle": round(shares.get(region.id, 0.0), SHARE_DECIMALS)}
            for region in located.near
        ]
        return sorted(candidates, key=lambda one: -one["share_of_circle"])


class _Edition:
    """A vintage as a key: two are the same where they are the same publication of the same row."""

    __slots__ = ("_key", "vintage")

    def __init__(self, vintage: Vintage) -> None:
        self.vintage = vintage
        self._key = (vintage.pk, vintage.published_at)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Edition) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=64)
def _source(region: _Edition, fsa: _Edition, language: str) -> bytes:
    return json_bytes(provenance({"vintage": region.vintage, "fsa_vintage": fsa.vintage}, language))[1:-1]


@lru_cache(maxsize=64)
def _links(region: _Edition, fsa: _Edition) -> dict[str, str]:
    blocks = {"vintage": vintage_block(region.vintage, "en"), "fsa_vintage": vintage_block(fsa.vintage, "en")}
    links = licence_links(blocks)
    return {"Link": links} if links else {}


@lru_cache(maxsize=_REMEMBERED)
def _block_of(told: _Told, edition: _Edition, code_name: str, language: str) -> orjson.Fragment:
    region, match, certain, reused = told
    located = Located(edition.vintage, match, region, None, certain, (), (), None, None)
    block = located_block(located, reused={region.code: reused}, code_name=code_name, language=language)
    return orjson.Fragment(json_bytes(block))


@lru_cache(maxsize=_REMEMBERED)
def _names(region: RegionRef, language: str) -> orjson.Fragment:
    return orjson.Fragment(json_bytes(region_names(region, code_name="hruid", language=language)))


@lru_cache(maxsize=64)
def _province(pruid: str, language: str) -> orjson.Fragment:
    return orjson.Fragment(json_bytes(province_block(pruid, language)))


def _metres(distance: float | None) -> float | None:
    return None if distance is None else round(distance, DISTANCE_DECIMALS)
