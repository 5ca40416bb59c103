"""Coverage quality: overlaps and gaps between the regions of a layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

# A hole in the union of all regions that is narrower than this is a gap between neighbours; a wider one is a lake.
GAP_WIDTH_M = 250
# Of the layer's area. Editions that were edge-matched reach a sixth of this at most (health regions of 2015, overlaps along
# province borders); one that was simplified region by region is ten times above it.
FIT_LIMIT_SHARE = 1e-5
_MOST_PAIRS = 20
# Units: what is narrower is not measured, and how exactly the rest is.
_NARROWEST = 1.0


_Geometries = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Fit:
    """Areas in km2, in the projection: these are compared with limits, not published.

    Attributes:
        valid: True for a coverage without overlaps whose shared edges are the same vertex by vertex.
        area_km2: of all regions. overlap_km2: counted once more than it should be. gap_km2: in gaps between neighbours.
        pairs: `code and code overlap by … km2`, the largest first; looked for only where regions overlap.
        gaps: `a gap of … km2 between code and code`, the largest first.
        widths: by code, for each region that overlaps another or leaves a gap to it: the diameter of the largest circle within
            those overlaps and gaps, units of EPSG:3347. A gap that is wider than every overlap of the layer is water and does
            not count: lines that are off by so much would overlap as widely. None in a report from before it was measured.
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
        """How much may overlap, and how much may lie in gaps, of a layer that is fit for use."""
        return self.area_km2 * FIT_LIMIT_SHARE

    @property
    def within_limit(self) -> bool:
        """Say whether neither is more."""
        return max(self.overlap_km2, self.gap_km2) <= self.limit_km2


def measure_fit(geometries: _Geometries, codes: Sequence[str]) -> Fit:
    """Measure how regions (valid polygons, EPSG:3347, in the order of their codes) fit together."""
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
    """Return the holes in the union of all regions that are narrower than this on average."""
    holes = np.array([shapely.polygons(ring) for part in shapely.get_parts(union) for ring in part.interiors], dtype=object)
    # A long thin hole has half its perimeter for a length.
    return holes[2 * shapely.area(holes) < width * shapely.length(holes)] if len(holes) else holes


class _Overlaps(NamedTuple):
    """What each two regions share: their numbers, and the shapes."""

    left: npt.NDArray[np.intp]
    right: npt.NDArray[np.intp]
    shapes: _Geometries


def _named_gaps(holes: _Geometries, tree: shapely.STRtree, codes: Sequence[str]) -> tuple[str, ...]:
    if not len(holes):
        return ()
    areas = shapely.area(holes)
    largest = np.argsort(-areas)[:_MOST_PAIRS]
    named = []
    for item in largest:
        around = sorted(codes[index] for index in tree.query(holes[item], predicate="intersects"))
        named.append(f"a gap of {areas[item] / 1e6:.6g} km2 between {' and '.join(around[:4])}")
    return tuple(named)


def _overlaps(geometries: _Geometries, tree: shapely.STRtree) -> _Overlaps:
    left, right = tree.query(geometries)
    left, right = left[left < right], right[left < right]
    return _Overlaps(left, right, shapely.intersection(geometries[left], geometries[right]))


def _named_pairs(overlaps: _Overlaps, codes: Sequence[str]) -> tuple[str, ...]:
    left, right, shapes = overlaps
    areas = shapely.area(shapes) / 1e6
    order = [int(index) for index in np.argsort(-areas)[:_MOST_PAIRS] if areas[index] > 1e-6]
    return tuple(f"{codes[left[item]]} and {codes[right[item]]} overlap by {areas[item]:.6g} km2" for item in order)


def _widths(overlaps: _Overlaps, holes: _Geometries, tree: shapely.STRtree, codes: Sequence[str]) -> dict[str, float]:
    """Return `Fit.widths`."""
    shapes, pair_of = shapely.get_parts(overlaps.shapes, return_index=True)
    across = width(shapes)
    widths: dict[str, float] = {}

    def widen(numbers: npt.NDArray[np.intp], metres: float) -> None:
        for number in numbers.tolist():
            widths[codes[number]] = max(widths.get(codes[number], 0.0), metres)

    for pair, metres in zip(pair_of.tolist(), across.tolist(), strict=True):
        if metres:
            widen(np.array([overlaps.left[pair], overlaps.right[pair]]), metres)
    widest = max(widths.values(), default=0.0)
    between = width(holes)
    for number in np.flatnonzero((between > 0) & (between <= widest)).tolist():
        widen(tree.query(holes[number], predicate="intersects"), float(between[number]))
    return {code: round(metres, 1) for code, metres in sorted(widths.items())}


def width(shapes: _Geometries) -> npt.NDArray[np.float64]:
    """Return the diameter of the largest circle within each polygon, in its units; 0 where it is surely under `_NARROWEST`.

    0 for what is no polygon, too.
    """
    across = np.zeros(len(shapes))
    # No circle within a polygon has a larger area than the polygon.
    wide = np.flatnonzero((shapely.get_dimensions(shapes) == 2) & (2 * np.sqrt(shapely.area(shapes) / np.pi) >= _NARROWEST))
    if len(wide):
        across[wide] = 2 * shapely.length(shapely.maximum_inscribed_circle(shapes[wide], tolerance=_NARROWEST))
    return across
