"""First pass over a layer: its rows, counted by reading them, the geometries that they have, and where those lie."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from django.contrib.gis.gdal.layer import Layer as OgrLayer

from loader.errors import FileRefused
from loader.source import ogr

_SHOWN_ROWS = 5


@dataclass(slots=True)
class Survey:
    """What stands in a layer.

    Attributes:
        rows: how many rows it has.
        extent: west, south, east, north of all finite coordinates, None where there is none.
        boxes: of each row with a finite geometry: its number, west, south, east, north; in the file's coordinates.
        polygons: rows with a polygon, however it is spelled (arcs, collections).
        others: rows with no polygon, by type, with the first of each.
        curved: rows whose geometry may hold arcs.
    """

    rows: int = 0
    extent: tuple[float, float, float, float] | None = None
    boxes: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 5)))
    polygons: int = 0
    others: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)
    curved: int = 0


def survey(layer: OgrLayer) -> Survey:
    """Read a layer once, without its fields. Raises: GDALException for a row that cannot be read."""
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
    """Raise FileRefused for a layer without rows, without polygons, or with rows of another kind among them."""
    if result.rows == 0:
        raise FileRefused(f"{name} holds no rows.")
    if not result.polygons and not result.others:
        raise FileRefused(f"{name} holds rows, but not one geometry.")
    if not result.others:
        return
    kinds = ", ".join(f"{kind} (first in row {result.first[kind]})" for kind, _ in result.others.most_common(_SHOWN_ROWS))
    if not result.polygons:
        raise FileRefused(f"{name} holds {kinds.split(' (')[0]} geometries; boundaries are polygons.")
    raise FileRefused(
        f"{name}: {sum(result.others.values()):,} of {result.rows:,} rows are no polygons: {kinds}. "
        "Take them out: ogr2ogr -where \"OGR_GEOMETRY LIKE '%POLYGON'\" regions.gpkg FILE."
    )
