"""Version and sources of the population weights of a vintage."""

from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Count, Max, Q

from indicators.models import PlaceWeight

if TYPE_CHECKING:
    from geography.models import Vintage


class WeightsVersion(NamedTuple):
    """Version of the weights of a vintage.

    Attributes:
        version: changes with every computation of weights.
        from_postal_codes: whether any of them comes from the positions of postal codes.
    """

    version: str
    from_postal_codes: bool


def weights_version(vintage: "Vintage") -> WeightsVersion:
    """Return the version of the weights between places and the regions of a vintage. Queries: 1."""
    rows = PlaceWeight.objects.filter(coverage=vintage.coverage.slug, vintage_label=vintage.label).aggregate(
        last=Max("pk"), number=Count("pk"), postal=Count("pk", filter=Q(basis="postal_codes"))
    )
    return WeightsVersion(f"weights {rows['last']} {rows['number']}", rows["postal"] > 0)
