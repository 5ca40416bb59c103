"""Storage of series: current values, changes of an issue by COPY, and measures derived from the current values."""

import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

from django.db import connection

from indicators.measures import Measure, Observation, measures
from indicators.models import Blob, Indicator, Issue, PlaceKind, Population, Series
from indicators.statuses import REPORTING, ValueStatus
from loader.series.gates import Difference
from loader.series.interpreter import PlaceValues

_CLOSE_SQL = """
    UPDATE indicator_value v SET to_issue_id = %(issue)s FROM new_value n
    WHERE v.series_id = n.series_id AND v.period = n.period AND v.to_issue_id IS NULL
"""
_INSERT_SQL = """
    INSERT INTO indicator_value (series_id, period, value, status, from_issue_id)
    SELECT series_id, period, value, status, %(issue)s FROM new_value ORDER BY series_id, period
"""


def current_values(indicator: Indicator) -> dict[int, PlaceValues]:
    """Return the current values of an indicator by place, withdrawn values included. Queries: 2."""
    series_by_id = {series.pk: series for series in indicator.series.select_related("place")}
    by_place = {series.place_id: PlaceValues(series.place, derived=series.derived) for series in series_by_id.values()}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT v.series_id, v.period, v.value, v.status FROM indicator_value v"
            " JOIN indicator_series s ON s.id = v.series_id WHERE s.indicator_id = %s AND v.to_issue_id IS NULL",
            [indicator.pk],
        )
        for series_id, period, value, status in cursor:
            by_place[series_by_id[series_id].place_id].observations[period] = Observation(value, ValueStatus(status))
    return {pk: values for pk, values in by_place.items() if values.observations}


def values_in_force(values: Mapping[int, PlaceValues]) -> dict[int, PlaceValues]:
    """Return the values without withdrawn ones, and without places that have no others."""
    values_by_place = {}
    for pk, stored in values.items():
        in_force = {day: stated for day, stated in stored.observations.items() if stated.status != ValueStatus.WITHDRAWN}
        if in_force:
            values_by_place[pk] = PlaceValues(stored.place, in_force, stored.derived)
    return values_by_place


Change = tuple[int, date, float | None, int]


def changes(before: Mapping[int, PlaceValues], after: Mapping[int, PlaceValues]) -> tuple[list[Change], Difference]:
    """Return the differences between two issues as rows, with their counts by place. A missing value is withdrawn."""
    rows: list[Change] = []
    difference = Difference()
    for pk, values in after.items():
        old = before[pk].observations if pk in before else {}
        key = values.place.key
        for day, stated in values.observations.items():
            if day not in old:
                rows.append((pk, day, stated.value, stated.status))
                if not values.derived:
                    difference.new[key] = difference.new.get(key, 0) + 1
            elif old[day] != stated:
                rows.append((pk, day, stated.value, stated.status))
                if not values.derived:
                    difference.changed[key] = difference.changed.get(key, 0) + 1
    for pk, values in before.items():
        new = after[pk].observations if pk in after else {}
        in_force = [day for day, stated in values.observations.items() if stated.status != ValueStatus.WITHDRAWN]
        if not values.derived:
            difference.before += len(in_force)
        gone = [day for day in in_force if day not in new]
        rows += [(pk, day, None, int(ValueStatus.WITHDRAWN)) for day in gone]
        if gone and not values.derived:
            difference.withdrawn[values.place.key] = len(gone)
    return rows, difference


def write(issue: Issue, rows: Iterable[Change], after: Mapping[int, PlaceValues]) -> None:
    """Store the changes of an issue: close the rows that they replace and copy the new rows in."""
    series_ids = dict(issue.indicator.series.values_list("place_id", "pk"))
    for pk, values in after.items():
        if pk not in series_ids:
            series_ids[pk] = Series.objects.create(indicator=issue.indicator, place=values.place, derived=values.derived).pk
    text = io.StringIO()
    for place_id, day, value, status in rows:
        number = r"\N" if value is None else repr(value)
        text.write(f"{series_ids[place_id]}\t{day}\t{number}\t{int(status)}\n")
    text.seek(0)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE new_value (series_id int, period date, value double precision, status smallint)"
            " ON COMMIT DROP"
        )
        cursor.copy_expert("COPY new_value FROM STDIN", text)
        cursor.execute(_CLOSE_SQL, {"issue": issue.pk})
        cursor.execute(_INSERT_SQL, {"issue": issue.pk})
        cursor.execute("DROP TABLE new_value")


def derive(indicator: Indicator) -> None:
    """Derive the measures and the extent of every series of an indicator from its current values."""
    values = current_values(indicator)
    population: dict[int, dict[int, int]] = defaultdict(dict)
    for place_id, year, people in Population.objects.filter(place__in=list(values)).values_list("place_id", "year", "people"):
        population[place_id][year] = people
    Blob.objects.filter(series__indicator=indicator).delete()
    blobs: list[Blob] = []
    all_series = list(indicator.series.select_related("place"))
    for series in all_series:
        observations = values[series.place_id].observations if series.place_id in values else {}
        in_force = {day: stated for day, stated in observations.items() if stated.status != ValueStatus.WITHDRAWN}
        reports = [day for day, stated in in_force.items() if stated.status in REPORTING]
        series.first, series.last = (min(in_force), max(in_force)) if in_force else (None, None)
        series.last_report = max(reports, default=None)
        stopped = (
            in_force and series.place.kind == PlaceKind.REGION and in_force[max(in_force)].status == ValueStatus.NOT_REPORTED
        )
        series.ended_on = series.last_report if stopped else None
        derived = measures(
            kind=indicator.kind,
            period=indicator.period,
            from_zero=indicator.from_zero,
            observations=in_force,
            population={} if series.place.kind == PlaceKind.UNASSIGNED else population[series.place_id],
        )
        blobs += [_blob(series, name, measure) for name, measure in derived.items()]
    Series.objects.bulk_update(all_series, ["first", "last", "last_report", "ended_on"])
    _copy(blobs)


def _blob(series: Series, name: str, measure: Measure) -> Blob:
    return Blob(
        series=series,
        measure=name,
        start=measure.start,
        values=measure.values,
        statuses=measure.statuses,
        lags=measure.lags,
        spans=measure.spans,
    )


def _copy(blobs: Iterable[Blob]) -> None:
    text = io.StringIO()
    for blob in blobs:
        arrays = [_array(column) for column in (blob.values, blob.statuses, blob.lags, blob.spans)]
        text.write("\t".join([str(blob.series_id), blob.measure, str(blob.start), *arrays]) + "\n")
    text.seek(0)
    with connection.cursor() as cursor:
        cursor.copy_expert("COPY indicator_blob (series_id, measure, start, values, statuses, lags, spans) FROM STDIN", text)


def _array(column: Iterable[float | int | None]) -> str:
    return "{" + ",".join(_array_element(number) for number in column) + "}"


def _array_element(number: float | int | None) -> str:
    """Return a number as an element of a PostgreSQL array, whole numbers without decimals."""
    if number is None:
        return "NULL"
    return repr(int(number) if number == int(number) else number)
