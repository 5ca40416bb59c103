"""Picture of a region among its neighbours in EPSG:3347: fitted geometries in pixels, and the paths of an SVG."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import shapely

from covidtrends_geo.projection import to_lambert
from geography.queries.geometry_stream import StreamedGeometry

WIDTH, HEIGHT = 640, 400
# Space around the region, as a part of the picture.
_MARGIN = 0.07
# Shapes are clipped this far outside the picture, so that the cut edge is not visible.
_EDGE_PX = 8
# Lines are simplified to this many pixels.
_TOLERANCE_PX = 0.35
# Size of a region in degrees from which a coarser level has as many details as the picture can show.
_LEVELS = ((3.0, "low"), (0.3, "medium"))
_FINEST = "high"


class Shape(NamedTuple):
    """A geometry of the picture: GeoJSON text and its CSS class. A geometry that is not text is not drawn."""

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


class Scene(NamedTuple):
    """Geometries in pixels with y downwards, by CSS class in drawing order, and the metres of a pixel."""

    layers: Sequence[tuple[str, shapely.Geometry]]
    metres_per_px: float


def fit(region: Shape, beneath: Iterable[Shape], *, width: int, height: int) -> Scene | None:
    """Return a region scaled to fit a picture; None where its geometry is too long to be in memory.

    Args:
        beneath: further shapes, drawn before the region, cut at the edges of the picture.
        width, height: of the picture, pixels.
    """
    geometry = _projected(region)
    if geometry is None or geometry.is_empty:
        return None
    west, south, east, north = geometry.bounds
    inner = 1 - 2 * _MARGIN
    metres_per_px = max((east - west) / (width * inner), (north - south) / (height * inner), 1.0)
    left = (west + east) / 2 - metres_per_px * width / 2
    top = (south + north) / 2 + metres_per_px * height / 2
    layers = []
    for shape in (*beneath, region):
        drawn = geometry if shape is region else _projected(shape)
        if drawn is None:
            continue
        pixels = shapely.transform(drawn, lambda xy: (xy - (left, top)) / (metres_per_px, -metres_per_px))
        cut = shapely.clip_by_rect(shapely.make_valid(pixels), -_EDGE_PX, -_EDGE_PX, width + _EDGE_PX, height + _EDGE_PX)
        layers.append((shape.css_class, shapely.simplify(cut, _TOLERANCE_PX)))
    return Scene(layers, metres_per_px)


def draw(scene: Scene) -> Picture:
    """Return a scene of WIDTH by HEIGHT pixels as the paths of an SVG."""
    paths = [(css_class, path) for css_class, geometry in scene.layers if (path := path_data(geometry))]
    bar_km = _round_length(scene.metres_per_px * WIDTH / 5 / 1000)
    bar = f"M12 {HEIGHT - 16}v6h{bar_km * 1000 / scene.metres_per_px:.1f}v-6"
    return Picture(paths, bar, bar_km)


def _projected(shape: Shape) -> shapely.Geometry | None:
    if not isinstance(shape.geojson, str):
        return None
    return shapely.transform(shapely.from_geojson(shape.geojson), lambda lonlat: np.column_stack(to_lambert(*lonlat.T)))


def path_data(geometry: shapely.Geometry) -> str:
    """Return the path data of all rings, in pixels with one decimal."""
    rings = (np.round(shapely.get_coordinates(ring)[:-1], 1) for ring in rings_of(geometry))
    return "".join("M" + "L".join(f"{x:g} {y:g}" for x, y in ring) + "Z" for ring in rings)


def rings_of(geometry: shapely.Geometry) -> list[shapely.LinearRing]:
    """Return the rings of all polygons of a geometry."""
    polygons = [part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon" and not part.is_empty]
    return list(shapely.get_rings(polygons))


def _round_length(kilometres: float) -> float:
    """Return the largest of 1, 2 and 5 times a power of ten that is at most a length."""
    power = 10.0 ** math.floor(math.log10(kilometres))
    return next(factor * power for factor in (5, 2, 1) if factor * power <= kilometres)
