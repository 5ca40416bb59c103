"""Overlaps of FSAs and health regions, computed at load time."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from geography.constants import SLIVER_SHARE
from geography.lookup.types import RegionRef
from geography.models import Vintage
from geography.queries.region_rows import RegionRow, columns_and_join, rows
from geography.queries.regions import fsa_missing, region_get

# Empty for a real overlap.
_ARTEFACT = f"coalesce(nullif(overlap.artefact, ''), CASE WHEN overlap.share_of_fsa < {SLIVER_SHARE} THEN 'sliver' ELSE '' END)"
_NAMES = "other.code, other.dguid, other.name_en, other.name_fr, other.pruid"

# An FSA in no region has one row without an overlap; of an artefact no shape is read.
_OF_FSAS_SQL = f"""
    SELECT fsa.id, fsa.code, fsa.dguid, fsa.name_en, fsa.name_fr, fsa.pruid,
           overlap.share_outside, other.id, {_NAMES}, {_ARTEFACT}, overlap.width_m,
           overlap.share_of_fsa, overlap.share_of_region, overlap.area_km2, {{columns}}
    FROM region AS fsa
    LEFT JOIN overlap ON overlap.fsa_id = fsa.id
          AND overlap.fsa_vintage_id = %(fsa_vintage)s AND overlap.health_region_vintage_id = %(health_region_vintage)s
    LEFT JOIN region AS other ON other.id = overlap.health_region_id
    LEFT JOIN region ON region.id = other.id AND {_ARTEFACT} = ''
    {{join}}
    WHERE fsa.vintage_id = %(fsa_vintage)s AND fsa.code = ANY (%(codes)s)
    ORDER BY fsa.id, overlap.share_of_fsa DESC, other.code
"""
_OF_REGION_SQL = f"""
    SELECT other.id, {_NAMES}, {_ARTEFACT}, overlap.width_m,
           overlap.share_of_fsa, overlap.share_of_region, overlap.area_km2, {{columns}}
    FROM overlap
    JOIN region AS other ON other.id = overlap.fsa_id
    LEFT JOIN region ON region.id = other.id AND {_ARTEFACT} = ''
    {{join}}
    WHERE overlap.health_region_id = %(health_region)s AND overlap.fsa_vintage_id = %(fsa_vintage)s
    ORDER BY other.code
