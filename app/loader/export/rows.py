"""Streamed rows of a published vintage, with at most one geometry in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection, transaction

from geography.constants import SLIVER_SHARE, SRID_STATCAN_LAMBERT
from geography.models import Vintage

_ATTRIBUTES_SQL = "code, dguid, name_en, name_fr, nullif(pruid, ''), population, land_area_km2, area_km2"

_PUBLISHED_SQL = f"""
    SELECT {_ATTRIBUTES_SQL}, ST_XMin(shape), ST_YMin(shape), ST_XMax(shape), ST_YMax(shape), ST_AsBinary(shape, 'NDR')
    FROM region, LATERAL (SELECT {{shape}} AS shape OFFSET 0) AS transformed
    WHERE vintage_id = %s ORDER BY code
"""
_PIECES_SQL = """
    SELECT code, ST_XMin(piece.geom), ST_YMin(piece.geom), ST_XMax(piece.geom), ST_YMax(piece.geom),
           ST_AsBinary(ST_ForcePolygonCCW(piece.geom), 'NDR')
    FROM region_part AS piece JOIN region ON region.id = piece.region_id
    WHERE piece.vintage_id = %s ORDER BY code, piece.geom, piece.id
"""
_LEVEL_SQL = f"""
    SELECT {_ATTRIBUTES_SQL}, level.extent, level.geojson
    FROM region JOIN region_level AS level ON level.region_id = region.id AND level.level = %s
    WHERE vintage_id = %s ORDER BY code
"""
_CODES_SQL = f"SELECT {_ATTRIBUTES_SQL}, ST_X(rep_point), ST_Y(rep_point) FROM region WHERE vintage_id = %s ORDER BY code"
# The API and schema geo omit the same slivers and artefacts.
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
    FROM region, LATERAL (SELECT {shape} AS shape OFFSET 0) AS transformed
    WHERE vintage_id = %s
"""


class Attributes(NamedTuple):
    """Attributes of a region; `pruid` is None for a region in several provinces."""

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
    """A region as published: `bbox` (west, south, east, north) and `wkb` in the requested CRS, x (longitude) first."""

    attributes: Attributes
    bbox: tuple[float, float, float, float]
    wkb: bytes | memoryview


class PieceRow(NamedTuple):
    """A piece of a region's boundary as published: `bbox` (west, south, east, north) and `wkb` in EPSG:3347."""

    code: str
    bbox: tuple[float, float, float, float]
    wkb: bytes | memoryview


@dataclass(frozen=True, slots=True)
class LevelRow:
    """A region at a level: `bbox` (west, south, east, north) in degrees, `geojson` the text of its geometry."""

    attributes: Attributes
    bbox: list[float]
    geojson: str


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A region without its boundary; `lon` and `lat` are a point on its surface, WGS 84 degrees."""

    attributes: Attributes
    lon: float
    lat: float


class ShareRow(NamedTuple):
    """Overlap of an FSA and a health region: shares of area, 0 to 1; area in km2."""

    cfsauid: str
    hruid: str
    name_en: str
    name_fr: str
    share_of_fsa: float
    share_of_region: float
    area_km2: float


_ATTRIBUTE_COUNT = len(Attributes._fields)


def region_rows(vintage: Vintage, srid: int = SRID_STATCAN_LAMBERT, max_edge_m: float | None = None) -> Iterator[RegionRow]:
    """Yield the regions as published, ordered by code, with all vertices in the CRS `srid`. Queries: 1.

    Args:
        max_edge_m: length up to which edges stay whole, metres in EPSG:3347.
    """
    for row in stream(_PUBLISHED_SQL.format(shape=_shape(srid, max_edge_m)), [vintage.pk], chunk_size=1):
        west, south, east, north, wkb = row[_ATTRIBUTE_COUNT:]
        yield RegionRow(Attributes(*row[:_ATTRIBUTE_COUNT]), (west, south, east, north), wkb)


def piece_rows(vintage: Vintage) -> Iterator[PieceRow]:
    """Yield the pieces of the regions, exterior rings counter-clockwise, by code and along a Hilbert curve. Queries: 1."""
    for code, west, south, east, north, wkb in stream(_PIECES_SQL, [vintage.pk]):
        yield PieceRow(code, (west, south, east, north), wkb)


def level_rows(vintage: Vintage, level: str) -> Iterator[LevelRow]:
    """Yield the regions at a level, ordered by code. Queries: 1."""
    for row in stream(_LEVEL_SQL, [level, vintage.pk], chunk_size=1):
        bbox, geojson = row[_ATTRIBUTE_COUNT:]
        yield LevelRow(Attributes(*row[:_ATTRIBUTE_COUNT]), bbox, geojson)


def code_rows(vintage: Vintage) -> Iterator[CodeRow]:
    """Yield the regions without their boundaries, ordered by code. Queries: 1."""
    for row in stream(_CODES_SQL, [vintage.pk]):
        yield CodeRow(Attributes(*row[:_ATTRIBUTE_COUNT]), *row[_ATTRIBUTE_COUNT:])


def share_rows(fsa_vintage: Vintage, health_region_vintage: Vintage) -> Iterator[ShareRow]:
    """Yield the overlaps by FSA code, largest share first, without slivers and artefacts. Queries: 1."""
    for row in stream(_SHARES_SQL, [fsa_vintage.pk, health_region_vintage.pk]):
        yield ShareRow(*row)


def extent(vintage: Vintage, srid: int = SRID_STATCAN_LAMBERT, max_edge_m: float | None = None) -> list[float]:
    """Return west, south, east and north of all rows of `region_rows`. Queries: 1."""
    with connection.cursor() as cursor:
        cursor.execute(_EXTENT_SQL.format(shape=_shape(srid, max_edge_m)), [vintage.pk])
        return list(cursor.fetchone())


def _shape(srid: int, max_edge_m: float | None) -> str:
    """Return the SQL of a boundary in a CRS."""
    shape = "geom" if max_edge_m is None else f"ST_Segmentize(geom, {float(max_edge_m)})"
    return shape if srid == SRID_STATCAN_LAMBERT else f"ST_Transform({shape}, {int(srid)})"


def stream(sql: str, parameters: list[Any], chunk_size: int = 500) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query, at most `chunk_size` of them in memory."""
    # Server-side cursor inside a transaction: without one, the server would first materialise the whole result.
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.cursor.itersize = chunk_size
        cursor.execute(sql, parameters)
        yield from cursor
