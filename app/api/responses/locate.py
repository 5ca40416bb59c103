"""Responder of /locate, for one position and for bulk requests.

JSON fragments that do not depend on the position, most of a response, are serialized once per region, language and vintage
and reused.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from api.http.links import licence_links
from api.http.renderers import json_bytes
from api.requests.bulk import LocateManyQuery
from api.requests.models import LocateQuery
from api.requests.vintage_choice import chosen_vintages
from api.responses.certainty import reasons_payload
from api.responses.payloads import SHARE_DECIMALS, located_payload, provenance, province_payload, region_names, vintage_payload
from covidtrends_geo.bulk.layers import Layers, Options
from covidtrends_geo.lookup import Lookup
from covidtrends_geo.lookup_file import Region
from geography.coordinates import LonLat
from geography.lookup import registry
from geography.lookup.locate import circle_shares, locate_with, provinces_differ
from geography.lookup.types import Located, Locator
from geography.models import Vintage
from geography.queries.changes import reused_codes
from geography.vintages.catalogue import published

DISTANCE_DECIMALS = 1
# Cached combinations of two vintages and a language: a few megabytes each when all regions have been looked up.
_CACHED_FRAGMENTS = 8
# Cached reasons of uncertain answers, for each of these combinations: half a kilobyte each.
_REASONS_MAX = 4_096
_NULL = orjson.Fragment(b"null")

# WSGI environ key of the responder and the body that `api.fast_path` has computed for a request.
COMPUTED = "covidtrends_geo.computed"


class LocateResponder:
    """Builder of /locate responses for a pair of vintages and a language.

    Attributes:
        vintages: by parameter name: `vintage` (health regions) and `fsa_vintage`.
    """

    def __init__(
        self,
        vintages: Mapping[str, Vintage],
        language: str,
        *,
        max_distance_m: float,
        accuracy_m: float | None = None,
        border: bool = True,
    ) -> None:
        """Look up the cached fragments of the vintages.

        Args:
            max_distance_m: maximum distance, in metres, to the nearest region if no region covers a position.
            accuracy_m: accuracy of the positions, in metres; None for a response without candidates.
            border: whether to find the neighbour of the health region, and the distance to it.
        """
        self.vintages = vintages
        self.language = language
        self._max_distance_m = max_distance_m
        self._accuracy_m = accuracy_m
        self._border = border
        keys = (VintageKey(vintages["vintage"]), VintageKey(vintages["fsa_vintage"]))
        self._fragments = _payload_fragments(*keys, language, published().revision)
        self._chosen: tuple[object, list[Locator], bool] = (None, [], False)

    @property
    def in_memory(self) -> bool:
        """Return whether both vintages have an index, so that lookups need no query."""
        self._locators()
        return self._chosen[2]

    def _locators(self) -> list[Locator]:
        """Return the locators of both vintages, chosen again after a change of the registry, and while one needs queries."""
        change, locators, in_memory = self._chosen
        if not in_memory or change is not registry.Changes.last:
            change = registry.Changes.last
            locators = [registry.locator_for(self.vintages[name]) for name in ("vintage", "fsa_vintage")]
            self._chosen = change, locators, all(locator.in_memory for locator in locators)
        return locators

    def layers(self, fields: Sequence[str] | None) -> Layers | None:
        """Return the indexes of both vintages for lookups by columns; None where one has no index.

        Args:
            fields: names of the columns of the answers; None for all.
        """
        indexes = [registry.get_index(vintage) for vintage in self.vintages.values()]
        lookups = [Lookup(index.file) for index in indexes if index is not None]
        if len(lookups) < len(indexes):
            return None
        options = Options(
            accuracy_m=self._accuracy_m or 0.0,
            max_distance_m=self._max_distance_m,
            border=self._border,
            language=self.language,
        )
        return Layers(lookups, options, fields)

    @property
    def may_query(self) -> bool:
        """Return whether `properties` may query the database."""
        return self._accuracy_m is not None

    def locate(self, positions: Sequence[LonLat]) -> list[tuple[Located, ...]]:
        """Return the health region and the FSA at each position, in the same order. Queries: as `locate_with`.

        Both are uncertain if they are in different provinces, since the vintages draw the border differently.
        """
        located = locate_with(
            locators=self._locators(),
            positions=positions,
            accuracy_m=self._accuracy_m or 0.0,
            max_distance_m=self._max_distance_m,
            # FSAs have none in the answers.
            borders=(self._border, False),
        )
        return [
            (region._replace(certain=False), fsa._replace(certain=False)) if provinces_differ(region, fsa) else (region, fsa)
            for region, fsa in located
        ]

    def properties(self, position: LonLat, located: tuple[Located, ...]) -> dict[str, Any]:
        """Return the properties of a position. Queries: 1 with an accuracy, if the vintage has no index."""
        region, fsa = located
        nearest = region.region or fsa.region
        fragments = self._fragments
        properties: dict[str, Any] = {
            "match": region.match,
            "certain": region.certain,
            "uncertainty_m": _metres(region.uncertainty_m),
            "reasons": fragments.reasons(region, fsa),
            "distance_m": _metres(region.distance_m),
            "distance_to_border_m": _metres(region.distance_to_border_m),
            "neighbour": _NULL if region.neighbour is None else fragments.names(region.neighbour),
            "health_region": fragments.region(region, "hruid"),
            "fsa": fragments.region(fsa, "cfsauid"),
            "province": _NULL if nearest is None else fragments.province(nearest.pruid),
        }
        if self._accuracy_m is not None:
            properties["accuracy_m"] = self._accuracy_m
            properties["candidates"] = self._candidates(position, region)
        return properties

    def feature(self, position: LonLat) -> bytes:
        """Return the JSON response for one position: a Feature with provenance. Queries: as `locate` and `properties`."""
        (located,) = self.locate([position])
        feature = {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": list(position)},
            "properties": self.properties(position, located),
        }
        return json_bytes(feature)[:-1] + b"," + self.source() + b"}"

    def source(self) -> bytes:
        """Return the members with the provenance, as JSON text without the braces."""
        return self._fragments.source

    def links(self) -> dict[str, str]:
        """Return the Link header with the licences of the boundaries; empty if they have no URL."""
        return self._fragments.links

    def _candidates(self, position: LonLat, located: Located) -> list[dict[str, Any]]:
        """Return all health regions within the uncertainty, by share of the circle, largest first."""
        if not located.near:
            return []
        shares = circle_shares(position=position, radius_m=located.uncertainty_m, vintage=located.vintage)
        candidates = [
            region_names(region, code_name="hruid", language=self.language)
            | {"share_of_circle": round(shares.get(region.code, 0.0), SHARE_DECIMALS)}
            for region in located.near
        ]
        return sorted(candidates, key=lambda candidate: -candidate["share_of_circle"])


def responder_for(query: LocateQuery | LocateManyQuery, language: str) -> LocateResponder:
    """Return the responder for a /locate request. Raises: as `chosen_vintages`."""
    fields = query.fields if isinstance(query, LocateManyQuery) else None
    return LocateResponder(
        chosen_vintages(query),
        language,
        max_distance_m=query.max_distance_m,
        accuracy_m=query.accuracy_m,
        border=fields is None or "distance_to_border_m" in fields,
    )


class VintageKey:
    """Cache key of a vintage. Keys are equal for the same publication of the same load."""

    __slots__ = ("_key", "vintage")

    def __init__(self, vintage: Vintage) -> None:
        self.vintage = vintage
        self._key = (vintage.load_id, vintage.published_at)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VintageKey) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


class _PayloadFragments:
    """JSON fragments of the regions of two vintages in a language, each serialized once.

    Attributes:
        source: the members with the provenance, as JSON text without the braces.
        links: the Link header with the licences; empty without licence URLs.
    """

    def __init__(self, region: Vintage, fsa: Vintage, language: str) -> None:
        vintages = {"vintage": region, "fsa_vintage": fsa}
        self.source = json_bytes(provenance(vintages, language))[1:-1]
        links = licence_links({name: vintage_payload(vintage, "en") for name, vintage in vintages.items()})
        self.links = {"Link": links} if links else {}
        self._language = language
        self._regions: dict[tuple[str, str, str, bool], orjson.Fragment] = {}
        self._names: dict[str, orjson.Fragment] = {}
        self._reasons: dict[object, list[dict[str, Any]]] = {}
        self._provinces: dict[str, orjson.Fragment] = {}

    def region(self, located: Located, code_name: str) -> orjson.Fragment:
        region = located.region
        if region is None:
            return _NULL
        key = (code_name, region.code, located.match, located.certain)
        fragment = self._regions.get(key)
        if fragment is None:
            reused = reused_codes(located.vintage)
            payload = located_payload(located, reused=reused, code_name=code_name, language=self._language)
            fragment = self._regions[key] = orjson.Fragment(json_bytes(payload))
        return fragment

    def names(self, region: Region) -> orjson.Fragment:
        fragment = self._names.get(region.code)
        if fragment is None:
            names = region_names(region, code_name="hruid", language=self._language)
            fragment = self._names[region.code] = orjson.Fragment(json_bytes(names))
        return fragment

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
        fragment = self._provinces.get(pruid)
        if fragment is None:
            fragment = self._provinces[pruid] = orjson.Fragment(json_bytes(province_payload(pruid, self._language)))
        return fragment


@lru_cache(maxsize=_CACHED_FRAGMENTS)
def _payload_fragments(region: VintageKey, fsa: VintageKey, language: str, revision: str) -> _PayloadFragments:
    """Return the fragments. `revision` is part of the key: any publication may change the warnings of a code."""
    return _PayloadFragments(region.vintage, fsa.vintage, language)


def _metres(distance: float | None) -> float | None:
    return None if distance is None else round(distance, DISTANCE_DECIMALS)
