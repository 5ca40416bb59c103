"""Streaming of GeoJSON geometry text from the database in chunks, with bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import transaction

from geography.db.routing import connection, current_alias

# Maximum length of a text that is read with its region. The longest text of the official files has tens of megabytes.
WHOLE_MAX_BYTES = 1 << 20
# Maximum total length of the texts in one result; in larger results, regions have no text.
WHOLE_TOGETHER_MAX_BYTES = 8 << 20
CHUNK_BYTES = 1 << 18

# The text is decompressed once. A substring of bytes, unlike one of characters, needs no scan from the beginning.
_CHUNKS_SQL = """
    WITH shape AS MATERIALIZED (
        SELECT convert_to(geojson, 'UTF8') AS body FROM region_level WHERE region_id = %s AND level = %s
    )
    SELECT convert_from(substring(body FROM first FOR %s), 'UTF8')
    FROM shape, generate_series(1, octet_length(body), %s) AS first
"""

_SEVERAL_SQL = "SELECT region_id, geojson FROM region_level WHERE level = %s AND region_id = ANY (%s)"


class GeometryDeleted(Exception):
    """The vintage was deleted while one of its geometries was read."""


@dataclass(frozen=True, slots=True)
class StreamedGeometry:
    """Reference to the GeoJSON geometry of a region at one level in the database. `size` is its length in bytes."""

    region_id: int
    level: str
    size: int

    def pieces(self) -> Iterator[bytes]:
        """Yield the text, ASCII, in chunks; uses a database connection until the last chunk.

        At most one chunk is in memory at a time.

        Raises: GeometryDeleted, at the end at the latest. Queries: 1, and a fetch for each chunk.
        """
        # In a transaction, a server-side cursor also works through PgBouncer, and ends with the transaction.
        remaining = self.size
        with transaction.atomic(using=current_alias()), connection.chunked_cursor() as cursor:
            cursor.execute(_CHUNKS_SQL, [self.region_id, self.level, CHUNK_BYTES, CHUNK_BYTES])
            while rows := cursor.fetchmany(1):
                chunk: bytes = rows[0][0].encode()
                remaining -= len(chunk)
                yield chunk
        if remaining:
            raise GeometryDeleted


def read_shapes(shapes: Sequence[StreamedGeometry]) -> Iterator[Iterator[bytes]]:
    """Yield the chunks of each geometry in order; consume all chunks of a geometry before the next.

    Short geometries of a level are read together. At most `WHOLE_MAX_BYTES` and one chunk are in memory at a time.

    Raises: GeometryDeleted. Queries: 1 for each group; 1 and a fetch for each chunk for a text above `WHOLE_MAX_BYTES`.
    """
    for group in _groups(shapes):
        if len(group) == 1:
            yield group[0].pieces()
            continue
        with connection.cursor() as cursor:
            cursor.execute(_SEVERAL_SQL, [group[0].level, [shape.region_id for shape in group]])
            texts = dict(cursor.fetchall())
        for shape in group:
            text = texts.pop(shape.region_id, "").encode()
            if len(text) != shape.size:
                raise GeometryDeleted
            yield iter([text])


def _groups(shapes: Sequence[StreamedGeometry]) -> Iterator[list[StreamedGeometry]]:
    group: list[StreamedGeometry] = []
    size = 0
    for shape in shapes:
        if group and (size + shape.size > WHOLE_MAX_BYTES or shape.level != group[0].level):
            yield group
            group, size = [], 0
        group.append(shape)
        size += shape.size
    if group:
        yield group
