"""Rows of regions for features: properties and the stored GeoJSON text of one level, without the published boundary.

Uses SQL and tuples: for a hundred regions, the ORM took twice as long as the database.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from geography.constants import CRS84
from geography.db.routing import connection
from geography.queries.geometry_stream import WHOLE_MAX_BYTES, WHOLE_TOGETHER_MAX_BYTES, StreamedGeometry

_REGION = (
    "region.id, region.code, region.dguid, region.name_en, region.name_fr, region.pruid,"
    " region.population, region.land_area_km2, region.area_km2"
)
_UNDRAWN = f"{_REGION}, region.extent, NULL, NULL, NULL"
# The length of a text is stored with it, so octet_length does not read the text.
_DRAWN = f"""{_REGION}, drawn.extent, drawn.level, octet_length(drawn.geojson),
    CASE WHEN octet_length(drawn.geojson) <= {{most}} AND sum(octet_length(drawn.geojson)) OVER () <= {{most_together}}
    THEN drawn.geojson END"""
_LEVEL = "LEFT JOIN region_level AS drawn ON drawn.region_id = region.id AND drawn.level = %(level)s"


class RegionRow(NamedTuple):
    """A region with or without its geometry at a level.

    Attributes:
        pruid: empty for a region in several provinces.
        extent: west, south, east, north in degrees of the geometry at the level. At a coarse level it can differ from the
            region's extent by the level's tolerance. Without a level, the region's extent.
        level, size, text: level of the geometry, length of its text in bytes, and the text if it is at most
            `geometry_stream.WHOLE_MAX_BYTES` long and all texts of the result at most `WHOLE_TOGETHER_MAX_BYTES`. None without
            a geometry.
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
        """Return the GeoJSON geometry: as text, as a stream if the text is too long, None without a geometry."""
        if self.text is not None or self.level is None:
            return self.text
        return StreamedGeometry(self.id, self.level, self.size or 0)

    def shape_in(self, crs: str) -> str | StreamedGeometry | None:
        """Return the GeoJSON geometry in a CRS of `geometry_stream.CRSS`, None without a geometry.

        For another CRS than CRS84 the row must be of the level `full`.
        """
        if crs == CRS84 or self.level is None:
            return self.shape
        return StreamedGeometry(self.id, self.level, self.size or 0, crs)


def columns_and_join(level: str | None, *, texts: bool = True) -> tuple[str, str]:
    """Return the columns of a `RegionRow` from a table `region`, and the join that they need, with parameter `%(level)s`.

    Args:
        texts: False for rows without the text of their geometry, for streams in another CRS.
    """
    if level is None:
        return _UNDRAWN, ""
    return _DRAWN.format(most=WHOLE_MAX_BYTES if texts else -1, most_together=WHOLE_TOGETHER_MAX_BYTES), _LEVEL


def region_rows(rest: str, parameters: Mapping[str, Any], level: str | None) -> list[RegionRow]:
    """Return the regions selected by `rest`, the end of a statement from WHERE on. Queries: 1."""
    columns, join = columns_and_join(level)
    return list(map(RegionRow._make, rows(f"SELECT {columns} FROM region {join} {rest}", {**parameters, "level": level})))


def rows(sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a statement. Queries: 1."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        fetched: list[tuple[Any, ...]] = cursor.fetchall()
    return fetched
