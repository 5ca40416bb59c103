"""Shares of area of the regions of two vintages of a coverage."""

from collections.abc import Mapping

from geography.models import Change, Counterpart, Vintage

# By the codes of two regions, one of each vintage: the larger of the two shares.
AreaShares = Mapping[tuple[str, str], float]


def area_shares(vintage: Vintage, other: Vintage) -> AreaShares | None:
    """Return the shares of area of regions that overlap; None where the vintages were not compared. Queries: 1 or 2."""
    if not Change.objects.filter(region__vintage=vintage, other_vintage=other).exists():
        return None
    rows = Counterpart.objects.filter(region__vintage=vintage, other_region__vintage=other)
    columns = rows.values_list("region__code", "other_region__code", "share_of_region", "share_of_other")
    return {(code, other_code): max(shares) for code, other_code, *shares in columns}
