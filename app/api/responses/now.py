"""Responder of /now: the latest figures of the health region at a position or of an FSA.

Memory holds the JSON text of each region in each language. Positions and the FSA of a request are never stored.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from api.http.language import translate
from api.http.renderers import json_bytes
from api.requests.now import NowQuery
from api.requests.vintage_choice import chosen_vintages
from api.responses.certainty import reasons_payload
from api.responses.indicators import number
from api.responses.locate import LocateResponder, VintageKey
from api.responses.now_figures import answers_differ, brief_payload, figure_payload, value_of, without_shared_periods
from api.responses.payloads import attribution, joined, people_attribution, province_payload, shares_payload
from covidtrends_geo.lookup_file import Region
from geography.constants import NEAREST_DEFAULT_M
from geography.models import Vintage
from geography.queries.overlaps import FsaRegions, Share, all_fsas_health_regions
from geography.queries.region_rows import RegionRow
from geography.queries.regions import fsa_missing
from geography.translation import Message
from geography.vintages import catalogue as boundaries
from indicators.queries.catalogue import IndicatorCatalogue, published_indicators
from indicators.queries.latest import LatestFigure, latest_figures, latest_in_memory

_SPLIT = Message("The FSA lies in several health regions.")
# Maximum number of tables of FSAs in memory.
_FSA_TABLES = 4
# Maximum number of responders in memory: a megabyte each once all regions have been requested.
_RESPONDERS_MAX = 16


class _Possible(NamedTuple):
    """A health region of an answer, and its shares of the FSA, as members of the response; none for a position."""

    region: Region | RegionRow
    shares: Mapping[str, float | None] = MappingProxyType({})


class _FsaKey(NamedTuple):
    """Cache key of a table of FSAs: two vintages, and the revision of the boundaries, which changes with population weights."""

    fsas: VintageKey
    regions: VintageKey
    revision: str


class _Place(NamedTuple):
    """Members that all answers about a region share.

    Attributes:
        figures: latest figure by id of the indicator; None where only the province has one.
        payloads: of the figures, for the response about this region.
        indicators, province: members of the response, as JSON text.
        possible: members of the region where another one is likelier.
    """

    figures: Mapping[str, LatestFigure | None]
    payloads: Sequence[dict[str, Any]]
    indicators: orjson.Fragment
    province: orjson.Fragment
    possible: Mapping[str, Any]


class NowResponder:
    """Builder of /now responses for a pair of vintages, a language, a day, and one publication of every indicator.

    Attributes:
        vintages: by parameter name, as in `LocateResponder`.
    """

    def __init__(self, vintages: Mapping[str, Vintage], language: str, today: date, published: IndicatorCatalogue) -> None:
        """Take the vintages, the published indicators, and the day from which ages are counted."""
        self._revision = boundaries.published().revision
        self.vintages = vintages
        self.language = language
        self._today = today
        self._published = list(published.indicators.values())
        self._locate = self._locate_within(None)
        self._places: dict[str, _Place] = {}
        self._source = json_bytes(self._provenance([vintages["vintage"]]))[1:]
        self._source_with_fsas = json_bytes(self._provenance(list(vintages.values())))[1:]

    def _locate_within(self, accuracy_m: float | None) -> LocateResponder:
        return LocateResponder(self.vintages, self.language, max_distance_m=NEAREST_DEFAULT_M, accuracy_m=accuracy_m)

    def in_memory(self, query: NowQuery) -> bool:
        """Return whether the response needs no query."""
        if not (self._locate.in_memory if query.fsa is None else query.fsa.code in _fsa_tables.get(self._fsa_key(), ())):
            return False
        in_memory = [latest_in_memory(published) for published in self._published]
        return all(latest is not None and latest.knows(self.vintages["vintage"]) for latest in in_memory)

    def links(self) -> dict[str, str]:
        """Return the Link header with the licences of the boundaries."""
        return self._locate.links()

    def body(self, query: NowQuery) -> bytes:
        """Return the response. Raises: FsaWithoutBoundary.

        Queries: none with `in_memory`, else those of the lookup and of `indicators.queries.latest`.
        """
        answer, main, others = self._in_fsa(query.fsa.code) if query.fsa is not None else self._at_position(query)
        if main is None:
            answer |= {"indicators": [], "province": None}
        else:
            place = self._place(main)
            answer["indicators"] = self._with_ranges(place, others) if others else place.indicators
            answer["province"] = place.province
        answer["also_possible"] = [self._other(possible, main) for possible in others]
        # The FSAs have a part in the reasons, too.
        source = self._source_with_fsas if query.fsa is not None or "reasons" in answer else self._source
        return json_bytes(answer)[:-1] + b"," + source

    def _at_position(self, query: NowQuery) -> tuple[dict[str, Any], Region | RegionRow | None, list[_Possible]]:
        """Return the first members of the response about a position, its region, and the other possible ones."""
        if query.position is None:
            raise ValueError("neither a position nor an FSA")
        responder = self._locate if query.accuracy_m is None else self._locate_within(query.accuracy_m)
        ((located, fsa),) = responder.locate([query.position])
        main = located.region
        answer: dict[str, Any] = {"region": self._region(main, located.match, located.certain)}
        if not located.certain:
            answer["reasons"] = reasons_payload(located, fsa, self.language)
        return answer, main, [_Possible(region) for region in located.near if main is None or region.code != main.code]

    def _in_fsa(self, code: str) -> tuple[dict[str, Any], Region | RegionRow | None, list[_Possible]]:
        """Return the same members for an FSA: its region is that with most of its people (or area, if people are not known)."""
        regions = _fsas(self._fsa_key()).get(code)
        if regions is None:
            error = fsa_missing(code, self.vintages["fsa_vintage"])
            error.parameter = "fsa"
            raise error
        shares = regions.overlaps
        main = shares[0].region if shares else None
        answer: dict[str, Any] = {
            "region": self._region(main, "overlaps", len(shares) == 1),
            "fsa": {"code": code, "is_split": len(shares) > 1},
        }
        if main is not None and len(shares) > 1:
            answer["fsa"]["ordered_by"] = regions.ordered_by
            if people := people_attribution(regions.people_basis, self.language):
                answer["fsa"]["attribution"] = people
            answer["region"] |= _shares(shares[0])
            answer["reasons"] = [{"type": "split", "detail": translate(_SPLIT, self.language)}]
        return answer, main, [_Possible(share.region, _shares(share)) for share in shares[1:]]

    def _region(self, region: Region | RegionRow | None, match: str, certain: bool) -> dict[str, Any] | None:
        if region is None:
            return None
        return self._names(region) | {"vintage": self.vintages["vintage"].label, "match": match, "certain": certain}

    def _names(self, region: Region | RegionRow) -> dict[str, Any]:
        return {"hruid": region.code, "name": region.name_fr if self.language == "fr" else region.name_en}

    def _fsa_key(self) -> _FsaKey:
        return _FsaKey(VintageKey(self.vintages["fsa_vintage"]), VintageKey(self.vintages["vintage"]), self._revision)

    def _place(self, region: Region | RegionRow) -> _Place:
        place = self._places.get(region.code)
        if place is None:
            place = self._places[region.code] = self._make_place(region)
        return place

    def _make_place(self, region: Region | RegionRow) -> _Place:
        figures: dict[str, LatestFigure | None] = {}
        payloads, of_province = [], []
        for published in self._published:
            latest = latest_figures(published)
            figure = latest.of_region(self.vintages["vintage"], region.code)
            whole = latest.of_province(region.pruid) if region.pruid else None
            if figure is not None or whole is not None:
                figures[published.indicator.slug] = figure
                payloads.append(figure_payload(latest, figure, self.language, self._today))
            if whole is not None:
                of_province.append(brief_payload(published, whole, self.language))
        names = province_payload(region.pruid, self.language) if region.pruid else None
        province = names and {name: names[name] for name in ("pruid", "abbreviation", "name")}
        return _Place(
            figures,
            payloads,
            orjson.Fragment(json_bytes(payloads)),
            orjson.Fragment(json_bytes(province and province | {"indicators": without_shared_periods(of_province, figures)})),
            self._names(region)
            | {
                "indicators": [
                    brief_payload(published, figures[published.indicator.slug], self.language)
                    for published in self._published
                    if published.indicator.slug in figures
                ]
            },
        )

    def _other(self, possible: _Possible, main: Region | RegionRow | None) -> dict[str, Any]:
        place = self._place(possible.region)
        payload = {**place.possible, **possible.shares}
        figures = None if main is None else self._place(main).figures
        if figures is not None:
            payload["indicators"] = without_shared_periods(payload["indicators"], figures)
        return payload | {"differs": None if figures is None else answers_differ(figures, place.figures)}

    def _with_ranges(self, place: _Place, others: Sequence[_Possible]) -> list[dict[str, Any]]:
        """Return the payloads of a place, each with the range of its value over all possible regions.

        Null unless all of them have a value: the missing one may be the lowest or the highest.
        """
        figures = [place.figures, *(self._place(possible.region).figures for possible in others)]
        payloads = []
        for payload in place.payloads:
            values = [value_of(of_region.get(payload["id"])) for of_region in figures]
            stated = [value for value in values if value is not None]
            whole = len(stated) == len(values)
            payloads.append(payload | {"range": [number(min(stated)), number(max(stated))] if whole else None})
        return payloads

    def _provenance(self, vintages: Sequence[Vintage]) -> dict[str, Any]:
        """Return the last members of a response that these vintages answer."""
        indicators = [published.indicator for published in self._published]
        texts = [attribution(vintage, self.language) for vintage in vintages]
        texts += [indicator.attribution_fr if self.language == "fr" else indicator.attribution_en for indicator in indicators]
        return {
            "as_of": max((published.issue.issued_at for published in self._published), default=None),
            "demo": any(vintage.demo for vintage in vintages),
            "attribution": joined(texts),
        }


def _shares(share: Share) -> dict[str, float | None]:
    payload = shares_payload(share)
    return {name: payload[name] for name in ("share_of_people", "share_of_fsa")}


def now_responder(query: NowQuery, language: str) -> NowResponder:
    """Return the responder for the vintages of a request and today; cached by publication, language and day.

    Raises: as `chosen_vintages`. Queries: those of the two catalogues.
    """
    vintages = chosen_vintages(query)
    catalogue, today = published_indicators(), date.today()
    keys = (VintageKey(vintages["vintage"]), VintageKey(vintages["fsa_vintage"]))
    options = (*keys, language, today, catalogue.revision, boundaries.published().revision)
    responder = _responders.get(options)
    if responder is None:
        # A responder of an earlier day or publication would keep the lookup indexes of retired vintages open.
        outdated = [key for key in list(_responders) if key[-3:] != options[-3:]]
        for key in outdated:
            _responders.pop(key, None)
        if len(_responders) >= _RESPONDERS_MAX:
            _responders.clear()
        responder = NowResponder(vintages, language, today, catalogue)
        _responders[options] = responder
    return responder


_responders: dict[tuple[Any, ...], NowResponder] = {}


def clear() -> None:
    """Clear all responders and tables of FSAs."""
    _responders.clear()
    _fsa_tables.clear()


_fsa_tables: dict[_FsaKey, Mapping[str, FsaRegions]] = {}


def _fsas(key: _FsaKey) -> Mapping[str, FsaRegions]:
    """Return the health regions of every FSA of a vintage by code.

    All FSAs are cached, so that the cache reveals nothing about requests.

    Queries: 2 on the first use of two vintages.
    """
    table = _fsa_tables.get(key)
    if table is None:
        if len(_fsa_tables) >= _FSA_TABLES:
            _fsa_tables.clear()
        table = all_fsas_health_regions(fsa_vintage=key.fsas.vintage, health_region_vintage=key.regions.vintage)
        _fsa_tables[key] = table
    return table
