"""The rows of a published vintage, streamed: no more than one geometry is in memory at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection, transaction

from geography.constants import SLIVER_SHARE, SRID_STATCAN_LAMBERT
from geography.models import Vintage

_PLAIN = "code, dguid, name_en, name_fr, nullif(pruid, ''), population, land_area_km2, area_km2"

_PUBLISHED_SQL = f"""
    SELECT {_PLAIN}, ST_XMin(shape), ST_YMin(shape), ST_XMax(shape), ST_YMax(shape), ST_AsBinary(shape, 'NDR')
    FROM region, LATERAL (SELECT ST_Transform(geom, %s) AS shape OFFSET 0) AS transformed
    WHERE vintage_id = %s ORDER BY code
"""
_DRAWN_SQL = f"""
    SELECT {_PLAIN}, level.extent, level.geojson
    FROM region JOIN region_level AS level ON level.region_id = region.id AND level.level = %s
    WHERE vintage_id = %s ORDER BY code
"""
_CODES_SQL = f"SELECT {_PLAIN}, ST_X(rep_point), ST_Y(rep_point) FROM region WHERE vintage_id = %s ORDER BY code"
# The API and schema geo leave out the same slivers.
_SHARES_SQL = f"""
    SELECT fsa.code, health_region.code, health_region.name_en, health_region.name_fr,
           share_of_fsa, share_of_region, overlap.area_km2
    FROM overlap
    JOIN region AS fsa ON fsa.id = overlap.fsa_id
    JOIN region AS health_region ON health_region.id = overlap.health_region_id
    WHERE overlap.fsa_vintage_id = %s AND overlap.health_region_vintage_id = %s
      AND share_of_fsa >= {SLIVER_SHARE} AND coalesce(artefact, '') = ''
    ORDER BY fsa.code, share_of_fsa DESC, health_region.code
"""
_EXTENT_SQL = """
    SELECT min(ST_XMin(shape)), min(ST_YMin(shape)), max(ST_XMax(shape)), max(ST_YMax(shape))
    FROM region, LATERAL (SELECT ST_Transform(geom, %s) AS shape OFFSET 0) AS transformed
    WHERE vintage_id = %s
"""


class Attributes(NamedTuple):
    """What every row says of its region; `pruid` is None where it lies in several provinces."""

    code: str
    dguid: str | None
    name_en: str
    name_fr: str
    pruid: str | None
    population: int | None
    land_area_km2: float | None
    area_km2: float


@dataclass(frozen=True, slots=True)
class RegionRow:
    """A region as published: `bbox` (west, south, east, north) and `wkb` in the CRS that was chosen, x (longitude) first."""

    attributes: Attributes
    bbox: tuple[float, float, float, float]
    wkb: memoryview


@dataclass(frozen=True, slots=True)
class LevelRow:
    """A region at a level: `bbox` in degrees, `geojson` the text of its geometry."""

    attributes: Attributes
    bbox: list[float]
    geojson: str


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A region without its boundary; `lon` and `lat` are a point on its surface, WGS 84."""

    attributes: Attributes
    lon: float
    lat: float


class ShareRow(NamedTuple):
    """How an FSA and a health region overlap: shares 0 to 1 of area, area in km2."""

    cfsauid: str
    hruid: str
    name_en: str
    name_fr: str
    share_of_fsa: float
    share_of_region: float
    area_km2: float


_WIDTH = len(Attributes._fields)


def region_rows(vintage: Vintage, srid: int = SRID_STATCAN_LAMBERT) -> Iterator[RegionRow]:
    """Yield the regions as published, in the order of their codes, every vertex in a CRS. Queries: 1."""
    for row in stream(_PUBLISHED_SQL, [srid, vintage.pk], at_once=1):
        west, south, east, north, wkb = row[_WIDTH:]
        yield RegionRow(Attributes(*row[:_WIDTH]), (west, south, east, north), wkb)


def level_rows(vintage: Vintage, level: str) -> Iterator[LevelRow]:
    """Yield the regions at a level, in the order of their codes. Queries: 1."""
    for row in stream(_DRAWN_SQL, [level, vintage.pk], at_once=1):
        bbox, geojson = row[_WIDTH:]
        yield LevelRow(Attributes(*row[:_WIDTH]), bbox, geojson)


def code_rows(vintage: Vintage) -> Iterator[CodeRow]:
    """Yield the regions without their boundaries, in the order of their codes. Queries: 1."""
    for row in stream(_CODES_SQL, [vintage.pk]):
        yield CodeRow(Attributes(*row[:_WIDTH]), *row[_WIDTH:])


def share_rows(fsa_vintage: Vintage, health_region_vintage: Vintage) -> Iterator[ShareRow]:
    """Yield the health regions of every FSA, the largest share first, in the order of the FSAs' codes. Queries: 1."""
    for row in stream(_SHARES_SQL, [fsa_vintage.pk, health_region_vintage.pk]):
        yield ShareRow(*row)


def extent(vintage: Vintage, srid: int = SRID_STATCAN_LAMBERT) -> list[float]:
    """Return west, south, east and north of all regions as published, in a CRS. Queries: 1."""
    with connection.cursor() as cursor:
        cursor.execute(_EXTENT_SQL, [srid, vintage.pk])
        return list(cursor.fetchone())


def stream(sql: str, parameters: list[Any], at_once: int = 500) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query, so many of them in memory at once."""
    # A cursor in the server, inside a transaction: outside of one the server would first write the whole answer down.
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.cursor.itersize = at_once
        cursor.execute(sql, parameters)
        yield from cursor
