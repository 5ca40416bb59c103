"""Extent and order of series: first and last day, last report, whether it stopped before its source; order of places."""

from collections.abc import Mapping
from datetime import date

from indicators.measures import Observation
from indicators.models import Place, PlaceKind, Series
from indicators.statuses import REPORTING, ValueStatus


def set_extent(series: Series, observations: Mapping[date, Observation]) -> None:
    """Set the extent of a series, without saving it, from its values in force; all None without values."""
    reports = [day for day, stated in observations.items() if stated.status in REPORTING]
    series.first, series.last = min(observations, default=None), max(observations, default=None)
    series.last_report = max(reports, default=None)
    stopped = (
        series.last is not None
        and series.place.kind == PlaceKind.REGION
        and observations[series.last].status == ValueStatus.NOT_REPORTED
    )
    series.ended_on = series.last_report if stopped else None


def place_order(place: Place) -> tuple[int, str]:
    """Return the sort key of a place: regions first, the country last, by key within a kind."""
    kinds = (PlaceKind.REGION, PlaceKind.SITE, PlaceKind.UNASSIGNED, PlaceKind.PROVINCE, PlaceKind.COUNTRY)
    return kinds.index(PlaceKind(place.kind)), place.key
