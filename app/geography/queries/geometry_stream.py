"""Geometry text that is too long to be held as a whole: read piece by piece."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import transaction

from geography.db.routing import connection, current_alias

# The text of a shape up to this long comes with its region. The longest of the official files has tens of megabytes.
WHOLE_MAX_BYTES = 1 << 20
# The texts of all regions that one statement reads; beyond, the regions come without them.
WHOLE_TOGETHER_MAX_BYTES = 8 << 20
PIECE_BYTES = 1 << 18

# The text is taken out of its storage once; bytes, unlike characters, are found without counting from the beginning.
_PIECES_SQL = """
    WITH shape AS MATERIALIZED (
        SELECT convert_to(geojson, 'UTF8') AS body FROM region_level WHERE region_id = %s AND level = %s
    )
    SELECT convert_from(substring(body FROM first FOR %s), 'UTF8')
    FROM shape, generate_series(1, octet_length(body), %s) AS first
"""


_SEVERAL_SQL = "SELECT region_id, geojson FROM region_level WHERE level = %s AND region_id = ANY (%s)"


class GeometryDeleted(Exception):
    """The vintage was taken away while one of its shapes was read."""


@dataclass(frozen=True, slots=True)
class StreamedGeometry:
    """The GeoJSON geometry of a region at one level, still in the database. `size` is its length in bytes."""

    region_id: int
    level: str
    size: int

    def pieces(self) -> Iterator[bytes]:
        """Yield the text, ASCII, in order; a database connection is held until the last piece is taken.

        At most one piece is in memory at a time, however long the text is.

        Raises: ShapeGone, at the end at the latest. Queries: 1, and a fetch for each piece.
        """
        # Inside a transaction the cursor lives on the server through PgBouncer too, and goes with it.
        left = self.size
        with transaction.atomic(using=current_alias()), connection.chunked_cursor() as cursor:
            cursor.execute(_PIECES_SQL, [self.region_id, self.level, PIECE_BYTES, PIECE_BYTES])
            while rows := cursor.fetchmany(1):
                piece: bytes = rows[0][0].encode()
                left -= len(piece)
                yield piece
        if left:
            raise GeometryDeleted


def read_shapes(shapes: Sequence[StreamedGeometry]) -> Iterator[Iterator[bytes]]:
    """Yield the text of each shape in pieces, in order; take all pieces of one before the next.

    Short shapes of a level are read together, so that at most `WHOLE_MAX_BYTES` and one piece are in memory at a time.

    Raises: ShapeGone. Queries: 1 for each group, and 1 with a fetch for each piece of a shape longer than `WHOLE_MAX_BYTES`.
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
