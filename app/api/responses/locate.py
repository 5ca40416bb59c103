"""Responses of /locate as JSON, for one position and for many.

What does not depend on the position is made into text once for each region, language and vintage and put into every answer as
it is; that is most of an answer.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from api.http.links import licence_links
from api.http.renderers import json_bytes
from api.requests.models import LocateManyQuery, LocateQuery
from api.requests.vintage_choice import chosen_pair
from api.responses.certainty import reasons_payload
from api.responses.payloads import SHARE_DECIMALS, located_payload, provenance, province_payload, region_names, vintage_payload
from geography.coordinates import LonLat
from geography.lookup import registry
from geography.lookup.locate import Located, circle_shares, points_locate, provinces_differ
from geography.lookup.types import RegionRef
from geography.models import Vintage
from geography.queries.changes import reused_codes
from geography.vintages.catalogue import published

DISTANCE_DECIMALS = 1
# Pairs of editions in a language whose texts are kept: a few megabytes each, once every region has been asked for.
_REMEMBERED = 8
# Reasons of uncertain answers that are remembered, for each of these pairs: half a kilobyte each.
_REASONS_MAX = 4_096
_NULL = orjson.Fragment(b"null")
# The distance to the border is part of the answer for health regions, not for FSAs.
_BORDERS = (True, False)

# Where WSGI's environ has the answers and the Feature that `api.fast_path` has computed for a request to /locate.
LOCATED = "covidtrends_geo.located"


class LocateResponder:
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
        editions = (_VintageContext(vintages["vintage"]), _VintageContext(vintages["fsa_vintage"]))
        self._texts = _payload_fragments(*editions, language, published().revision)

    @property
    def in_memory(self) -> bool:
        """Say whether this process holds both vintages in memory, so that no answer asks a table."""
        vintages = zip(self.vintages.values(), _BORDERS, strict=True)
        locators = [registry.locator_for(vintage, border=border) for vintage, border in vintages]
        return all(locator.in_memory for locator in locators)

    @property
    def may_query(self) -> bool:
        """Say whether `properties` may ask the tables."""
        return self._accuracy_m is not None

    def locate(self, positions: Sequence[LonLat]) -> list[tuple[Located, ...]]:
        """Return the health region and the FSA at each position, in the same order. Queries: see `points_locate`.

        Where the two lie in different provinces, neither is certain: the editions draw the border differently.
        """
        located = points_locate(
            positions=positions,
            vintages=[self.vintages["vintage"], self.vintages["fsa_vintage"]],
            accuracy_m=self._accuracy_m or 0.0,
            max_distance_m=self._max_distance_m,
            borders=_BORDERS,
        )
        return [
            (region._replace(certain=False), fsa._replace(certain=False)) if provinces_differ(region, fsa) else (region, fsa)
            for region, fsa in located
        ]

    def properties(self, position: LonLat, located: tuple[Located, ...]) -> dict[str, Any]:
        """Return what is said about a position. Queries: 1 with an accuracy, where the vintage is not in memory."""
        region, fsa = located
        known_values = region.region or fsa.region
        texts = self._texts
        properties: dict[str, Any] = {
            "match": region.match,
            "certain": region.certain,
            "uncertainty_m": _metres(region.uncertainty_m),
            "reasons": texts.reasons(region, fsa),
            "distance_m": _metres(region.distance_m),
            "distance_to_border_m": _metres(region.distance_to_border_m),
            "neighbour": _NULL if region.neighbour is None else texts.names(region.neighbour),
            "health_region": texts.block(region, "hruid"),
            "fsa": texts.block(fsa, "cfsauid"),
            "province": _NULL if known_values is None else texts.province(known_values.pruid),
        }
        if self._accuracy_m is not None:
            properties["accuracy_m"] = self._accuracy_m
            properties["candidates"] = self._candidates(position, region)
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
        return self._texts.source

    def links(self) -> dict[str, str]:
        """Return the header that leads to the licences of the boundaries; none where they have no address."""
        return self._texts.links

    def _candidates(self, position: LonLat, located: Located) -> list[dict[str, Any]]:
        """Return every health region within the uncertainty, the one that covers most of that circle first."""
        if not located.near:
            return []
        shares = circle_shares(position=position, radius_m=located.uncertainty_m, vintage=located.vintage)
        candidates = [
            region_names(region, code_name="hruid", language=self.language)
            | {"share_of_circle": round(shares.get(region.id, 0.0), SHARE_DECIMALS)}
            for region in located.near
        ]
        return sorted(candidates, key=lambda item: -item["share_of_circle"])


def responder_for(query: LocateQuery | LocateManyQuery, language: str) -> LocateResponder:
    """Return what answers a request about positions. Raises: as `chosen_pair`."""
    return LocateResponder(chosen_pair(query), language, max_distance_m=query.max_distance_m, accuracy_m=query.accuracy_m)


class _VintageContext:
    """A vintage as a key: two are the same where they are the same publication of the same load."""

    __slots__ = ("_key", "vintage")

    def __init__(self, vintage: Vintage) -> None:
        self.vintage = vintage
        self._key = (vintage.load_id, vintage.published_at)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _VintageContext) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


class _PayloadFragments:
    """What is said of the regions of two vintages, in a language, as text that is made once.

    Attributes:
        source: the members of a JSON object that say where the answers come from, without its braces.
        links: the header that leads to the licences.
    """

    def __init__(self, region: Vintage, fsa: Vintage, language: str) -> None:
        vintages = {"vintage": region, "fsa_vintage": fsa}
        self.source = json_bytes(provenance(vintages, language))[1:-1]
        links = licence_links({name: vintage_payload(vintage, "en") for name, vintage in vintages.items()})
        self.links = {"Link": links} if links else {}
        self._language = language
        self._blocks: dict[tuple[str, int, str, bool], orjson.Fragment] = {}
        self._names: dict[int, orjson.Fragment] = {}
        self._reasons: dict[object, list[dict[str, Any]]] = {}
        self._provinces: dict[str, orjson.Fragment] = {}

    def block(self, located: Located, code_name: str) -> orjson.Fragment:
        region = located.region
        if region is None:
            return _NULL
        details = (code_name, region.id, located.match, located.certain)
        text = self._blocks.get(details)
        if text is None:
            reused = reused_codes(located.vintage)
            block = located_payload(located, reused=reused, code_name=code_name, language=self._language)
            text = self._blocks[details] = orjson.Fragment(json_bytes(block))
        return text

    def names(self, region: RegionRef) -> orjson.Fragment:
        text = self._names.get(region.id)
        if text is None:
            names = region_names(region, code_name="hruid", language=self._language)
            text = self._names[region.id] = orjson.Fragment(json_bytes(names))
        return text

    def reasons(self, region: Located, fsa: Located) -> list[dict[str, Any]]:
        """Return the reasons of an answer that is not certain. Those of the same regions and accuracy are translated once."""
        if region.certain:
            return []
        # Everything that `reasons_payload` reads.
        key = (region.match, region.uncertainty_m, region.region, fsa.region, region.near)
        reasons = self._reasons.get(key)
        if reasons is None:
            if len(self._reasons) >= _REASONS_MAX:
                self._reasons.clear()
            reasons = self._reasons[key] = reasons_payload(region, fsa, self._language)
        return reasons

    def province(self, pruid: str) -> orjson.Fragment:
        text = self._provinces.get(pruid)
        if text is None:
            text = self._provinces[pruid] = orjson.Fragment(json_bytes(province_payload(pruid, self._language)))
        return text


@lru_cache(maxsize=_REMEMBERED)
def _payload_fragments(region: _VintageContext, fsa: _VintageContext, language: str, revision: str) -> _PayloadFragments:
    """Return the texts. A publication of any edition may change what is said of a code, and with it the revision."""
    return _PayloadFragments(region.vintage, fsa.vintage, language)


def _metres(distance: float | None) -> float | None:
    return None if distance is None else round(distance, DISTANCE_DECIMALS)
