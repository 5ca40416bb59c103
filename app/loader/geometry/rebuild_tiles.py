"""Rebuild of the tile pieces and labels of a vintage from its stored levels."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import shapely
from django.db import connection, transaction

from geography.constants import LEVELS, SRID_STATCAN_LAMBERT
from geography.models import TileLabel, TilePiece, Vintage
from loader.geometry.levels import build_coarse_levels, cut_full, cut_level
from loader.geometry.tiles import store_labels

_LAMBERT_SQL = f"""
    SELECT ST_AsBinary(ST_Transform(geom, {SRID_STATCAN_LAMBERT})) FROM region_level WHERE region_id = %s AND level = %s
"""
# Coarsest first. `full` is cut last, with the planner statistics.
_LEVELS = [level.name for level in LEVELS if level.tolerance_m]


def rebuild_tiles(vintage: Vintage, on_drawing: Callable[[], None]) -> None:
    """Replace the tile pieces and labels of a vintage by new ones from its stored levels, in one transaction.

    Tiles are those that a load makes, except at the zooms below the coarsest level: these are simplified from the stored level,
    whose coordinates are rounded.

    Args:
        on_drawing: called once for each drawing, `levels.DRAWINGS` times.

    Queries: for each drawing 1 for each region and each few megabytes of pieces.
    """
    ids = list(vintage.regions.order_by("pk").values_list("pk", flat=True))
    with transaction.atomic():
        TilePiece.objects.filter(vintage=vintage).delete()
        TileLabel.objects.filter(vintage=vintage).delete()
        store_labels(vintage, ids, _lambert(ids, _LEVELS[-1]))
        for level in _LEVELS:
            cut_level(vintage, level, ids)
            on_drawing()
        build_coarse_levels(vintage, ids, _lambert(ids, _LEVELS[0]), on_drawing)
        cut_full(vintage, ids)
        on_drawing()


def _lambert(ids: list[int], level: str) -> npt.NDArray[np.object_]:
    """Return a level in EPSG:3347, in the order of the ids. Queries: 1 for each region."""
    geometries = []
    with connection.cursor() as cursor:
        for region in ids:
            cursor.execute(_LAMBERT_SQL, [region, level])
            geometries.append(shapely.from_wkb(bytes(cursor.fetchone()[0])))
    return np.array(geometries, dtype=object)
