"""How FSAs and health regions overlap: computed at load time, read here."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from geography.conf import SLIVER_SHARE
from geography.models import Overlap, Region, Vintage
from geography.selectors.regions import drawn, fsa_get, region_get


@dataclass(frozen=True, slots=True)
class FsaRegions:
    """The health regions that an FSA belongs to.

    Attributes:
        fsa: the FSA's own region.
        overlaps: largest share first; each with `health_region`, whose `geojson` is set (see `regions.drawn`).
        slivers: how many overlaps were left out because each has less than `conf.SLIVER_SHARE` of the FSA.
        share_outside: the part of the FSA, 0 to 1, that lies in no health region of the vintage.
    """

    fsa: Region
    overlaps: Sequence[Overlap]
    slivers: int
    share_outside: float


@dataclass(frozen=True, slots=True)
class RegionFsas:
    """The FSAs that lie, wholly or partly, in a health region.

    Attributes:
        region: the health region.
        overlaps: in the order of the FSAs' codes; each with `fsa`, whose `geojson` is set (see `regions.drawn`).
        slivers: how many overlaps were left out because each has less than `conf.SLIVER_SHARE` of its FSA.
    """

    region: Region
    overlaps: Sequence[Overlap]
    slivers: int


def fsa_health_regions(*, fsa_vintage: Vintage, health_region_vintage: Vintage, code: str, level: str | None) -> FsaRegions:
    """Return the health regions that an FSA lies in, largest share first, with the geometry of the regions at a level.

    The list is empty where the FSA lies in no region of that vintage: it then covers no such place.

    Args:
        code: three characters, upper case (`geography.codes.parse_fsa`).

    Raises: FsaWithoutBoundary. Queries: 3.
    """
    fsa = fsa_get(vintage=fsa_vintage, code=code, level=None)
    found = list(
        Overlap.objects.filter(fsa=fsa, health_region_vintage=health_region_vintage).order_by(
            "-share_of_fsa", "health_region__code"
        )
    )
    overlaps = _without_slivers(found)
    regions = drawn(Region.objects.all(), level).in_bulk([overlap.health_region_id for overlap in overlaps])
    return _fsa_regions(fsa, found, regions)


def fsas_health_regions(
    *, fsa_vintage: Vintage, health_region_vintage: Vintage, codes: Collection[str]
) -> dict[str, FsaRegions]:
    """Return the same for many FSAs, without geometry, by code. What the vintage has no boundary of is left out. Queries: 3."""
    fsas = {fsa.pk: fsa for fsa in drawn(Region.objects.filter(vintage=fsa_vintage, code__in=codes), None)}
    found: dict[int, list[Overlap]] = {pk: [] for pk in fsas}
    overlaps = Overlap.objects.filter(fsa__in=fsas, health_region_vintage=health_region_vintage)
    for overlap in overlaps.order_by("-share_of_fsa", "health_region__code"):
        found[overlap.fsa_id].append(overlap)
    wanted = {overlap.health_region_id for some in found.values() for overlap in some}
    regions = drawn(Region.objects.all(), None).in_bulk(wanted)
    return {fsa.code: _fsa_regions(fsa, found[pk], regions) for pk, fsa in fsas.items()}


def _fsa_regions(fsa: Region, found: Sequence[Overlap], regions: Mapping[int, Region]) -> FsaRegions:
    overlaps = _without_slivers(found)
    for overlap in overlaps:
        overlap.health_region = regions[overlap.health_region_id]
    outside = max(1 - sum(overlap.share_of_fsa for overlap in found), 0.0)
    return FsaRegions(fsa, overlaps, slivers=len(found) - len(overlaps), share_outside=outside)


def health_region_fsas(
    *, fsa_vintage: Vintage, health_region_vintage: Vintage, region_id: str, level: str | None
) -> RegionFsas:
    """Return the FSAs that a health region holds all or a part of, with the geometry of the FSAs at a level.

    Args:
        region_id: HRUID or DGUID.

    Raises: RegionUnknown. Queries: 3.
    """
    region = region_get(vintage=health_region_vintage, region_id=region_id, level=None)
    found = list(Overlap.objects.filter(health_region=region, fsa_vintage=fsa_vintage).order_by("fsa__code"))
    overlaps = _without_slivers(found)
    fsas = drawn(Region.objects.all(), level).in_bulk([overlap.fsa_id for overlap in overlaps])
    for overlap in overlaps:
        overlap.fsa = fsas[overlap.fsa_id]
    return RegionFsas(region, overlaps, slivers=len(found) - len(overlaps))


def _without_slivers(overlaps: Sequence[Overlap]) -> list[Overlap]:
    return [overlap for overlap in overlaps if overlap.share_of_fsa >= SLIVER_SHARE]
