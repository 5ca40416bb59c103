"""Views of indicators over time: the cube of all places, and series of some places."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.http import HttpResponseBase
from rest_framework.request import Request

from api.http.streaming import Chunks
from api.openapi import document
from api.requests import indicators as queries
from api.responses import indicators as bodies
from api.views.indicator_base import TABLES, TableView, head, measure_of, published_as_of
from geography import errors
from geography.translation import Message
from indicators.errors import IndicatorUnknown, IssueUnknown, PlaceUnknown
from indicators.models import Place, Series
from indicators.queries import figures
from indicators.queries.catalogue import PublishedIndicator

SATURDAY = 5
# Limit of the elements (places times days) of a series response; the largest embedded cube has 130,000.
ELEMENTS_MAX = 500_000


class CubeView(TableView):
    """Cube of an indicator: one measure of all places on all days."""

    @document.documented(
        queries.CUBE,
        operation_id="get_indicator_cube",
        tag="Indicators",
        summary="One measure for all places and days, in columns",
        body="IndicatorCube",
        media_types=("application/json",),
        further_schemas=TABLES,
        problems=(errors.ParameterInvalid, IndicatorUnknown, IssueUnknown),
    )
    def get(self, request: Request, id: str, suffix: str = "json") -> HttpResponseBase:
        """Return the data of a time slider: for each place a list of values from `start` on, one for each step.

        A missing value is null. `status` is run-length encoded: `[number of the status, length of the run]`. With
        `freq=week` an element is the value of the map on that Saturday.
        """
        query = self.parse(request, queries.CUBE, id=id)
        published, values = published_as_of(query)
        measure = measure_of(published, query.measure)
        return self.cached_by_issue(
            request,
            query,
            published,
            values=values,
            make=lambda: self.columns(request, published, measure, query.frequency, kind=query.kind, at=values),
        )

    def columns(
        self,
        request: Request,
        published: PublishedIndicator,
        measure: str,
        frequency: str | None,
        *,
        names: bool = False,
        extra: Callable[[], dict[str, Any]] = dict,
        **choice: Any,
    ) -> Chunks:
        """Return the rows of places as JSON columns or as a table. `choice` is passed on to `figures.rows`."""
        frequency = frequency or ("week" if measure in figures.WEEKLY else "day")
        step = 7 if frequency == "week" else 1
        rows = figures.rows(
            published.indicator, measure, step_days=step, weekday=SATURDAY if frequency == "week" else None, **choice
        )
        length = len(rows[0].elements) if rows else 0
        days = [rows[0].start + timedelta(days=step * number) for number in range(length)] if rows else []

        def body() -> dict[str, Any]:
            values = {row.place.key: [bodies.number(element.value) for element in row.elements] for row in rows}
            status = {row.place.key: bodies.runs(element.status for element in row.elements) for row in rows}
            shown: dict[str, Any] = {"places": values, "status": status}
            if names:
                shown = {
                    "places": {
                        row.place.key: {
                            "name": row.place.name_fr if self.language == "fr" else row.place.name_en,
                            "kind": row.place.kind,
                            "values": values[row.place.key],
                            "status": status[row.place.key],
                        }
                        for row in rows
                    }
                }
            regions = {"coverage": published.indicator.coverage or None, "vintage": published.indicator.vintage_label or None}
            span = {"freq": frequency, "start": days[0] if days else None, "step_days": step, "length": length}
            statuses = {"statuses": bodies.statuses_payload(self.language)}
            return head(published, measure, self.language) | regions | span | shown | statuses | extra()

        return self.render_rows(
            request, body, bodies.CUBE_COLUMNS, lambda: bodies.series_rows(published, measure, rows, days), published
        )


class SeriesView(CubeView):
    """Series of an indicator: one measure of some places over time."""

    @document.documented(
        queries.SERIES,
        operation_id="get_indicator_series",
        tag="Indicators",
        summary="One measure for selected places over time",
        body="IndicatorSeries",
        media_types=("application/json",),
        further_schemas=TABLES,
        problems=(errors.ParameterInvalid, IndicatorUnknown, IssueUnknown, PlaceUnknown),
    )
    def get(self, request: Request, id: str, suffix: str = "json") -> HttpResponseBase:
        """Return series of up to 40 places, with the dated notes on their provinces.

        Values of days before and after a series are null, never 0.
        """
        query = self.parse(request, queries.SERIES, id=id)
        published, values = published_as_of(query)
        measure = measure_of(published, query.measure)

        def make() -> Chunks:
            all_series = figures.indicator_series(published.indicator, values)
            places = _places(published, all_series, query.places)
            _check_span(query, all_series, len(places))

            def extra() -> dict[str, Any]:
                provinces = {place.pruid for place in places}
                notes = published.indicator.notes.select_related("place").order_by("day_from", "place__key", "pk")
                shown = [note for note in notes if note.place is None or note.place.pruid in provinces or "" in provinces]
                return {"notes": [bodies.note_payload(note, self.language) for note in shown]}

            return self.columns(
                request,
                published,
                measure,
                query.frequency,
                names=True,
                extra=extra,
                places=[place.pk for place in places],
                first=query.first,
                last=query.last,
                at=values,
            )

        return self.cached_by_issue(request, query, published, values=values, make=make)


def _places(published: PublishedIndicator, all_series: Sequence[Series], keys: Sequence[str]) -> list[Place]:
    """Return the places of these keys, in their order. Raises: PlaceUnknown."""
    by_key = {place_series.place.key.casefold(): place_series.place for place_series in all_series}
    for key in keys:
        if key.casefold() not in by_key:
            raise PlaceUnknown(
                Message("%(indicator)s has no place '%(place)s'.", indicator=published.indicator.slug, place=key[:80]),
                parameter="place",
                hint=Message("/indicators/%(indicator)s lists its places.", indicator=published.indicator.slug),
            )
    return [by_key[key.casefold()] for key in keys]


def _check_span(query: queries.SeriesQuery, all_series: Sequence[Series], places: int) -> None:
    """Check that the span has at most ELEMENTS_MAX elements. Raises: ParameterInvalid."""
    first = query.first or min(series.first for series in all_series if series.first)
    last = query.last or max(series.last for series in all_series if series.last)
    if (last - first).days * places > ELEMENTS_MAX:
        raise errors.ParameterInvalid(
            Message("A response holds at most %(most)s values (places times days).", most=ELEMENTS_MAX),
            parameter="from",
            hint=Message("Request fewer places or days."),
        )
