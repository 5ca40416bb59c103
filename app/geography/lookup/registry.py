"""Registry of the in-memory indexes of a process, bounded by LOOKUP_MEMORY_VERTICES.

A vintage is loaded in the background at the first request for it. Until then, and where it is too large, `postgis` answers.
`locator_for` is the only place that chooses between the two engines. Vintages that are no longer published are evicted.
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

_FETCH_ROWS = 2_000
# Retry interval after a failure, and for a vintage that is too large, so that not every request starts a thread.
_RETRY_S = 30.0

# The transaction holds a lock on the table until it ends, so that no restore replaces the regions in between.
_SAME_SQL = "SELECT EXISTS (SELECT FROM vintage WHERE id = %s AND load_id = %s)"
_SIZE_SQL = "SELECT coalesce(sum(ST_NPoints(geom)), 0) FROM region_part WHERE vintage_id = %s"
_REGIONS_SQL = (
    "SELECT id, code, dguid, name_en, name_fr, pruid, coalesce(misfit_m, 0) FROM region WHERE vintage_id = %s ORDER BY code"
)
_PIECES_SQL = "SELECT region_id, ST_AsBinary(geom) FROM region_part WHERE vintage_id = %s ORDER BY id"


class RowsReplaced(Error):
    """The rows with a vintage's primary key belong to another load: the database was restored."""


class _Registry:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        # By load id: after a restore the same primary key may have other boundaries.
        self.indexes: dict[UUID, MemoryLocator] = {}
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
    """Return the in-memory index of a published vintage, or None and load it in the background.

    Args:
        border: whether the index must have a border index.
    """
    index = _registry.indexes.get(vintage.load_id)
    if index is not None:
        return index if index.has_border_index or not border else None
    if settings.LOOKUP_MEMORY_VERTICES and _registry.not_before.get(vintage.load_id, 0.0) <= time.monotonic():
        load_async([vintage])
    return None


def load_async(vintages: Sequence[Vintage]) -> None:
    """Load vintages in a background thread, each of them once."""
    with _registry.lock:
        wanted = [
            vintage
            for vintage in vintages
            if vintage.load_id not in _registry.loading and vintage.load_id not in _registry.indexes
        ]
        _registry.loading.update(vintage.load_id for vintage in wanted)
    if wanted:
        threading.Thread(target=_load_all, args=(wanted, current_alias()), name="lookup-index-load", daemon=True).start()


def preload() -> None:
    """Load the vintages in force today in the background, before the first request. A failed load is retried by requests."""

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
        threading.Thread(target=run, name="lookup-index-preload", daemon=True).start()


def load(vintage: Vintage) -> MemoryLocator | None:
    """Load a vintage into memory and return its index; None if it does not fit in `LOOKUP_MEMORY_VERTICES`.

    Raises: RowsReplaced. Queries: 4, the pieces in batches.
    """
    _evict_unpublished(vintage.load_id for vintage in catalogue.published().vintages)
    with transaction.atomic(using=current_alias()), connection.cursor() as cursor:
        cursor.execute(_SAME_SQL, [vintage.pk, vintage.load_id])
        if cursor.fetchone() != (True,):
            raise RowsReplaced(vintage)
        cursor.execute(_SIZE_SQL, [vintage.pk])
        if sum(index.vertices for index in _registry.indexes.values()) + cursor.fetchone()[0] > settings.LOOKUP_MEMORY_VERTICES:
            return None
        cursor.execute(_REGIONS_SQL, [vintage.pk])
        regions = [RegionRef(*row) for row in cursor]
        numbers = {region.id: number for number, region in enumerate(regions)}
        owners: list[int] = []
        pieces: list[np.ndarray] = []
        with connection.chunked_cursor() as rows:
            rows.execute(_PIECES_SQL, [vintage.pk])
            while batch := rows.fetchmany(_FETCH_ROWS):
                owners += [numbers[region] for region, _ in batch]
                pieces.append(shapely.from_wkb([bytes(wkb) for _, wkb in batch]))
    index = MemoryLocator(regions, owners, np.concatenate(pieces) if pieces else np.empty(0, dtype=object))
    if vintage.coverage.slug != COVERAGE_FSA:  # no response contains the distance to the next FSA
        index.build_border_index()
    _registry.indexes[vintage.load_id] = index
    return index


def clear() -> None:
    """Evict every index and forget failures."""
    _registry.indexes.clear()
    _registry.not_before.clear()


def _evict_unpublished(published: Iterable[UUID]) -> None:
    for load_id in set(_registry.indexes) - set(published):
        _registry.indexes.pop(load_id, None)


def _load_all(vintages: Sequence[Vintage], alias: str) -> None:
    for vintage in vintages:
        try:
            with use_database(alias):
                index = load(vintage)
            if index is None:
                logger.warning("in-memory index of %s exceeds LOOKUP_MEMORY_VERTICES; PostGIS answers its lookups", vintage)
                _registry.not_before[vintage.load_id] = time.monotonic() + 20 * _RETRY_S
        except Error as error:
            logger.warning(
                "in-memory index of %s not loaded (%s); PostGIS answers its lookups, retry in %g s",
                *(vintage, type(error).__qualname__, _RETRY_S),
            )
            _registry.not_before[vintage.load_id] = time.monotonic() + _RETRY_S
        finally:
            # Indexes are long-lived: the garbage collector need not traverse them again.
            gc.freeze()
            with _registry.lock:
                _registry.loading.discard(vintage.load_id)
            connections.close_all()
