"""Answers of lookup files for columns of positions: the health region, the FSA, or both, as /locate joins them."""

import csv
from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from covidtrends_geo.answers import MATCHES
from covidtrends_geo.columns import Placed
from covidtrends_geo.constants import NO_REGION

if TYPE_CHECKING:
    from covidtrends_geo.lookup import Lookup

FSA = "fsa"
STATUS = "status"
OK, COORDINATE_INVALID, ROW_INVALID = range(3)
# By number; the slugs of the problem types that a single request would get.
STATUSES = ("ok", "coordinate-invalid", "parameter-invalid")
Integers = npt.NDArray[np.int64]


class Options(NamedTuple):
    """Options of a lookup: `lookup.Lookup.locate`, and the language of `hr_name` (en or fr)."""

    accuracy_m: float = 0.0
    max_distance_m: float = 0.0
    border: bool = False
    language: str = "en"


class Located(NamedTuple):
    """Answers for columns of positions, one element each.

    Attributes:
        status: number in `STATUSES`.
        kind: number of all that the answer says but for the distance, see `Layers.kind`.
        distance_to_border_m: NaN for none.
    """

    status: npt.NDArray[np.uint8]
    kind: npt.NDArray[np.int32]
    distance_to_border_m: npt.NDArray[np.float64]


class Kind(NamedTuple):
    """All values of an answer except the distance to the border, as texts; empty for a missing value."""

    hruid: str
    hr_name: str
    cfsauid: str
    pruid: str
    match: str
    certain: str


class Layers:
    """One or two lookup files, and the options of all lookups in them.

    Attributes:
        names: of the columns that an answer adds, without the status: hruid, hr_name, cfsauid, pruid, match, certain and
            distance_to_border_m, those that the files, the options and the chosen fields make.
    """

    def __init__(self, lookups: Sequence["Lookup"], options: Options, fields: Sequence[str] | None = None) -> None:
        """Take the files in any order.

        Args:
            fields: names of the columns to add; None for all.

        Raises: ValueError for no file, or two of a coverage.
        """
        by_coverage = {lookup.metadata.get("coverage") == FSA: lookup for lookup in lookups}
        if not lookups or len(by_coverage) < len(lookups):
            raise ValueError("pass a lookup file of health regions, one of FSAs, or one of each")
        self.lookups = [by_coverage[is_fsa] for is_fsa in sorted(by_coverage)]
        self.options = options
        self._regions = by_coverage[False].regions if False in by_coverage else ()
        self._fsas = by_coverage[True].regions if True in by_coverage else ()
        names = (["hruid", "hr_name"] if False in by_coverage else []) + (["cfsauid"] if True in by_coverage else [])
        self._shown = tuple(name for name in (*names, "pruid", "match", "certain") if fields is None or name in fields)
        # FSAs have none in the answers of the service.
        self.border = options.border and False in by_coverage and (fields is None or "distance_to_border_m" in fields)
        self.names = (*self._shown, "distance_to_border_m") if self.border else self._shown
        # A region in several provinces has none: -1 differs from no province.
        provinces = {region.pruid for region in (*self._regions, *self._fsas)} - {""}
        numbers = {pruid: number for number, pruid in enumerate(sorted(provinces))} | {"": -1}
        self._province_of = [
            np.array([*(numbers[region.pruid] for region in regions), -1]) for regions in (self._regions, self._fsas)
        ]
        self._texts: dict[tuple[int, str], str] = {}

    def locate(self, lon: npt.NDArray[np.float64], lat: npt.NDArray[np.float64]) -> Located:
        """Return the answers for positions in WGS 84 (EPSG:4326), decimal degrees, NaN for a missing number, in their order."""
        options, results = self.options, []
        placed = Placed.of_plausible(lon, lat)
        for lookup in self.lookups:
            border = self.border and lookup is self.lookups[0]
            results.append(
                lookup.answers(placed, accuracy_m=options.accuracy_m, max_distance_m=options.max_distance_m, border=border)
            )
        first, last = results[0], results[-1]
        region = first.region if self._regions else np.full(len(lon), NO_REGION)
        fsa = last.region if self._fsas else np.full(len(lon), NO_REGION)
        province, other = self._province_of[0][region], self._province_of[1][fsa]
        # Two vintages that differ in the province: a border of one of them must be off.
        certain = first.certain & ~((province >= 0) & (other >= 0) & (province != other))
        kind = ((region + 1) * (len(self._fsas) + 1) + fsa + 1) * 6 + first.match * 2 + certain
        status = np.where(placed.valid, OK, COORDINATE_INVALID).astype(np.uint8)
        # Kinds are at most a few millions.
        return Located(status, kind.astype(np.int32), first.distance_to_border_m)

    def kind(self, number: int) -> Kind:
        """Return the answer of a number in `Located.kind`."""
        regions, rest = divmod(number, 6)
        region_number, fsa_number = divmod(regions, len(self._fsas) + 1)
        region = self._regions[region_number - 1] if region_number else None
        fsa = self._fsas[fsa_number - 1] if fsa_number else None
        name = (region.name_fr if self.options.language == "fr" else region.name_en) if region else ""
        nearest = region or fsa
        return Kind(
            region.code if region else "",
            name,
            fsa.code if fsa else "",
            nearest.pruid if nearest else "",
            MATCHES[rest // 2],
            "true" if rest % 2 else "false",
        )

    def values(self, number: int) -> dict[str, str | bool | None]:
        """Return the values of `names` but for the distance, by name, of a kind of answer; None for a missing one."""
        texts = self.kind(number)._asdict()
        return {name: texts[name] == "true" if name == "certain" else texts[name] or None for name in self._shown}

    def text(self, number: int, delimiter: str) -> str:
        """Return the CSV fields of a kind of answer without the distance, each after a delimiter; empty fields for -1."""
        text = self._texts.get((number, delimiter))
        if text is None:
            kind = self.kind(number) if number >= 0 else Kind("", "", "", "", "", "")
            row = StringIO()
            fields = [getattr(kind, name) for name in self._shown]
            csv.writer(row, delimiter=delimiter, lineterminator="").writerow(["", *fields, ""])
            text = self._texts[number, delimiter] = row.getvalue()[:-1]
        return text
