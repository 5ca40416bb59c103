"""Registry of the in-memory indexes of a process, bounded by LOOKUP_MEMORY_VERTICES.

A vintage is loaded in the background the first time it is needed. Until then, and where it is too large, `postgis` answers.
Vintages that are no longer published are evicted.
"""

import gc
import logging
import threading
import time
from collections.abc import Iterable, Sequence
from uuid import UUID

import numpy as np
import shapely
from django.conf import settings
from django.db import Error, connections, transaction

from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS
from geography.db.routing import connection, current_alias, use_database
from geography.errors import GeographyError
from geography.lookup.memory import MemoryLocator
from geography.lookup.postgis import PostgisLocator
from geography.lookup.types import Locator, RegionRef
from geography.models import Vintage
from geography.vintages import catalogue
from geography.vintages.resolve import vintage_in_force

logger = logging.getLogger(__name__)

_ROWS_AT_ONCE = 2_000
# After a failure, and for a vintage that is too large, not to be tried again at every request.
_RETRY_S = 30.0

# Holds the rows' table until the transaction ends, so that no restore puts another load's regions in between.
_SAME_SQL = "SELECT EXISTS (SELECT FROM vintage WHERE id = %s AND load_id = %s)"
_SIZE_SQL = "SELECT coalesce(sum(ST_NPoints(geom)), 0) FROM region_part WHERE vintage_id = %s"
_REGIONS_SQL = (
    "SELECT id, code, dguid, name_en, name_fr, pruid, coalesce(misfit_m, 0) FROM region WHERE vintage_id = %s ORDER BY code"
)
_PIECES_SQL = "SELECT region_id, ST_AsBinary(geom) FROM region_part WHERE vintage_id = %s ORDER BY id"


class RowsReplaced(Error):
    """The rows with a vintage's primary key are of another load by now: the database was restored."""


class _Registry:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        # By the load: a primary key comes again after a restore, with other boundaries.
        self.layers: dict[UUID, MemoryLocator] = {}
        self.not_before: dict[UUID, float] = {}
        self.loading: set[UUID] = set()


_registry = _Registry()


def locator_for(vintage: Vintage, *, border: bool = False) -> Locator:
    """Return the engine of a vintage: its in-memory index where this process holds it, PostGIS otherwise.

    A vintage that is not in memory is loaded in the background.

    Args:
        border: whether the nearest other region is needed. An index without a border index cannot answer that.
    """
    return get_index(vintage, border=border) or PostgisLocator(vintage)


def get_index(vintage: Vintage, *, border: bool = False) -> MemoryLocator | None:
    """Return a published vintage as this process holds it; None where it does not (yet): then it is read in the background.

    Args:
        border: the layer must know its borders.
    """
    layer = _registry.layers.get(vintage.load_id)
    if layer is not None:
        return layer if layer.has_border_index or not border else None
    if settings.LOOKUP_MEMORY_VERTICES and _registry.not_before.get(vintage.load_id, 0.0) <= time.monotonic():
        load_async([vintage])
    return None


def load_async(vintages: Sequence[Vintage]) -> None:
    """Read vintages in a thread of its own, each of them once."""
    with _registry.lock:
        wanted = [
            vintage
            for vintage in vintages
            if vintage.load_id not in _registry.loading and vintage.load_id not in _registry.layers
        ]
        _registry.loading.update(item.load_id for item in wanted)
    if wanted:
        threading.Thread(target=_read, args=(wanted, current_alias()), name="atlas", daemon=True).start()


def preload() -> None:
    """Read what is in force today, before anybody asks. What fails is tried again when somebody does."""

    def run() -> None:
        vintages = []
        for coverage in (COVERAGE_HEALTH_REGIONS, COVERAGE_FSA):
            try:
                vintages.append(vintage_in_force(coverage=coverage))
            except (GeographyError, Error):
                continue
        connections.close_all()
        load_async(vintages)

    if settings.LOOKUP_MEMORY_VERTICES:
        threading.Thread(target=run, name="atlas-warm", daemon=True).start()


def load(vintage: Vintage) -> MemoryLocator | None:
    """Read a vintage now and hold it.

    None where it does not fit in `LOOKUP_MEMORY_VERTICES`.

    Raises: RowsReplaced. Queries: 4, the pieces in portions.
    """
    _evict_unpublished(vintage.load_id for vintage in catalogue.published().vintages)
    with transaction.atomic(using=current_alias()), connection.cursor() as cursor:
        cursor.execute(_SAME_SQL, [vintage.pk, vintage.load_id])
        if cursor.fetchone() != (True,):
            raise RowsReplaced(vintage)
        cursor.execute(_SIZE_SQL, [vintage.pk])
        if sum(layer.vertices for layer in _registry.layers.values()) + cursor.fetchone()[0] > settings.LOOKUP_MEMORY_VERTICES:
            return None
        cursor.execute(_REGIONS_SQL, [vintage.pk])
        regions = [RegionRef(*row) for row in cursor]
        ranks = {region.id: rank for rank, region in enumerate(regions)}
        owners: list[int] = []
        pieces: list[np.ndarray] = []
        with connection.chunked_cursor() as rows:
            rows.execute(_PIECES_SQL, [vintage.pk])
            while fetchmany := rows.fetchmany(_ROWS_AT_ONCE):
                owners += [ranks[region] for region, _ in fetchmany]
                pieces.append(shapely.from_wkb([bytes(wkb) for _, wkb in fetchmany]))
    layer = MemoryLocator(regions, owners, np.concatenate(pieces) if pieces else np.empty(0, dtype=object))
    if vintage.coverage.slug != COVERAGE_FSA:  # nobody asks how far the next FSA is
        layer.build_border_index()
    _registry.layers[vintage.load_id] = layer
    return layer


def clear() -> None:
    """Let everything go."""
    _registry.layers.clear()
    _registry.not_before.clear()


def _evict_unpublished(published: Iterable[UUID]) -> None:
    retained = set(published)
    for gone in set(_registry.layers) - retained:
        _registry.layers.pop(gone, None)


def _read(vintages: Sequence[Vintage], chosen: str) -> None:
    for vintage in vintages:
        try:
            with use_database(chosen):
                layer = load(vintage)
            if layer is None:
                logger.warning("%s does not fit in LOOKUP_MEMORY_VERTICES: the database answers lookups in it", vintage)
                _registry.not_before[vintage.load_id] = time.monotonic() + 20 * _RETRY_S
        except Error as error:
            logger.warning("%s could not be read into memory: %s", vintage, type(error).__qualname__)
            _registry.not_before[vintage.load_id] = time.monotonic() + _RETRY_S
        finally:
            # What is held stays: the collector need not look through it again and again.
            gc.freeze()
            with _registry.lock:
                _registry.loading.discard(vintage.load_id)
            connections.close_all()
