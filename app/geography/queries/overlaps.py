"""Overlaps of FSAs and health regions, computed at load time."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from covidtrends_geo.lookup_file import Region
from geography.constants import SLIVER_SHARE
from geography.models import Overlap, Vintage
from geography.queries.region_rows import RegionRow, columns_and_join, rows
from geography.queries.regions import fsa_missing, region_codes, region_get

# SQL: kind of artefact, empty for a real overlap.
_ARTEFACT = f"coalesce(nullif(overlap.artefact, ''), CASE WHEN overlap.share_of_fsa < {SLIVER_SHARE} THEN 'sliver' ELSE '' END)"
_SHARES = "overlap.share_of_fsa, overlap.share_of_region, overlap.area_km2, overlap.share_of_people, overlap.people_basis"
_NAMES = "other.code, other.dguid, other.name_en, other.name_fr, other.pruid"

# An FSA outside every region has one row without an overlap. The geometry of an artefact is not read.
_OF_FSAS_SQL = f"""
    SELECT fsa.code, fsa.dguid, fsa.name_en, fsa.name_fr, fsa.pruid, overlap.share_outside,
           {_NAMES}, {_ARTEFACT}, overlap.width_m,
           {_SHARES}, {{columns}}
    FROM region AS fsa
    LEFT JOIN overlap ON overlap.fsa_id = fsa.id
          AND overlap.fsa_vintage_id = %(fsa_vintage)s AND overlap.health_region_vintage_id = %(health_region_vintage)s
    LEFT JOIN region AS other ON other.id = overlap.health_region_id
    LEFT JOIN region ON region.id = other.id AND {_ARTEFACT} = ''
    {{join}}
    WHERE fsa.vintage_id = %(fsa_vintage)s AND fsa.code = ANY (%(codes)s)
    ORDER BY fsa.code, overlap.share_of_people DESC NULLS LAST, overlap.share_of_fsa DESC, other.code
"""
_OF_REGION_SQL = f"""
    SELECT {_NAMES}, {_ARTEFACT}, overlap.width_m,
           {_SHARES}, {{columns}}
    FROM overlap
    JOIN region AS other ON other.id = overlap.fsa_id
    LEFT JOIN region ON region.id = other.id AND {_ARTEFACT} = ''
    {{join}}
    WHERE overlap.health_region_id = %(health_region)s AND overlap.fsa_vintage_id = %(fsa_vintage)s
    ORDER BY other.code
"""
# Columns of a `Region` without its misfit.
_REF = len(Region._fields) - 1
# After those, the kind of artefact and the width, then `_SHARES`, then the region's own columns.
_SHARE_OF_FSA = _REF + 2
_OWN = _SHARE_OF_FSA + 5


class Share(NamedTuple):
    """Common area of an FSA and a health region.

    Attributes:
        share_of_fsa, share_of_region: the common area as a part of the FSA and of the health region, 0 to 1.
        area_km2: the common area on the ellipsoid.
        share_of_people: part of the FSA's people who live in the health region, 0 to 1; None if not known.
        people_basis: source of `share_of_people`: `blocks` or `postal_codes`; None if not known.
        region: for an FSA, the health region; for a health region, the FSA.
    """

    share_of_fsa: float
    share_of_region: float
    area_km2: float
    share_of_people: float | None
    people_basis: str | None
    region: RegionRow

    @property
    def share(self) -> float:
        """Share of the FSA's people in the health region; of its area where people are not known."""
        return self.share_of_fsa if self.share_of_people is None else self.share_of_people


class ArtefactShare(NamedTuple):
    """Overlap of an FSA and a health region that exists only because two vintages draw one border differently.

    Attributes:
        region: as in `Share`.
        kind: `sliver` or `province`, as `geography.models.Artefact`.
        width_m: largest width of the common area; None if not measured.
        share_of_fsa: as in `Share`.
    """

    region: Region
    kind: str
    width_m: float | None
    share_of_fsa: float


class _Overlapping(NamedTuple):
    """Overlaps of an FSA or health region: shares, artefacts, and the number of omitted slivers."""

    shares: list[Share]
    artefacts: list[ArtefactShare]
    slivers: int


@dataclass(frozen=True, slots=True)
class FsaRegions:
    """An FSA and the health regions that it overlaps.

    Attributes:
        fsa: the FSA.
        overlaps: shares with health regions in the order of `ordered_by`, largest first, without artefacts.
        artefacts: largest share of area first.
        slivers: number of overlaps omitted because each is below `constants.SLIVER_SHARE` of the FSA.
        share_outside: part of the FSA, 0 to 1, outside every health region of the vintage.
    """

    fsa: Region
    overlaps: Sequence[Share]
    artefacts: Sequence[ArtefactShare]
    slivers: int
    share_outside: float

    @property
    def people_basis(self) -> str | None:
        """Source of the shares of people: `blocks` or `postal_codes`; None if they are not known."""
        return self.overlaps[0].people_basis if self.overlaps else None

    @property
    def ordered_by(self) -> str:
        """Basis of the order of `overlaps`: `people` if their shares of people are known, otherwise `area`."""
        return "area" if self.people_basis is None else "people"


