"""PMTiles 3 export: all vector tiles of a vintage in one file, the same tiles as those of the service, gzipped.

In a tile that lies wholly in one region, the ring may begin at another corner than in the tile of the service.
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
# Tiles per query: single queries take three times as long.
_TILES_PER_QUERY = 50


def write_pmtiles(vintage: Vintage, path: Path) -> None:
    """Write the tiles of zooms 0 to `last_zoom`; clients overzoom the last.

    Memory holds an id for each tile with a border, and the working memory of `tile_coverage.tile_spans`.

    Raises: ValueError for a vintage without tiles, loaded by a release that did not build them.
    """
    content = path.with_name(f"{path.name}.content")
    try:
        with content.open("w+b") as data, path.open("wb") as target:
            tiles = _Tiles(vintage, data)
            for band, after in zip(TILE_BANDS, (*TILE_BANDS[1:], None), strict=True):
                last = min(after.zoom - 1, last_zoom(vintage)) if after else last_zoom(vintage)
                spans = tile_spans(vintage, band, last) if band.zoom <= last else []
                for start in range(0, len(spans), _TILES_PER_QUERY):
                    tiles.add(spans[start : start + _TILES_PER_QUERY])
            if not tiles.entries:
                raise ValueError("this vintage has no tiles yet: manage.py draw_tiles")
            for part in tiles.head():
                target.write(part)
            data.seek(0)
            shutil.copyfileobj(data, target, 1 << 20)
    finally:
        content.unlink(missing_ok=True)


def last_zoom(vintage: Vintage) -> int:
    """Return the last zoom in the file of a vintage."""
    return PMTILES_DEMO_ZOOM_MAX if vintage.demo else PMTILES_ZOOM_MAX


class _Tiles:
    """Tiles written so far, deduplicated by content."""

    def __init__(self, vintage: Vintage, data: IO[bytes]) -> None:
        self.vintage = vintage
        self.data = data
        self.entries: list[Entry] = []
        self.addressed = self.offset = 0
        # Offset and length of each content, by digest.
        self.contents: dict[bytes, tuple[int, int]] = {}
        # The same for the tile filled by a region, which is equal at every zoom.
        self.filled_tiles: dict[int, tuple[int, int]] = {}

    def add(self, spans: Sequence[Span]) -> None:
        """Add tiles of one band; ids ascend over all calls. Queries: at most 1."""
        rendered = self._render(spans)
        for span in spans:
            location = self.filled_tiles.get(span.region) if span.region is not None else None
            if location is None:
                tile = rendered[span.first]
                if not tile:
                    continue
                location = self._store(tile)
                if span.region is not None:
                    self.filled_tiles[span.region] = location
            self.addressed += span.tiles
            last = self.entries[-1] if self.entries else None
            if last is not None and (last.offset, last.tile_id + last.run_length) == (location[0], span.first):
                last.run_length += span.tiles
            else:
                self.entries.append(Entry(span.first, *location, span.tiles))

    def _render(self, spans: Sequence[Span]) -> dict[int, bytes]:
        """Return by id the tiles to render: those with a border, and the first that each region fills. Queries: at most 1."""
        first = {
            span.region: span.first
            for span in reversed(spans)
            if span.region is not None and span.region not in self.filled_tiles
        }
        numbers = [*(span.first for span in spans if span.region is None), *first.values()]
        if not numbers:
            return {}
        addresses = [TileAddress(*tileid_to_zxy(number)) for number in numbers]
        return dict(zip(numbers, tiles_draw(vintage=self.vintage, addresses=addresses), strict=True))

    def _store(self, tile: bytes) -> tuple[int, int]:
        digest = hashlib.blake2b(tile, digest_size=16).digest()
        location = self.contents.get(digest)
        if location is None:
            # No timestamp, so that the same vintage gives the same bytes.
            packed = gzip.compress(tile, 9, mtime=0)
            self.data.write(packed)
            location = self.contents[digest] = (self.offset, len(packed))
            self.offset += len(packed)
        return location

    def head(self) -> tuple[bytes, ...]:
        """Return the bytes before the tiles: header, directory, metadata."""
        bounds = [round(side * _E7) for side in vintage_bounds(self.vintage)]
        header: dict[str, Any] = {
            "tile_compression": Compression.GZIP,
            "tile_type": TileType.MVT,
            **dict(zip(("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7"), bounds, strict=True)),
            "center_zoom": 3,
        }
        description = vintage_metadata(self.vintage)
        metadata = {
            "name": description["title"],
            "description": f"{description['title']}. {description.get('licence', '')}".strip(),
            "attribution": description.get("attribution_en", ""),
            "type": "overlay",
            "vector_layers": vector_layers(last_zoom(self.vintage)),
            "about": description,
        }
        parts: tuple[bytes, ...] = finalize_header(  # type: ignore[no-untyped-call]
            header, self.addressed, self.entries, len(self.contents), metadata, True, self.offset
        )
        return parts
