"""Picture of a region among its neighbours, as the paths of an SVG in EPSG:3347."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import shapely

from geography.projection import to_lambert
from geography.queries.geometry_stream import StreamedGeometry

WIDTH, HEIGHT = 640, 400
# Space around the region, as a part of the picture.
_MARGIN = 0.07
# Lines are simplified to this many pixels.
_TOLERANCE_PX = 0.35
# Size of a region in degrees from which a coarser level has as many details as the picture can show.
_LEVELS = ((3.0, "low"), (0.3, "medium"))
_FINEST = "high"


class Shape(NamedTuple):
    """A geometry of the picture: GeoJSON text, and the CSS class that it is drawn with. Others than text are not drawn."""

    css_class: str
    geojson: str | StreamedGeometry | None


@dataclass(frozen=True, slots=True)
class Picture:
    """The paths of an SVG with the view box `0 0 WIDTH HEIGHT`, in drawing order, and its scale bar.

    Attributes:
        paths: pairs of CSS class and path data.
        bar: path data of the scale bar, at the lower left.
        bar_km: its length on the ground.
    """

    paths: Sequence[tuple[str, str]]
    bar: str
    bar_km: float
    width: int = WIDTH
    height: int = HEIGHT


def picture_level(extent: Sequence[float]) -> str:
    """Return the level of detail for a picture of a region: `low`, `medium` or `high`.

    Args:
        extent: west, south, east, north, degrees.
    """
    west, south, east, north = extent
    size = max((east - west) * math.cos(math.radians((south + north) / 2)), north - south)
    return next((level for least, level in _LEVELS if size >= least), _FINEST)


def draw(region: Shape, *, beneath: Iterable[Shape]) -> Picture | None:
    """Return the picture of a region, scaled to fit; None where its geometry is too long to be in memory.

    Args:
        beneath: further shapes, drawn before the region, cut at the edges of the picture.
    """
    geometry = _projected(region)
    if geometry is None or geometry.is_empty:
        return None
    west, south, east, north = geometry.bounds
    inner = 1 - 2 * _MARGIN
    metres_per_px = max((east - west) / (WIDTH * inner), (north - south) / (HEIGHT * inner), 1.0)
    left = (west + east) / 2 - metres_per_px * WIDTH / 2
    top = (south + north) / 2 + metres_per_px * HEIGHT / 2
    paths = []
    for shape in (*beneath, region):
        drawn = geometry if shape is region else _projected(shape)
        if drawn is None:
            continue
        pixels = shapely.transform(drawn, lambda xy: (xy - (left, top)) / (metres_per_px, -metres_per_px))
        cut = shapely.clip_by_rect(shapely.make_valid(pixels), -5, -5, WIDTH + 5, HEIGHT + 5)
        if path := _path(shapely.simplify(cut, _TOLERANCE_PX)):
            paths.append((shape.css_class, path))
    bar_km = _round_length(metres_per_px * WIDTH / 5 / 1000)
    bar = f"M12 {HEIGHT - 16}v6h{bar_km * 1000 / metres_per_px:.1f}v-6"
    return Picture(paths, bar, bar_km)


def _projected(shape: Shape) -> shapely.Geometry | None:
    if not isinstance(shape.geojson, str):
        return None
    return shapely.transform(shapely.from_geojson(shape.geojson), lambda lonlat: np.column_stack(to_lambert(*lonlat.T)))


def _path(geometry: shapely.Geometry) -> str:
    """Return the path data of all rings, in pixels with one decimal."""
    parts = []
    for polygon in shapely.get_parts(geometry):
        if polygon.geom_type != "Polygon" or polygon.is_empty:
            continue
        for ring in (polygon.exterior, *polygon.interiors):
            points = np.round(shapely.get_coordinates(ring)[:-1], 1)
            parts.append("M" + "L".join(f"{x:g} {y:g}" for x, y in points) + "Z")
    return "".join(parts)


def _round_length(kilometres: float) -> float:
    """Return the largest of 1, 2 and 5 times a power of ten that is at most a length."""
    power = 10.0 ** math.floor(math.log10(kilometres))
    return next(factor * power for factor in (5, 2, 1) if factor * power <= kilometres)
