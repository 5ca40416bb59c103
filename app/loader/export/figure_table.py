"""Table of an indicator for its download files: the current values with the measures of their days, one read for all files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from arro3.core import Array
from django.db import connection

from geography.download_files import DownloadFile
from indicators.measures import MEASURES, nearest_year
from indicators.models import Indicator, Place
from indicators.queries import catalogue, figures
from indicators.queries.catalogue import PublishedIndicator
from indicators.queries.extents import place_order
from indicators.statuses import ValueStatus
from loader.errors import Superseded

PUBLISHED = ("cumulative", "value")
# Measures in every table, empty if the indicator does not define them, so that tables can be concatenated.
_ALWAYS = ("new_1d", "new_7d", "rate_7d")
_EPOCH = np.datetime64("1970-01-01", "D")
_VALUES_SQL = """
    SELECT v.series_id, v.period - date '1970-01-01', v.value, v.status
    FROM indicator_value v JOIN indicator_series s ON s.id = v.series_id
    WHERE s.indicator_id = %s AND v.to_issue_id IS NULL
"""
# An array that no column needs is null: parsing arrays takes most of the time of a read.
_MEASURES_SQL = """
    SELECT b.series_id, b.measure, b.start - date '1970-01-01', b.values,
           CASE WHEN b.measure = 'new_7d' THEN b.statuses END, CASE WHEN b.measure LIKE 'rate%%' THEN b.lags END
    FROM indicator_blob b JOIN indicator_series s ON s.id = b.series_id
    WHERE s.indicator_id = %s AND b.measure = ANY (%s)
