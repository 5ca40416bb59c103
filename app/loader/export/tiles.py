"""All vector tiles of a vintage in one file, PMTiles 3: the tiles that the service draws, gzipped.

Where a tile is a square, its ring may begin at another corner than in the service's.
"""

import gzip
import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from pmtiles.tile import Compression, Entry, TileType, tileid_to_zxy
from pmtiles.writer import finalize_header

from geography.constants import PMTILES_DEMO_ZOOM_MAX, PMTILES_ZOOM_MAX, TILE_BANDS
from geography.coordinates import TileAddress
from geography.models import Vintage
from geography.queries.tiles import tiles_draw, vector_layers, vintage_bounds
from loader.export.metadata import vintage_metadata
from loader.export.tile_coverage import Span, tile_spans

_E7 = 10_000_000
# Asked for one by one, a tile takes three times as long.
_AT_ONCE = 50


def write_pmtiles(vintage: Vintage, path: Path) -> None:
    """Write the tiles of the zooms 0 to `last_zoom`; a map shows the last of them at any zoom beyond.

    Memory holds a number for each tile that has a border in it, and what `cover.spans` needs.

    Raises: ValueError where the vintage was loaded by a release that did not draw tiles yet.
    """
    content = path.with_name(f"{path.name}.content")
    try:
        with content.open("w+b") as data, path.open("wb") as target:
            tiles = _Tiles(vintage, data)
            for band, after in zip(TILE_BANDS, (*TILE_BANDS[1:], None), strict=True):
                last = min(after.zoom - 1, last_zoom(vintage)) if after else last_zoom(vintage)
                result = tile_spans(vintage, band, last) if band.zoom <= last else []
                for start in range(0, len(result), _AT_ONCE):
                    tiles.add(result[start : start + _AT_ONCE])
            if not tiles.entries:
                raise ValueError("this vintage has no tiles yet: manage.py draw_tiles")
            for part in tiles.head():
                target.write(part)
            data.seek(0)
            shutil.copyfileobj(data, target, 1 << 20)
    finally:
        content.unlink(missing_ok=True)


def last_zoom(vintage: Vintage) -> int:
    """Return the last zoom of a vintage's file."""
    return PMTILES_DEMO_ZOOM_MAX if vintage.demo else PMTILES_ZOOM_MAX


class _Tiles:
    """The tiles written so far, each content once."""

    def __init__(self, vintage: Vintage, data: IO[bytes]) -> None:
        self.vintage = vintage
        self.data = data
        self.entries: list[Entry] = []
        self.addressed = self.offset = 0
        self.places: dict[bytes, tuple[int, int]] = {}
        # Where the square of a region lies, which is the same at every zoom.
        self.squares: dict[int, tuple[int, int]] = {}

    def add(self, result: Sequence[Span]) -> None:
        """Add tiles of one band; the numbers of all calls ascend. Queries: 1 at most."""
        drawn = self._drawn(result)
        for span in result:
            place = self.squares.get(span.region) if span.region is not None else None
            if place is None:
                tile = drawn[span.first]
                if not tile:
                    continue
                place = self._place(tile)
                if span.region is not None:
                    self.squares[span.region] = place
            self.addressed += span.tiles
            last = self.entries[-1] if self.entries else None
            if last is not None and (last.offset, last.tile_id + last.run_length) == (place[0], span.first):
                last.run_length += span.tiles
            else:
                self.entries.append(Entry(span.first, *place, span.tiles))

    def _drawn(self, result: Sequence[Span]) -> dict[int, bytes]:
        """Return the tiles, by number, that are not known already: every border, and each region's first square."""
        first = {
            item.region: item.first for item in reversed(result) if item.region is not None and item.region not in self.squares
        }
        numbers = [*(item.first for item in result if item.region is None), *first.values()]
        if not numbers:
            return {}
        addresses = [TileAddress(*tileid_to_zxy(number)) for number in numbers]
        return dict(zip(numbers, tiles_draw(vintage=self.vintage, addresses=addresses), strict=True))

    def _place(self, tile: bytes) -> tuple[int, int]:
        digest = hashlib.blake2b(tile, digest_size=16).digest()
        place = self.places.get(digest)
        if place is None:
            # Without a date in it, so that the same vintage makes the same bytes.
            packed = gzip.compress(tile, 9, mtime=0)
            self.data.write(packed)
            place = self.places[digest] = (self.offset, len(packed))
            self.offset += len(packed)
        return place

    def head(self) -> tuple[bytes, ...]:
        """Return what stands before the tiles: header, directory, metadata."""
        bounds = [round(side * _E7) for side in vintage_bounds(self.vintage)]
        header: dict[str, Any] = {
            "tile_compression": Compression.GZIP,
            "tile_type": TileType.MVT,
            **dict(zip(("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7"), bounds, strict=True)),
            "center_zoom": 3,
        }
        details = vintage_metadata(self.vintage)
        metadata = {
            "name": details["title"],
            "description": f"{details['title']}. {details.get('licence', '')}".strip(),
            "attribution": details.get("attribution_en", ""),
            "type": "overlay",
            "vector_layers": vector_layers(last_zoom(self.vintage)),
            "about": details,
        }
        parts: tuple[bytes, ...] = finalize_header(  # type: ignore[no-untyped-call]
            header, self.addressed, self.entries, len(self.places), metadata, True, self.offset
        )
        return parts
