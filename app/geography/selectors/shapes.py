"""Geometry text that is too long to be held as a whole: read piece by piece."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from geography.reading import alias, connection

# The text of a shape up to this long comes with its region. The longest of the official files has tens of megabytes.
WHOLE_MAX_BYTES = 1 << 20
PIECE_BYTES = 1 << 18

# The text is taken out of its storage once; bytes, unlike characters, are found without counting from the beginning.
_PIECES_SQL = """
    WITH shape AS MATERIALIZED (
        SELECT convert_to(geojson, 'UTF8') AS body FROM region_level WHERE region_id = %s AND level = %s
    )
    SELECT convert_from(substring(body FROM first FOR %s), 'UTF8')
    FROM shape, generate_series(1, octet_length(body), %s) AS first
"""


class ShapeGone(Exception):
    """The vintage was taken away while one of its shapes was read."""


@dataclass(frozen=True, slots=True)
class LongShape:
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
        with transaction.atomic(using=alias()), connection.chunked_cursor() as cursor:
            cursor.execute(_PIECES_SQL, [self.region_id, self.level, PIECE_BYTES, PIECE_BYTES])
            while rows := cursor.fetchmany(1):
                piece: bytes = rows[0][0].encode()
                left -= len(piece)
                yield piece
        if left:
            raise ShapeGone
