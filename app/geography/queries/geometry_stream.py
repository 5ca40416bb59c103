"""Streaming of GeoJSON geometry text from the database in chunks, with bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import transaction

from geography.constants import CRS84, EPSG_3347, EPSG_3857, EPSG_4326, SRID_WEB_MERCATOR
from geography.db.routing import connection, current_alias

# Maximum length of a text that is read with its region. The longest text of the official files has tens of megabytes.
WHOLE_MAX_BYTES = 1 << 20
# Maximum total length of the texts in one result; in larger results, regions have no text.
WHOLE_TOGETHER_MAX_BYTES = 8 << 20
CHUNK_BYTES = 1 << 18

# The text of a geometry in each CRS. CRS84 is stored as text, with six decimals. EPSG:4326 (latitude first) and EPSG:3857 are
# computed from the same geometry of a level, to 0.1 m and a centimetre. EPSG:3347 is the boundary as published, and 15 decimals
# are more than a double has there: the text holds every bit.
_STORED_SQL = "SELECT region_id, {text} AS geojson FROM region_level WHERE level = %(level)s AND region_id = ANY (%(regions)s)"
_TEXT_SQL = {
    CRS84: _STORED_SQL.format(text="geojson"),
    EPSG_4326: _STORED_SQL.format(text="ST_AsGeoJSON(ST_FlipCoordinates(geom), 6)"),
    EPSG_3857: _STORED_SQL.format(text=f"ST_AsGeoJSON(ST_Transform(geom, {SRID_WEB_MERCATOR}), 2)"),
    EPSG_3347: "SELECT id AS region_id, ST_AsGeoJSON(geom, 15) AS geojson FROM region WHERE id = ANY (%(regions)s)",
}
CRSS = tuple(_TEXT_SQL)

# The text is decompressed once. A substring of bytes, unlike one of characters, needs no scan from the beginning.
_CHUNKS_SQL = """
    WITH shape AS MATERIALIZED (SELECT convert_to(geojson, 'UTF8') AS body FROM ({text}) AS texts)
    SELECT convert_from(substring(body FROM first FOR %(chunk)s), 'UTF8')
    FROM shape, generate_series(1, octet_length(body), %(chunk)s) AS first
"""


class GeometryDeleted(Exception):
    """The vintage was deleted while one of its geometries was read."""


@dataclass(frozen=True, slots=True)
class StreamedGeometry:
    """Reference to the GeoJSON geometry of a region in the database.

    Attributes:
        level: level of the geometry; in another CRS than CRS84 it must be `full`.
        size: length in bytes of the text of the level in CRS84. In another CRS the text is up to twice as long.
        crs: CRS of the coordinates, of `CRSS`.
    """

    region_id: int
    level: str
    size: int
    crs: str = CRS84

    def pieces(self) -> Iterator[bytes]:
        """Yield the text, ASCII, in chunks; uses a database connection until the last chunk.

        At most one chunk is in memory at a time.

        Raises: GeometryDeleted, at the end at the latest. Queries: 1, and a fetch for each chunk.
        """
        length = 0
        # In a transaction, a server-side cursor also works through PgBouncer, and ends with the transaction.
        with transaction.atomic(using=current_alias()), connection.chunked_cursor() as cursor:
            cursor.execute(
                _CHUNKS_SQL.format(text=_TEXT_SQL[self.crs]),
                {"level": self.level, "regions": [self.region_id], "chunk": CHUNK_BYTES},
            )
            while rows := cursor.fetchmany(1):
                chunk: bytes = rows[0][0].encode()
                length += len(chunk)
                yield chunk
        self.check(length)

    def check(self, length: int) -> None:
        """Check the length of the text that was read. Raises: GeometryDeleted."""
        if not length or (self.crs == CRS84 and length != self.size):
            raise GeometryDeleted


def read_shapes(shapes: Sequence[StreamedGeometry]) -> Iterator[Iterator[bytes]]:
    """Yield the chunks of each geometry in order; consume all chunks of a geometry before the next.

    Short geometries of a level and CRS are read together: texts of about `WHOLE_MAX_BYTES`, and one chunk, are in memory at a
    time.

    Raises: GeometryDeleted. Queries: 1 for each group; 1 and a fetch for each chunk for a text above `WHOLE_MAX_BYTES`.
    """
    for group in _groups(shapes):
        first = group[0]
        if len(group) == 1:
            yield first.pieces()
            continue
        with connection.cursor() as cursor:
            cursor.execute(_TEXT_SQL[first.crs], {"level": first.level, "regions": [shape.region_id for shape in group]})
            texts = dict(cursor.fetchall())
        for shape in group:
            text = texts.pop(shape.region_id, "").encode()
            shape.check(len(text))
            yield iter([text])


def _groups(shapes: Sequence[StreamedGeometry]) -> Iterator[list[StreamedGeometry]]:
    group: list[StreamedGeometry] = []
    size = 0
    for shape in shapes:
        if group and (size + shape.size > WHOLE_MAX_BYTES or (shape.level, shape.crs) != (group[0].level, group[0].crs)):
            yield group
            group, size = [], 0
        group.append(shape)
        size += shape.size
    if group:
        yield group
