"""Coverage quality: area and width of overlaps and gaps between the regions of a layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

# A hole in the union of all regions narrower than this is a gap between neighbours; a wider one is a lake.
GAP_WIDTH_M = 250
# Share of the layer's area. Edge-matched vintages reach a sixth of it at most (health regions of 2015, overlaps along province
# borders); a vintage simplified region by region reaches ten times it.
FIT_LIMIT_SHARE = 1e-5
_LISTED = 20
# Units of EPSG:3347: smallest width that is measured, and precision of the measurement.
_MIN_WIDTH = 1.0


_Geometries = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Fit:
    """Overlaps and gaps of a layer. Areas in km2 of EPSG:3347: they are compared with limits, not published.

    Attributes:
        valid: True for a coverage without overlaps whose shared edges are the same vertex by vertex.
        area_km2: of all regions. overlap_km2: area that is counted more than once. gap_km2: of gaps between neighbours.
        pairs: `code and code overlap by … km2`, the largest first; empty where the coverage is valid.
        gaps: `a gap of … km2 between code and code`, the largest first.
        widths: by code, for each region with an overlap or a gap: the diameter of the largest circle within its overlaps and
            gaps, in units of EPSG:3347. A gap wider than every overlap of the layer is water and does not count: lines with
            such an error would overlap as widely. None in reports of releases that did not measure it.
    """

    valid: bool
    area_km2: float
    overlap_km2: float
    gap_km2: float
    pairs: tuple[str, ...]
    gaps: tuple[str, ...]
    widths: Mapping[str, float] | None = None

    @property
    def limit_km2(self) -> float:
        """Limit for the area of overlaps, and for the area of gaps, of a usable layer."""
        return self.area_km2 * FIT_LIMIT_SHARE

    @property
    def within_limit(self) -> bool:
        """Return whether overlaps and gaps are both within the limit."""
        return max(self.overlap_km2, self.gap_km2) <= self.limit_km2


def measure_fit(geometries: _Geometries, codes: Sequence[str]) -> Fit:
    """Measure overlaps and gaps of regions (valid polygons, EPSG:3347, in the order of their codes)."""
    valid = bool(shapely.coverage_is_valid(geometries))
    area = float(shapely.area(geometries).sum())
    union = shapely.coverage_union_all(geometries) if valid else shapely.union_all(geometries)
    overlap = 0.0 if valid else max(area - float(shapely.area(union)), 0.0)
    narrow = narrow_gaps(union, GAP_WIDTH_M)
    gap = float(shapely.area(narrow).sum()) if len(narrow) else 0.0
    tree = shapely.STRtree(geometries)
    gaps = _named_gaps(narrow, tree, codes)
    if valid:
        return Fit(valid, area / 1e6, overlap / 1e6, gap / 1e6, (), gaps, {})
    overlaps = _overlaps(geometries, tree)
    widths = _widths(overlaps, narrow, tree, codes)
    return Fit(valid, area / 1e6, overlap / 1e6, gap / 1e6, _named_pairs(overlaps, codes), gaps, widths)


def narrow_gaps(union: shapely.Geometry, width: float) -> _Geometries:
    """Return the holes in the union of all regions with a mean width below `width`."""
    holes = np.array([shapely.polygons(ring) for part in shapely.get_parts(union) for ring in part.interiors], dtype=object)
    # The length of a long thin hole is half its perimeter.
    return holes[2 * shapely.area(holes) < width * shapely.length(holes)] if len(holes) else holes


class _Overlaps(NamedTuple):
    """Intersections of pairs of regions: indices of both regions, and the shapes."""

    left: npt.NDArray[np.intp]
    right: npt.NDArray[np.intp]
    shapes: _Geometries


def _named_gaps(holes: _Geometries, tree: shapely.STRtree, codes: Sequence[str]) -> tuple[str, ...]:
    if not len(holes):
        return ()
    areas = shapely.area(holes)
    largest = np.argsort(-areas)[:_LISTED]
    lines = []
    for hole in largest:
        neighbours = sorted(codes[region] for region in tree.query(holes[hole], predicate="intersects"))
        lines.append(f"a gap of {areas[hole] / 1e6:.6g} km2 between {' and '.join(neighbours[:4])}")
    return tuple(lines)


def _overlaps(geometries: _Geometries, tree: shapely.STRtree) -> _Overlaps:
    left, right = tree.query(geometries)
    left, right = left[left < right], right[left < right]
    return _Overlaps(left, right, shapely.intersection(geometries[left], geometries[right]))


def _named_pairs(overlaps: _Overlaps, codes: Sequence[str]) -> tuple[str, ...]:
    left, right, shapes = overlaps
    areas = shapely.area(shapes) / 1e6
    order = [int(index) for index in np.argsort(-areas)[:_LISTED] if areas[index] > 1e-6]
    return tuple(f"{codes[left[pair]]} and {codes[right[pair]]} overlap by {areas[pair]:.6g} km2" for pair in order)


def _widths(overlaps: _Overlaps, holes: _Geometries, tree: shapely.STRtree, codes: Sequence[str]) -> dict[str, float]:
    """Return `Fit.widths`."""
    shapes, pair_of = shapely.get_parts(overlaps.shapes, return_index=True)
    pair_widths = width(shapes)
    widths: dict[str, float] = {}

    def widen(regions: npt.NDArray[np.intp], metres: float) -> None:
        for region in regions.tolist():
            widths[codes[region]] = max(widths.get(codes[region], 0.0), metres)

    for pair, metres in zip(pair_of.tolist(), pair_widths.tolist(), strict=True):
        if metres:
            widen(np.array([overlaps.left[pair], overlaps.right[pair]]), metres)
    widest = max(widths.values(), default=0.0)
    hole_widths = width(holes)
    for hole in np.flatnonzero((hole_widths > 0) & (hole_widths <= widest)).tolist():
        widen(tree.query(holes[hole], predicate="intersects"), float(hole_widths[hole]))
    return {code: round(metres, 1) for code, metres in sorted(widths.items())}


def width(shapes: _Geometries) -> npt.NDArray[np.float64]:
    """Return the diameter of the largest circle within each polygon, in its units; 0 if it is under `_MIN_WIDTH`.

    0 for a geometry that is not a polygon, too.
    """
    diameters = np.zeros(len(shapes))
    # Erosion by the radius of a circle leaves the centres of all circles that fit. GEOS takes a quarter of a second to search a
    # thin sliver for circles, so slivers, most of the shapes, are not searched.
    polygons = np.flatnonzero(shapely.get_dimensions(shapes) == 2)
    wide = polygons[~shapely.is_empty(shapely.buffer(shapes[polygons], -_MIN_WIDTH / 2))]
    if len(wide):
        diameters[wide] = 2 * shapely.length(shapely.maximum_inscribed_circle(shapes[wide], tolerance=_MIN_WIDTH))
    return diameters
