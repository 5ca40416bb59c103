"""Published coverages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from geography.models import Coverage, Vintage
from geography.vintages.catalogue import published


@dataclass(frozen=True, slots=True)
class PublishedCoverage:
    """A coverage with at least one published vintage.

    Attributes:
        vintages: the published vintages, the latest first.
        in_force: the vintage in force today; None if only extracts or later vintages are published.
    """

    coverage: Coverage
    vintages: Sequence[Vintage]
    in_force: Vintage | None


def published_coverages() -> list[PublishedCoverage]:
    """Return the coverages with published vintages, in the order of their slugs.

    Queries: see `geography.vintages.catalogue.published`.
    """
    catalogue, today = published(), date.today()
    return [
        PublishedCoverage(coverage, list(vintages), catalogue.in_force(coverage.slug, today))
        for coverage, vintages in groupby(catalogue.vintages, key=lambda vintage: vintage.coverage)
    ]
