"""Picture of a region as a file: PNG for the previews of links in chats and social networks, SVG for reports.

For PNG, polygons are filled by the even-odd rule on a grid of pixels, with numpy: no graphics library is installed.
"""

import struct
import zlib
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import shapely

from api.responses.region_picture import path_data, rings_of

if TYPE_CHECKING:
    from api.responses.region_picture import Scene

# The size that Open Graph clients recommend.
WIDTH, HEIGHT = 1200, 630
# Samples per pixel and axis: their mean smooths the edges.
_SAMPLES = 2
_LINE_PX = 1.5
# Light colours of app/web/assets/page.css, by the class of the SVG: fill (None for none) and line.
_WATER = (0xCB, 0xDD, 0xE5)
_INK = (0x12, 0x26, 0x2F)
_PAPER = (0xFF, 0xFF, 0xFF)
_Colour = tuple[int, int, int]
COLOURS: dict[str, tuple[_Colour | None, _Colour]] = {
    "beside": ((0xEB, 0xEB, 0xE1), (0x93, 0xA9, 0xB2)),
    "this": ((0x3D, 0x94, 0xB3), _INK),
    "outline": (None, _INK),
    "cat-1": ((0x2F, 0x86, 0xA8), _PAPER),
    "cat-2": ((0xE0, 0x91, 0x2F), _PAPER),
    "cat-3": ((0x6A, 0x9F, 0x4B), _PAPER),
    "cat-4": ((0x9A, 0x6F, 0xB8), _PAPER),
    "cat-5": ((0xC9, 0x5F, 0x6B), _PAPER),
    "cat-6": ((0x8A, 0x8F, 0x3C), _PAPER),
    "cat-7": ((0x8B, 0x97, 0xA0), _PAPER),
}


def png(scene: "Scene") -> bytes:
    """Return a scene of WIDTH by HEIGHT pixels as a PNG file."""
    canvas = np.empty((HEIGHT * _SAMPLES, WIDTH * _SAMPLES, 3), dtype=np.uint8)
    canvas[:] = _WATER
    for css_class, geometry in scene.layers:
        fill, line = COLOURS[css_class]
        scaled = shapely.transform(geometry, lambda xy: xy * _SAMPLES)
        if fill is not None:
            canvas[_inside(scaled)] = fill
        rings = shapely.multilinestrings(rings_of(scaled))
        canvas[_inside(shapely.buffer(rings, _LINE_PX * _SAMPLES / 2, quad_segs=2))] = line
    samples = canvas.reshape(HEIGHT, _SAMPLES, WIDTH, _SAMPLES, 3)
    sums = sum(samples[:, y, :, x].astype(np.uint16) for y in range(_SAMPLES) for x in range(_SAMPLES))
    return _encode(np.asarray(sums // _SAMPLES**2, dtype=np.uint8))


def svg(scene: "Scene", title: str) -> bytes:
    """Return a scene of WIDTH by HEIGHT pixels as an SVG file, with a title for screen readers."""
    shapes = "".join(
        f'<path d="{path_data(geometry)}" fill="{_hexadecimal(fill)}" stroke="{_hexadecimal(line)}"/>'
        for css_class, geometry in scene.layers
        for fill, line in (COLOURS[css_class],)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">'
        f'<title>{escape(title)}</title><rect width="{WIDTH}" height="{HEIGHT}" fill="{_hexadecimal(_WATER)}"/>'
        f'<g fill-rule="evenodd" stroke-width="{_LINE_PX}" stroke-linejoin="round">{shapes}</g></svg>\n'
    ).encode()


def _hexadecimal(colour: _Colour | None) -> str:
    return "none" if colour is None else "#{:02x}{:02x}{:02x}".format(*colour)


def _inside(geometry: shapely.Geometry) -> npt.NDArray[np.bool_]:
    """Return the samples whose centre is inside a geometry: an odd number of its edges is to the left of them."""
    width, height = WIDTH * _SAMPLES, HEIGHT * _SAMPLES
    edges = np.zeros((height, width + 1), dtype=np.uint8)
    for ring in rings_of(geometry):
        points = shapely.get_coordinates(ring)
        low, high = points[:-1], points[1:]
        upwards = low[:, 1] > high[:, 1]
        low, high = np.where(upwards[:, None], high, low), np.where(upwards[:, None], low, high)
        # Rows whose centre is between the ends of an edge, the upper end included.
        first = np.clip(np.ceil(low[:, 1] - 0.5), 0, height).astype(int)
        last = np.clip(np.ceil(high[:, 1] - 0.5), 0, height).astype(int)
        edge = np.repeat(np.arange(len(low)), last - first)
        row = np.arange(len(edge)) - np.repeat(np.cumsum(last - first) - (last - first), last - first) + first[edge]
        slope = (high[edge, 0] - low[edge, 0]) / (high[edge, 1] - low[edge, 1])
        x = low[edge, 0] + (row + 0.5 - low[edge, 1]) * slope
        np.add.at(edges, (row, np.clip(np.ceil(x - 0.5), 0, width).astype(int)), 1)
    return np.bitwise_xor.accumulate(edges & 1, axis=1)[:, :width].astype(bool)


def _encode(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return red, green and blue pixels as a PNG file (ISO/IEC 15948), without a filter."""
    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), dtype=np.uint8), pixels.reshape(height, width * 3)], axis=1)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows.tobytes(), 6)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
