"""First pass over a layer: number of rows, geometry types, and bounding boxes."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from django.contrib.gis.gdal.layer import Layer as OgrLayer

from loader.errors import FileRefused
from loader.source import ogr

_SHOWN_TYPES = 5


@dataclass(slots=True)
class Survey:
    """Counts, geometry types and extents of a layer.

    Attributes:
        rows: number of rows, counted by reading them.
        extent: west, south, east, north of all finite coordinates, None without any.
        boxes: row number, west, south, east, north of each row with a finite geometry, in the file's CRS.
        polygons: number of rows with a polygon, a curve polygon or a collection with one.
        others: number of rows without a polygon, by type. first: number of the first such row, by type.
        curved: number of rows whose geometry may hold arcs.
    """

    rows: int = 0
    extent: tuple[float, float, float, float] | None = None
    boxes: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 5)))
    polygons: int = 0
    others: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)
    curved: int = 0


def survey(layer: OgrLayer) -> Survey:
    """Read the geometries of a layer once. Raises: GDALException for a row that cannot be read."""
    result = Survey()
    boxes: list[tuple[float, ...]] = []
    for row, feature in enumerate(ogr.features(layer), start=1):
        result.rows = row
        handle = ogr.geometry(feature)
        if not handle:
            continue
        kinds = ogr.kinds(handle)
        if kinds & ogr.SURFACES:
            result.polygons += 1
            result.curved += ogr.has_curves(handle)
        elif kinds:
            kind = ogr.NAMES.get(min(kinds), "unknown")
            result.others[kind] += 1
            result.first.setdefault(kind, row)
        box = ogr.bounds(handle)
        if box is not None and np.isfinite(box).all():
            boxes.append((row, *box))
    if boxes:
        result.boxes = np.array(boxes)
        low, high = result.boxes[:, 1:3].min(axis=0), result.boxes[:, 3:5].max(axis=0)
        result.extent = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    return result


def refuse_other_geometries(result: Survey, name: str) -> None:
    """Raise FileRefused for a layer without rows or geometries, or with geometries that are no polygons."""
    if result.rows == 0:
        raise FileRefused(f"{name} holds no rows. Load a file with boundaries.")
    if not result.polygons and not result.others:
        raise FileRefused(f"{name} holds rows without geometry only. Load a file with boundaries.")
    if not result.others:
        return
    kinds = ", ".join(f"{kind} (first in row {result.first[kind]})" for kind, _ in result.others.most_common(_SHOWN_TYPES))
    if not result.polygons:
        raise FileRefused(f"{name} holds {kinds.split(' (')[0]} geometries; boundaries are polygons. Load a layer of polygons.")
    raise FileRefused(
        f"{name}: {sum(result.others.values()):,} of {result.rows:,} rows are no polygons: {kinds}. "
        "Remove them: ogr2ogr -where \"OGR_GEOMETRY LIKE '%POLYGON'\" regions.gpkg FILE."
    )