def people_basis(*, fsa_vintage: Vintage, health_region_vintage: Vintage) -> str | None:
    """Return the source of the shares of people of two vintages, as `FsaRegions.people_basis`. Queries: 1."""
    overlaps = Overlap.objects.filter(fsa_vintage=fsa_vintage, health_region_vintage=health_region_vintage)
    return overlaps.exclude(people_basis=None).values_list("people_basis", flat=True).first()


@dataclass(frozen=True, slots=True)
class RegionFsas:
    """A health region and the FSAs that it overlaps.

    Attributes:
        region: the health region.
        overlaps: shares with FSAs, in the order of codes, without artefacts.
        artefacts: in the order of codes.
        slivers: number of overlaps omitted because each is below `constants.SLIVER_SHARE` of its FSA.
    """

    region: RegionRow
    overlaps: Sequence[Share]
    artefacts: Sequence[ArtefactShare]
    slivers: int

    @property
    def people_basis(self) -> str | None:
        """Source of the shares of people: `blocks` or `postal_codes`; None if none is known."""
        return next((share.people_basis for share in self.overlaps if share.people_basis is not None), None)


def fsa_health_regions(*, fsa_vintage: Vintage, health_region_vintage: Vintage, code: str, level: str | None) -> FsaRegions:
    """Return the health regions that an FSA overlaps, in the order of `FsaRegions.ordered_by`, with their geometry at a level.

    The list is empty if no region of the vintage covers a part of the FSA.

    Args:
        code: three characters, upper case (`geography.codes.parse_fsa`).

    Raises: FsaWithoutBoundary. Queries: 1, and 3 more for the hint of the error.
    """
    fsa_regions = _shares_of_fsas(fsa_vintage, health_region_vintage, [code], level).get(code)
    if fsa_regions is None:
        raise fsa_missing(code, fsa_vintage)
    return fsa_regions


def fsas_health_regions(
    *, fsa_vintage: Vintage, health_region_vintage: Vintage, codes: Collection[str]
) -> dict[str, FsaRegions]:
    """Return the health regions of many FSAs by code, without geometry. Omits FSAs without a boundary. Queries: 1."""
    return _shares_of_fsas(fsa_vintage, health_region_vintage, codes, None)


def all_fsas_health_regions(*, fsa_vintage: Vintage, health_region_vintage: Vintage) -> dict[str, FsaRegions]:
    """Return the health regions of every FSA of a vintage by code, without geometry. Queries: 2."""
    codes = region_codes(fsa_vintage)
    return fsas_health_regions(fsa_vintage=fsa_vintage, health_region_vintage=health_region_vintage, codes=codes)


def _shares_of_fsas(
    fsa_vintage: Vintage, health_region_vintage: Vintage, codes: Collection[str], level: str | None
) -> dict[str, FsaRegions]:
    columns, join = columns_and_join(level)
    parameters = {
        "fsa_vintage": fsa_vintage.pk,
        "health_region_vintage": health_region_vintage.pk,
        "codes": list(codes),
        "level": level,
    }
    overlap_rows = rows(_OF_FSAS_SQL.format(columns=columns, join=join), parameters)
    by_fsa = (list(group) for _, group in groupby(overlap_rows, itemgetter(0)))
    return {fsa_rows[0][0]: _fsa_regions(fsa_rows) for fsa_rows in by_fsa}


def _fsa_regions(fsa_rows: Sequence[tuple[Any, ...]]) -> FsaRegions:
    fsa = Region(*fsa_rows[0][:_REF])
    overlap_rows = [row[_REF + 1 :] for row in fsa_rows if row[_REF + 1] is not None]
    overlapping = _classify(overlap_rows)
    outside = fsa_rows[0][_REF]
    if outside is None:
        # No overlap, or stored by a release that did not measure the union.
        outside = max(1 - sum(row[_SHARE_OF_FSA] for row in overlap_rows), 0.0)
    return FsaRegions(fsa, *overlapping, share_outside=outside)


def health_region_fsas(
    *, fsa_vintage: Vintage, health_region_vintage: Vintage, region_id: str, level: str | None
) -> RegionFsas:
    """Return the FSAs that a health region overlaps, with the geometry of the FSAs at a level.

    Args:
        region_id: HRUID or DGUID.

    Raises: RegionUnknown. Queries: 2.
    """
    region = region_get(vintage=health_region_vintage, region_id=region_id, level=None)
    columns, join = columns_and_join(level)
    parameters = {"health_region": region.id, "fsa_vintage": fsa_vintage.pk, "level": level}
    overlap_rows = rows(_OF_REGION_SQL.format(columns=columns, join=join), parameters)
    return RegionFsas(region, *_classify(overlap_rows))


def _classify(overlap_rows: Iterable[tuple[Any, ...]]) -> _Overlapping:
    """Return overlaps as shares, artefacts and slivers. A row has the statements' columns from the code of `other` on."""
    overlapping = _Overlapping([], [], 0)
    slivers = 0
    for row in overlap_rows:
        kind, width_m, *shares = row[_REF:_OWN]
        if not kind:
            overlapping.shares.append(Share._make((*shares, RegionRow._make(row[_OWN:]))))
        elif shares[0] >= SLIVER_SHARE:
            overlapping.artefacts.append(ArtefactShare(Region(*row[:_REF]), kind, width_m, shares[0]))
        else:
            slivers += 1
    return overlapping._replace(slivers=slivers)