"""
# Columns of a `RegionRef` without its misfit.
_REF = len(RegionRef._fields) - 1
# Behind them, the kind of artefact and the width.
_SHARE_OF_FSA = _REF + 2


class Share(NamedTuple):
    """What an FSA and a health region have in common.

    Attributes:
        share_of_fsa, share_of_region: that area as a part of the FSA and of the health region, 0 to 1.
        area_km2: on the ellipsoid.
        region: the other of the two: the health region of an FSA, the FSA of a health region.
    """

    share_of_fsa: float
    share_of_region: float
    area_km2: float
    region: RegionRow


class ArtefactShare(NamedTuple):
    """Overlap of an FSA and a health region that exists only because two vintages draw one border differently.

    Attributes:
        region: the other of the two, as in `Share`.
        kind: `sliver` or `province`, as `geography.models.Artefact`.
        width_m: of what they share, where it is widest; None where it was not measured.
        share_of_fsa: as in `Share`.
    """

    region: RegionRef
    kind: str
    width_m: float | None
    share_of_fsa: float


class _Overlapping(NamedTuple):
    """The overlaps of an FSA, or of a region, told apart."""

    shares: list[Share]
    artefacts: list[ArtefactShare]
    slivers: int


@dataclass(frozen=True, slots=True)
class FsaRegions:
    """The health regions that an FSA belongs to.

    Attributes:
        fsa: the FSA itself.
        overlaps: with the health regions, largest share first, without artefacts.
        artefacts: largest share first.
        slivers: how many overlaps were left out because each has less than `conf.SLIVER_SHARE` of the FSA.
        share_outside: the part of the FSA, 0 to 1, that lies in no health region of the vintage.
    """

    fsa: RegionRef
    overlaps: Sequence[Share]
    artefacts: Sequence[ArtefactShare]
    slivers: int
    share_outside: float


@dataclass(frozen=True, slots=True)
class RegionFsas:
    """The FSAs that lie, wholly or partly, in a health region.

    Attributes:
        region: the health region.
        overlaps: with the FSAs, in the order of their codes, without artefacts.
        artefacts: in the order of their codes.
        slivers: how many overlaps were left out because each has less than `conf.SLIVER_SHARE` of its FSA.
    """

    region: RegionRow
    overlaps: Sequence[Share]
    artefacts: Sequence[ArtefactShare]
    slivers: int


def fsa_health_regions(*, fsa_vintage: Vintage, health_region_vintage: Vintage, code: str, level: str | None) -> FsaRegions:
    """Return the health regions that an FSA lies in, largest share first, with the geometry of the regions at a level.

    The list is empty where the FSA lies in no region of that vintage: it then covers no such place.

    Args:
        code: three characters, upper case (`geography.codes.parse_fsa`).

    Raises: FsaWithoutBoundary. Queries: 1, and 3 more to say what there is instead.
    """
    shares_of_fsa = _shares_of_fsas(fsa_vintage, health_region_vintage, [code], level).get(code)
    if shares_of_fsa is None:
        raise fsa_missing(code, fsa_vintage)
    return shares_of_fsa


def fsas_health_regions(
    *, fsa_vintage: Vintage, health_region_vintage: Vintage, codes: Collection[str]
) -> dict[str, FsaRegions]:
    """Return the same for many FSAs, without geometry, by code. What the vintage has no boundary of is left out. Queries: 1."""
    return _shares_of_fsas(fsa_vintage, health_region_vintage, codes, None)


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
    result = rows(_OF_FSAS_SQL.format(columns=columns, join=join), parameters)
    return {batch[0][1]: _fsa_regions(batch) for batch in (list(batch) for _, batch in groupby(result, itemgetter(0)))}


def _fsa_regions(result: Sequence[tuple[Any, ...]]) -> FsaRegions:
    fsa = RegionRef(*result[0][:_REF])
    rows_of_overlaps = [row[_REF + 1 :] for row in result if row[_REF + 1] is not None]
    overlapping = _told_apart(rows_of_overlaps)
    outside = result[0][_REF]
    if outside is None:
        # No overlap, or stored by a release that did not measure the union.
        outside = max(1 - sum(row[_SHARE_OF_FSA] for row in rows_of_overlaps), 0.0)
    return FsaRegions(fsa, *overlapping, share_outside=outside)


def health_region_fsas(
    *, fsa_vintage: Vintage, health_region_vintage: Vintage, region_id: str, level: str | None
) -> RegionFsas:
    """Return the FSAs that a health region holds all or a part of, with the geometry of the FSAs at a level.

    Args:
        region_id: HRUID or DGUID.

    Raises: RegionUnknown. Queries: 2.
    """
    region = region_get(vintage=health_region_vintage, region_id=region_id, level=None)
    columns, join = columns_and_join(level)
    parameters = {"health_region": region.id, "fsa_vintage": fsa_vintage.pk, "level": level}
    result = rows(_OF_REGION_SQL.format(columns=columns, join=join), parameters)
    return RegionFsas(region, *_told_apart(result))


def _told_apart(overlaps: Iterable[tuple[Any, ...]]) -> _Overlapping:
    """Return overlaps as the statements have them from the id of the other region on."""
    result = _Overlapping([], [], 0)
    slivers = 0
    for row in overlaps:
        kind, width_m, *shares = row[_REF : _SHARE_OF_FSA + 3]
        if not kind:
            result.shares.append(Share._make((*shares, RegionRow._make(row[_SHARE_OF_FSA + 3 :]))))
        elif shares[0] >= SLIVER_SHARE:
            result.artefacts.append(ArtefactShare(RegionRef(*row[:_REF]), kind, width_m, shares[0]))
        else:
            slivers += 1
    return result._replace(slivers=slivers)
