"""Values of series in the tables: former values, an issue's changes by COPY, and the measures derived from the current ones."""

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
    """Return the current values by place. Queries: 2."""
    series = {row.pk: row for row in indicator.series.select_related("place")}
    by_place = {series.place_id: PlaceValues(series.place, derived=series.derived) for series in series.values()}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT v.series_id, v.period, v.value, v.status FROM indicator_value v"
            " JOIN indicator_series s ON s.id = v.series_id WHERE s.indicator_id = %s AND v.to_issue_id IS NULL",
            [indicator.pk],
        )
        for series_id, period, value, status in cursor:
            by_place[series[series_id].place_id].observations[period] = Observation(value, ValueStatus(status))
    return {pk: values for pk, values in by_place.items() if values.observations}


def values_in_force(values: Mapping[int, PlaceValues]) -> dict[int, PlaceValues]:
    """Return values without those that were withdrawn, and without the places of which nothing is left."""
    result = {}
    for pk, value in values.items():
        retained = {day: stated for day, stated in value.observations.items() if stated.status != ValueStatus.WITHDRAWN}
        if retained:
            result[pk] = PlaceValues(value.place, retained, value.derived)
    return result


Change = tuple[int, date, float | None, int]


def changes(before: Mapping[int, PlaceValues], after: Mapping[int, PlaceValues]) -> tuple[list[Change], Difference]:
    """Return the values that differ, by place, with their counts. A value that is no longer there is withdrawn."""
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
        standing = [day for day, value in values.observations.items() if value.status != ValueStatus.WITHDRAWN]
        if not values.derived:
            difference.before += len(standing)
        gone = [day for day in standing if day not in new]
        rows += [(pk, day, None, int(ValueStatus.WITHDRAWN)) for day in gone]
        if gone and not values.derived:
            difference.withdrawn[values.place.key] = len(gone)
    return rows, difference


def write(issue: Issue, rows: Iterable[Change], after: Mapping[int, PlaceValues]) -> None:
    """Write an issue's changes: close the rows that they replace, and copy the new ones in."""
    series = dict(issue.indicator.series.values_list("place_id", "pk"))
    for pk, values in after.items():
        if pk not in series:
            series[pk] = Series.objects.create(indicator=issue.indicator, place=values.place, derived=values.derived).pk
    text = io.StringIO()
    for place, day, value, status in rows:
        number = r"\N" if value is None else repr(value)
        text.write(f"{series[place]}\t{day}\t{number}\t{int(status)}\n")
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
    series = list(indicator.series.select_related("place"))
    for item in series:
        observations = values[item.place_id].observations if item.place_id in values else {}
        standing = {day: stated for day, stated in observations.items() if stated.status != ValueStatus.WITHDRAWN}
        reports = [day for day, stated in standing.items() if stated.status in REPORTING]
        item.first, item.last = (min(standing), max(standing)) if standing else (None, None)
        item.last_report = max(reports, default=None)
        stopped = (
            standing and item.place.kind == PlaceKind.REGION and standing[max(standing)].status == ValueStatus.NOT_REPORTED
        )
        item.ended_on = item.last_report if stopped else None
        made = measures(
            kind=indicator.kind,
            period=indicator.period,
            from_zero=indicator.from_zero,
            observations=standing,
            population={} if item.place.kind == PlaceKind.UNASSIGNED else population[item.place_id],
        )
        blobs += [_blob(item, name, measure) for name, measure in made.items()]
    Series.objects.bulk_update(series, ["first", "last", "last_report", "ended_on"])
    _copy(blobs)


def _blob(series: Series, name: str, made: Measure) -> Blob:
    return Blob(
        series=series,
        measure=name,
        start=made.start,
        values=made.values,
        statuses=made.statuses,
        lags=made.lags,
        spans=made.spans,
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
    return "{" + ",".join("NULL" if item is None else repr(int(item) if item == int(item) else item) for item in column) + "}"