"""


@dataclass(frozen=True, slots=True)
class FigureTable:
    """The current values of an indicator by period, then place.

    Attributes:
        places: the places in the order of the columns of a wide table.
        place: index in `places`, by row.
        days: days since 1970-01-01, by row.
        columns: cells by name of the column: ISO dates, texts, whole numbers as int, None where there is none.
        arrays: the columns as Arrow arrays by name, once a format needed them.
    """

    places: Sequence[Place]
    place: np.ndarray[Any, Any]
    days: np.ndarray[Any, Any]
    columns: dict[str, list[Any]]
    arrays: dict[str, Array] = field(default_factory=dict)

    def wide(self, measure: str) -> tuple[list[str], list[list[Any]]]:
        """Return the header and the rows of a wide table: one row for each period, one column for each place."""
        periods, row = np.unique(self.days, return_inverse=True)
        cells = np.full((len(periods), len(self.places)), None, dtype=object)
        cells[row, self.place] = np.array(self.columns["value" if measure in PUBLISHED else measure], dtype=object)
        header = ["period", *(place.key for place in self.places)]
        return header, [[period, *line] for period, line in zip(_dates(periods), cells.tolist(), strict=True)]


def measure_columns(indicator: Indicator) -> tuple[str, ...]:
    """Return the names of the columns of measures, beside the value as published."""
    return _ALWAYS + tuple(name for name in MEASURES[indicator.kind] if name not in (*_ALWAYS, *PUBLISHED))


@dataclass(slots=True)
class Tables:
    """Cache of the table of one publication, shared by its files."""

    _last: tuple[Any, FigureTable] | None = field(default=None)

    def of(self, download: DownloadFile, published: PublishedIndicator) -> FigureTable:
        """Return the table of a publication. Raises: Superseded. Queries: as `read_table`; none if it was read last."""
        if self._last is None or self._last[0] != download.folder:
            self._last = (download.folder, read_table(published))
        return self._last[1]


def read_table(published: PublishedIndicator) -> FigureTable:
    """Read the table of a publication.

    Raises: Superseded if the publication is no longer, or not throughout the read, the current one. Queries: 6.
    """
    check_current(published)
    table = _read(published.indicator)
    check_current(published)
    return table


def check_current(published: PublishedIndicator) -> None:
    """Raise Superseded if a publication is no longer the current one."""
    catalogue.clear()
    current = catalogue.published_indicators().indicators.get(published.indicator.slug)
    if current is None or current.revision != published.revision:
        raise Superseded(f"{published.indicator.slug}: another issue was published, or this one rolled back.")


def _read(indicator: Indicator) -> FigureTable:
    all_series = sorted(indicator.series.select_related("place"), key=lambda series: place_order(series.place))
    position = {series.pk: number for number, series in enumerate(all_series)}
    position_by_id = np.zeros(max(position, default=0) + 1, dtype=int)
    position_by_id[list(position)] = list(position.values())
    names = measure_columns(indicator)
    with connection.cursor() as cursor:
        cursor.execute(_VALUES_SQL, [indicator.pk])
        rows = np.array(cursor.fetchall(), dtype=float).reshape(-1, 4)  # None becomes NaN
        cursor.execute(_MEASURES_SQL, [indicator.pk, list(names)])
        blobs = cursor.fetchall()
    place, days, value, status = (
        position_by_id[rows[:, 0].astype(int)],
        rows[:, 1].astype(int),
        rows[:, 2],
        rows[:, 3].astype(int),
    )
    order = np.lexsort((days, place))
    place, days, value, status = place[order], days[order], value[order], status[order]
    slices = [slice(*np.searchsorted(place, (number, number + 1))) for number in range(len(all_series))]

    measures = {name: np.full(len(days), np.nan) for name in names}
    weekly_status, lags = np.full(len(days), int(ValueStatus.NOT_REPORTED)), np.zeros(len(days), dtype=int)
    for series_id, name, start, values, statuses, blob_lags in blobs:
        rows_of_place = slices[position[series_id]]
        index = days[rows_of_place] - start
        inside = (index >= 0) & (index < len(values))
        measures[name][rows_of_place][inside] = np.array(values, dtype=float)[index[inside]]
        if statuses:
            weekly_status[rows_of_place][inside] = np.array(statuses)[index[inside]]
        if blob_lags:
            lags[rows_of_place][inside] = np.array(blob_lags)[index[inside]]

    people, people_year = np.full(len(days), np.nan), np.full(len(days), np.nan)
    populations = figures.populations([series.place for series in all_series])
    years = (_EPOCH + days - lags).astype("datetime64[Y]").astype(int) + 1970
    for rows_of_place, series in zip(slices, all_series, strict=True):
        by_year = populations.get(series.place_id, {})
        for year in set(years[rows_of_place].tolist()) if by_year else ():
            nearest = nearest_year(by_year, year)
            chosen = years[rows_of_place] == year
            if nearest is not None:
                people[rows_of_place][chosen], people_year[rows_of_place][chosen] = by_year[nearest], nearest

    order = np.lexsort((place, days))
    place, days = place[order], days[order]
    codes = np.array([status.code for status in ValueStatus], dtype=object)
    has_weeks = "new_7d" in MEASURES[indicator.kind]
    places = [series.place for series in all_series]

    def texts(attribute: Callable[[Place], str]) -> list[str | None]:
        cells: list[str | None] = np.array([attribute(each) or None for each in places] or [None], dtype=object)[place].tolist()
        return cells

    return FigureTable(
        places,
        place,
        days,
        {
            "period": _dates(days),
            "place": texts(lambda each: each.key),
            "pruid": texts(lambda each: each.pruid),
            "kind": texts(lambda each: each.kind),
            "coverage": texts(lambda each: each.coverage),
            "vintage": texts(lambda each: each.vintage_label),
            "name_en": texts(lambda each: each.name_en),
            "name_fr": texts(lambda each: each.name_fr),
            "value": _numbers(value[order]),
            **{name: _numbers(measure[order]) for name, measure in measures.items()},
            "status": codes[status[order]].tolist(),
            "status_7d": codes[weekly_status[order]].tolist() if has_weeks else [None] * len(days),
            "population": _numbers(people[order]),
            "population_year": _numbers(people_year[order]),
        },
    )


def _dates(days: np.ndarray[Any, Any]) -> list[str]:
    distinct, number = np.unique(days, return_inverse=True)
    dates: list[str] = np.datetime_as_string(_EPOCH + distinct).astype(object)[number].tolist()
    return dates


def _numbers(values: np.ndarray[Any, Any]) -> list[float | int | None]:
    """Return numbers for a table: whole numbers as int, None for NaN."""
    return [None if value != value else int(value) if value.is_integer() else value for value in values.tolist()]  # noqa: PLR0124
