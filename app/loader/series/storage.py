"""Storage of series: current values, changes of an issue by COPY, and measures derived from the current values."""

import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from django.db import connection

from indicators.measures import Measure, Observation, measures
from indicators.models import Blob, Indicator, Issue, PlaceKind, Population, Series, Value
from indicators.queries.extents import set_extent
from indicators.statuses import ValueStatus
from loader.errors import SourceError
from loader.series.declarations import Source
from loader.series.gates import Difference
from loader.series.interpreter import PlaceValues
from loader.series.suppression import Published

_CLOSE_SQL = """
    UPDATE indicator_value v SET to_issue_id = %(issue)s FROM new_value n
    WHERE v.series_id = n.series_id AND v.period = n.period AND v.to_issue_id IS NULL
"""
_INSERT_SQL = """
    INSERT INTO indicator_value (series_id, period, value, status, from_issue_id)
    SELECT series_id, period, value, status, %(issue)s FROM new_value ORDER BY series_id, period
"""
_NEW_BLOB_SQL = """
    CREATE TEMPORARY TABLE new_blob (series_id int, measure text, start date, values double precision[], statuses smallint[],
        lags smallint[], spans smallint[], whole boolean) ON COMMIT DROP
"""
_REPLACE_BLOBS_SQL = (
    """
    DELETE FROM indicator_blob b WHERE b.series_id = ANY (%(series)s) AND NOT EXISTS (
        SELECT FROM new_blob n WHERE n.series_id = b.series_id AND n.measure = b.measure AND NOT n.whole)
    """,
    """
    UPDATE indicator_blob b SET values = b.values[1:n.start - b.start] || n.values,
        statuses = b.statuses[1:n.start - b.start] || n.statuses, lags = b.lags[1:n.start - b.start] || n.lags,
        spans = b.spans[1:n.start - b.start] || n.spans
    FROM new_blob n WHERE n.series_id = b.series_id AND n.measure = b.measure AND NOT n.whole
    """,
    """
    INSERT INTO indicator_blob (series_id, measure, start, values, statuses, lags, spans)
    SELECT series_id, measure, start, values, statuses, lags, spans FROM new_blob WHERE whole
    """,
)


def indicator_of(source: Source) -> Indicator:
    """Create or update the indicator of a source, and return it. Raises: SourceError for one of another source."""
    existing = Indicator.objects.filter(slug=source.indicator).first()
    if existing is not None and existing.source != source.name:
        raise SourceError(f"Indicator {source.indicator} is supplied by {existing.source}: give this one another name.")
    cadence = [
        {"province": rule.province, "from": rule.start.isoformat(), "interval_days": rule.interval} for rule in source.cadence
    ]
    names = (
        *("unit", "kind", "period", "from_zero", "name_en", "name_fr", "definition_en", "definition_fr", "good_direction"),
        "overdispersion",
        *("licence", "licence_url", "attribution_en", "attribution_fr"),
    )
    values = {name: getattr(source, name) for name in names}
    values |= {"source": source.name, "coverage": source.coverage, "vintage_label": source.vintage, "cadence": cadence}
    indicator, _ = Indicator.objects.update_or_create(slug=source.indicator, defaults=values)
    return indicator


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


def published_by_place(indicator: Indicator) -> dict[int, Published]:
    """Return what all issues of an indicator published and suppressed, by primary key of the place. Queries: 1."""
    history: dict[int, Published] = defaultdict(Published)
    rows = Value.objects.filter(series__indicator=indicator).values_list("series__place_id", "period", "value", "status")
    for place_id, period, value, status in rows.iterator():
        if status == ValueStatus.SUPPRESSED:
            history[place_id].suppressed.add(period)
        elif value is not None:
            history[place_id].days.add(period)
            history[place_id].add(value)
    return history


def values_in_force(values: Mapping[int, PlaceValues]) -> dict[int, PlaceValues]:
    """Return the values that are not withdrawn, without places that have none."""
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
                    difference.note_largest(key, day, old[day].value, stated.value)
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


def with_withdrawn(before: Mapping[int, PlaceValues], after: dict[int, PlaceValues]) -> dict[int, PlaceValues]:
    """Return `after`, with every value of `before` that it does not state added as withdrawn: as `current_values` reads it."""
    for pk, values in before.items():
        stated = after.setdefault(pk, PlaceValues(values.place, derived=values.derived)).observations
        for day in values.observations.keys() - stated.keys():
            stated[day] = Observation(None, ValueStatus.WITHDRAWN)
    return after


def first_changes(rows: Iterable[Change]) -> dict[int, date]:
    """Return the first day with a change, by primary key of the place."""
    firsts: dict[int, date] = {}
    for pk, day, _, _ in rows:
        if pk not in firsts or day < firsts[pk]:
            firsts[pk] = day
    return firsts


def derive(
    indicator: Indicator, values: Mapping[int, PlaceValues] | None = None, since: Mapping[int, date] | None = None
) -> None:
    """Derive the measures and the extent of the series of an indicator, within the caller's transaction.

    Args:
        values: values in force by place; None reads the current ones.
        since: first day with a change by place, of the only places to derive; the arrays before that day stay. None derives
            everything, which is necessary after a change of populations.
    """
    values = values_in_force(current_values(indicator)) if values is None else values
    population: dict[int, dict[int, int]] = defaultdict(dict)
    for place_id, year, people in Population.objects.filter(place__in=list(values)).values_list("place_id", "year", "people"):
        population[place_id][year] = people
    all_series = [series for series in indicator.series.select_related("place") if since is None or series.place_id in since]
    blobs: list[tuple[Blob, bool]] = []
    for series in all_series:
        observations = values[series.place_id].observations if series.place_id in values else {}
        # A change requires all elements from its first day on, and those of a gap before that day.
        begin = None
        if since is not None and series.first is not None and series.last is not None:
            begin = min(since[series.place_id], series.last + timedelta(days=1))
            begin = None if begin <= series.first else begin
        set_extent(series, observations)
        derived = measures(
            kind=indicator.kind,
            period=indicator.period,
            from_zero=indicator.from_zero,
            observations=observations,
            population={} if series.place.kind == PlaceKind.UNASSIGNED else population[series.place_id],
            since=begin,
        )
        blobs += [(_blob(series, name, measure), begin is None) for name, measure in derived.items()]
    Series.objects.bulk_update(all_series, ["first", "last", "last_report", "ended_on"])
    _replace_blobs(all_series, blobs)


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


def _replace_blobs(all_series: Sequence[Series], blobs: Iterable[tuple[Blob, bool]]) -> None:
    """Replace the arrays of series: whole (True), or from the day on which they start."""
    text = io.StringIO()
    for blob, whole in blobs:
        arrays = [_array(column) for column in (blob.values, blob.statuses, blob.lags, blob.spans)]
        text.write("\t".join([str(blob.series_id), blob.measure, str(blob.start), *arrays, "t" if whole else "f"]) + "\n")
    text.seek(0)
    with connection.cursor() as cursor:
        cursor.execute(_NEW_BLOB_SQL)
        cursor.copy_expert("COPY new_blob FROM STDIN", text)
        for statement in _REPLACE_BLOBS_SQL:
            cursor.execute(statement, {"series": [series.pk for series in all_series]})
        cursor.execute("DROP TABLE new_blob")


def _array(column: Iterable[float | int | None]) -> str:
    return "{" + ",".join(_array_element(number) for number in column) + "}"


def _array_element(number: float | int | None) -> str:
    """Return a number as an element of a PostgreSQL array, whole numbers without decimals."""
    if number is None:
        return "NULL"
    return repr(int(number) if number == int(number) else number)
