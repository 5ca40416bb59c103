"""Offline pack: the regions of a vintage in one small file, for lookups on a phone or in a browser (`web/assets/js/pack.js`).

Layout, little-endian:

    7 bytes     b"GEOPACK"
    1 byte      format version; a reader refuses any other
    rest        one gzip member, whose CRC-32 detects damage:
                    uint32      length of the header in bytes
                    header      JSON, UTF-8: `metadata`, and `regions` in the order of the outlines
                    outlines    for each region: number of rings, then for each ring the number of vertices and the vertices

Numbers of outlines are LEB128 varints. A vertex is x, y in EPSG:3347 in units of the region's `step_m`, as differences from the
previous vertex of the region (from 0, 0 for the first), each zigzag-encoded. The last vertex of a ring is not repeated. A point
is inside a region if a ray from it crosses the region's rings an odd number of times.

Outlines are simplified and rounded, and `deviation_m` says by how much: a point farther than that from the outline of a region
is inside the outline if and only if it is inside the region as published. Simplification (Douglas-Peucker) replaces a part of a
ring with a chord that no vertex of the part is farther from than the tolerance; rounding moves vertices by half a step in x and
in y. Each point of the published ring can slide to the outline along a straight line, within tolerance plus rounding of the
outline. Therefore the ring never passes over a point farther away, and the number of times it winds around that point stays the
same. This holds for each region alone: neither shared borders nor the validity of the outline are needed.
"""

import json
import math
import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

MAGIC = b"GEOPACK"
FORMAT_VERSION = 1

# Steps of an outline, in metres of EPSG:3347: the first step that leaves few enough vertices, otherwise the last. A finer step
# would have no benefit: WGS 84 and NAD83 differ by 2 m. Long detailed coasts get coarser steps, so that the file stays small.
_STEPS_M = (2, 4, 8, 16, 32)
_VERTICES_MOST = 8_000
# The distance by which rounding to whole steps moves a vertex, in steps.
_ROUNDING_STEPS = math.sqrt(0.5)
# Margin for rounding errors of the arithmetic, which are far smaller.
_ARITHMETIC_M = 0.001


class PackRegion(NamedTuple):
    """A region of a pack.

    Attributes:
        pruid: province, Statistics Canada code; None for a region in several provinces.
        misfit_m: distance by which its border may be off in its vintage, metres on the ground; 0 where none was measured.
        wkb: valid Polygon or MultiPolygon as published, EPSG:3347 (x, y in metres).
    """

    code: str
    name_en: str
    name_fr: str
    pruid: str | None
    misfit_m: float
    wkb: bytes | memoryview


def write_pack(path: Path, regions: Iterable[PackRegion], metadata: Mapping[str, Any]) -> None:
    """Write a pack. The same arguments give the same bytes.

    Args:
        regions: ordered by code. Memory holds one of them, and the outlines of all.
        metadata: of the vintage, for the header: title, licence, attribution, checksum of the source …

    Raises: OSError; shapely.GEOSException for bytes that are no geometry; ValueError for a geometry without polygons.
    """
    entries: list[dict[str, Any]] = []
    outlines: list[bytes] = []
    for region in regions:
        shape = shapely.from_wkb(bytes(region.wkb))
        rings = shapely.get_rings(shapely.get_parts(shape))
        if not len(rings):
            raise ValueError(f"region {region.code} has no polygon")
        step, vertices, ring_of = outline(rings)
        outlines.append(_encoded(vertices, ring_of))
        entries.append(
            {
                "code": region.code,
                "name_en": region.name_en,
                "name_fr": region.name_fr,
                "pruid": region.pruid,
                "misfit_m": math.ceil(region.misfit_m * 10) / 10,
                "step_m": step,
                "deviation_m": deviation_m(step),
            }
        )
    header = {"crs": "EPSG:3347", "metadata": dict(metadata), "regions": entries}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    body = struct.pack("<I", len(text)) + text + b"".join(outlines)
    # No file name and no time: the same content gives the same bytes.
    compressor = zlib.compressobj(level=9, wbits=16 + zlib.MAX_WBITS)
    path.write_bytes(MAGIC + bytes([FORMAT_VERSION]) + compressor.compress(body) + compressor.flush())


def deviation_m(step: int) -> float:
    """Return the distance from the outline beyond which it is exact, metres of EPSG:3347, rounded up to millimetres."""
    return math.ceil((step * (1 + _ROUNDING_STEPS) + _ARITHMETIC_M) * 1_000) / 1_000


def outline(rings: npt.NDArray[np.object_]) -> tuple[int, npt.NDArray[np.int64], npt.NDArray[np.intp]]:
    """Return the rings of a region, simplified and rounded: the step, the vertices in steps, and for each its ring's number."""
    xy, ring_of = shapely.get_coordinates(rings, return_index=True)
    # As lines, whose ends are kept: between two vertices that are kept, the tolerance holds.
    lines = shapely.linestrings(xy, indices=ring_of)
    for step in _STEPS_M:
        simplified = shapely.simplify(lines, step, preserve_topology=False)
        if shapely.get_num_coordinates(simplified).sum() <= _VERTICES_MOST:
            break
    xy, ring_of = shapely.get_coordinates(simplified, return_index=True)
    vertices = np.round(xy / step).astype(np.int64)
    # Not needed: a vertex equal to the one before it, and the last of a ring, which repeats the first.
    first = np.diff(ring_of, prepend=-1) > 0
    last = np.roll(first, -1)
    moves = np.r_[True, (np.diff(vertices, axis=0) != 0).any(axis=1)]
    needed = first | (moves & ~last)
    return step, vertices[needed], ring_of[needed]


def _encoded(vertices: npt.NDArray[np.int64], ring_of: npt.NDArray[np.intp]) -> bytes:
    differences = np.diff(vertices, axis=0, prepend=0)
    numbers = ((differences << 1) ^ (differences >> 63)).ravel()
    first = np.flatnonzero(np.diff(ring_of, prepend=-1))
    counts = np.diff(np.r_[first, len(ring_of)])
    return _varints(np.r_[len(first), np.insert(numbers, 2 * first, counts)])


def _varints(numbers: npt.NDArray[np.int64]) -> bytes:
    """Return non-negative numbers in LEB128: seven bits a byte, the lowest first, the top bit set on all but the last."""
    sizes = np.ones(len(numbers), dtype=np.intp)
    for bits in range(7, 63, 7):
        sizes += (numbers >> bits) > 0
    ends = np.cumsum(sizes)
    encoded = np.zeros(int(ends[-1]), dtype=np.uint8)
    for byte in range(int(sizes.max())):
        longer = np.flatnonzero(sizes > byte)
        more = np.where(sizes[longer] > byte + 1, 0x80, 0)
        encoded[(ends - sizes)[longer] + byte] = (numbers[longer] >> (7 * byte)) & 0x7F | more
    return encoded.tobytes()
