"""Types that both lookup engines share: search options and hits.

`positions_sql` asks the tables, `positions_memory` what a process holds of them. Their answers are the same; a test holds them
against each other.
"""

from typing import NamedTuple


class RegionRef(NamedTuple):
    """What names a region: `code` is its HRUID or CFSAUID, `pruid` its province.

    `misfit_m` is how far, in metres, its border may be off in its edition; 0 where that was not measured.
    """

    id: int
    code: str
    dguid: str | None
    name_en: str
    name_fr: str
    pruid: str
    misfit_m: float = 0.0


class SearchOptions(NamedTuple):
    """How far to look.

    Attributes:
        radius_m: every region within this distance is near; at least `conf.DATUM_UNCERTAINTY_M`.
        nearest_m: where nothing covers, how far to look for the nearest region; 0 for not at all.
        border: where a region covers, whether to look for the nearest other one, however far it is.
    """

    radius_m: float
    nearest_m: float = 0.0
    border: bool = False


class LookupHit(NamedTuple):
    """What was found.

    Attributes:
        near: regions within the radius by code, each with its distance in metres: 0 where it covers.
        other: the nearest region other than the first that covers, or the nearest of all where none covers, with its distance
            in metres on the ellipsoid. None where there is none, or where `Reach` did not ask.
    """

    near: tuple[tuple[float, RegionRef], ...]
    other: tuple[float, RegionRef] | None
