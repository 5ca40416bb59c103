"""Regions as features show them: one row each, with the ready-made text of one level and without the stored boundary.

Put together as SQL by hand, and read into tuples: for a hundred regions the ORM took twice as long as the database.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from geography.db.routing import connection
from geography.queries.geometry_stream import WHOLE_MAX_BYTES, WHOLE_TOGETHER_MAX_BYTES, StreamedGeometry

_REGION = (
    "region.id, region.code, region.dguid, region.name_en, region.name_fr, region.pruid,"
    " region.population, region.land_area_km2, region.area_km2"
)
_UNDRAWN = f"{_REGION}, region.extent, NULL, NULL, NULL"
# How long a stored text is stands beside it: nothing is read to find out.
_DRAWN = f"""{_REGION}, drawn.extent, drawn.level, octet_length(drawn.geojson),
    CASE WHEN octet_length(drawn.geojson) <= {{most}} AND sum(octet_length(drawn.geojson)) OVER () <= {{most_together}}
    THEN drawn.geojson END"""
_LEVEL = "LEFT JOIN region_level AS drawn ON drawn.region_id = region.id AND drawn.level = %(level)s"


class RegionRow(NamedTuple):
    """A region as it is drawn at a level, or named without being drawn.

    Attributes:
        pruid: empty where it lies in several provinces.
        extent: west, south, east, north in degrees of what is drawn: at a coarse level it may differ from the region's own by
            as much as a line may move. Without a level it is the region's own.
        level, size, text: of the geometry: its level, its length as text in bytes, and the text itself where it is no longer
            than `shapes.WHOLE_MAX_BYTES` and those read with it than `shapes.WHOLE_TOGETHER_MAX_BYTES`. None where nothing is
            drawn.
    """

    id: int
    code: str
    dguid: str | None
    name_en: str
    name_fr: str
    pruid: str
    population: int | None
    land_area_km2: float | None
    area_km2: float
    extent: list[float]
    level: str | None
    size: int | None
    text: str | None

    @property
    def shape(self) -> str | StreamedGeometry | None:
        """The GeoJSON geometry: as text, where it lies if it is too long to be held, None where nothing is drawn."""
        if self.text is not None or self.level is None:
            return self.text
        return StreamedGeometry(self.id, self.level, self.size or 0)


def columns_and_join(level: str | None) -> tuple[str, str]:
    """Return the columns of `Drawn`, of a table `region`, and the join that they need after it, which takes `%(level)s`."""
    if level is None:
        return _UNDRAWN, ""
    return _DRAWN.format(most=WHOLE_MAX_BYTES, most_together=WHOLE_TOGETHER_MAX_BYTES), _LEVEL


def region_rows(rest: str, parameters: Mapping[str, Any], level: str | None) -> list[RegionRow]:
    """Return the regions that `rest`, which begins with WHERE, leaves of the table `region`. Queries: 1."""
    columns, join = columns_and_join(level)
    return list(map(RegionRow._make, rows(f"SELECT {columns} FROM region {join} {rest}", {**parameters, "level": level})))


def rows(sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return what a statement finds. Queries: 1."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        result: list[tuple[Any, ...]] = cursor.fetchall()
    return result
