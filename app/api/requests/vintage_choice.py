"""Vintage resolution: the vintages of a request, with errors that name the parameter."""

from datetime import date
from typing import TYPE_CHECKING

from api.requests.models import VintageQuery
from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS
from geography.errors import VintageUnknown
from geography.vintages.resolve import vintage_in_force

if TYPE_CHECKING:
    from geography.models import Vintage


def chosen_vintage(query: VintageQuery, coverage: str) -> "Vintage":
    """Return the vintage of a route with one coverage, by label (parameter `vintage`) or day. Queries: 1."""
    return _choose("vintage", coverage, query.label, query.at)


def chosen_vintages(query: VintageQuery) -> dict[str, "Vintage"]:
    """Return the vintages of a route with two coverages, by parameter name: `vintage` and `fsa_vintage`. Queries: 2."""
    return {
        "vintage": _choose("vintage", COVERAGE_HEALTH_REGIONS, query.label, query.at),
        "fsa_vintage": _choose("fsa_vintage", COVERAGE_FSA, query.fsa_label, query.at),
    }


def named_vintage(parameter: str, coverage: str, label: str) -> "Vintage":
    """Return the vintage whose label is in the path. Queries: 1."""
    return _choose(parameter, coverage, label, None)


def _choose(parameter: str, coverage: str, label: str | None, at: date | None) -> "Vintage":
    try:
        return vintage_in_force(coverage=coverage, label=label, at=at)
    except VintageUnknown as error:
        error.parameter = parameter
        raise
