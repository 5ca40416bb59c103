"""Registry of the compiled indexes that a process has opened, by load.

`locator_for` is the only place that chooses between the two engines: the index of a vintage, or PostGIS where there is no
usable file. A load compiles the file before it publishes the vintage (`loader.export.lookup`). Opening one takes milliseconds.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from django.db import Error, connections

from covidtrends_geo import array_file
from covidtrends_geo.array_file import DamagedFile
from covidtrends_geo.lookup_file import open_file
from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS
from geography.download_files import lookup_path
from geography.errors import GeographyError
from geography.lookup.index import IndexLocator
from geography.lookup.postgis import PostgisLocator
from geography.lookup.types import Locator
from geography.models import Vintage
from geography.vintages import catalogue
from geography.vintages.resolve import vintage_in_force

logger = logging.getLogger(__name__)

# Interval between attempts to open a missing or damaged file, so that not every request opens it.
_RETRY_S = 1.0


class _Registry:
    # By load: after a restore the same primary key may have other boundaries.
    indexes: dict[UUID, IndexLocator] = {}
    not_before: dict[UUID, float] = {}
    # Loads whose file was reported as unusable.
    reported: set[UUID] = set()
    rebuild: Callable[[], None] | None = None


class Changes:
    """The last change of the registry: `last` is another object after an index was opened or closed.

    A locator that was chosen before the change may be out of date.
    """

    last: object = object()


def locator_for(vintage: Vintage) -> Locator:
    """Return the engine of a published vintage: its index, or PostGIS where there is no usable file."""
    return get_index(vintage) or PostgisLocator(vintage)


def get_index(vintage: Vintage) -> IndexLocator | None:
    """Return the index of a published vintage; None where there is no usable file."""
    index = _Registry.indexes.get(vintage.load_id)
    if index is None and _Registry.not_before.get(vintage.load_id, 0.0) <= time.monotonic():
        index = _open(vintage)
    return index


def preload(rebuild: Callable[[], None]) -> None:
    """Open the indexes of the vintages in force today in the background.

    Args:
        rebuild: starts to make missing files, and returns at once. Called when a file of a published vintage is unusable.
    """
    _Registry.rebuild = rebuild

    def run() -> None:
        for coverage in (COVERAGE_HEALTH_REGIONS, COVERAGE_FSA):
            try:
                get_index(vintage_in_force(coverage=coverage))
            except (GeographyError, Error):
                continue
        connections.close_all()

    threading.Thread(target=run, name="lookup-index-preload", daemon=True).start()


def clear() -> None:
    """Close every index and forget failures."""
    _Registry.indexes.clear()
    _Registry.not_before.clear()
    _Registry.reported.clear()
    _Registry.rebuild = None
    Changes.last = object()


def _open(vintage: Vintage) -> IndexLocator | None:
    """Open the file of a vintage. Its content is verified in the background."""
    path = lookup_path(vintage)
    try:
        file = open_file(path)
        if file.metadata.get("load") != str(vintage.load_id):
            raise DamagedFile(f"{path.name} belongs to another load")
    except (OSError, DamagedFile) as error:
        _refuse(vintage, error)
        return None
    _evict_unpublished()
    index = _Registry.indexes[vintage.load_id] = IndexLocator(vintage, file)
    Changes.last = object()
    _Registry.reported.discard(vintage.load_id)
    threading.Thread(target=_verify, args=(vintage,), name="lookup-index-verify", daemon=True).start()
    return index


def _verify(vintage: Vintage) -> None:
    try:
        array_file.verify(lookup_path(vintage))
    except (OSError, DamagedFile) as error:
        _Registry.indexes.pop(vintage.load_id, None)
        Changes.last = object()
        _refuse(vintage, error)


def _refuse(vintage: Vintage, error: Exception) -> None:
    """Leave lookups to PostGIS for a while; the first time, log the reason and have the file rebuilt."""
    _Registry.not_before[vintage.load_id] = time.monotonic() + _RETRY_S
    if vintage.load_id in _Registry.reported:
        return
    _Registry.reported.add(vintage.load_id)
    reason = "no file" if isinstance(error, FileNotFoundError) else str(error)
    logger.warning("lookup index of %s unusable (%s); PostGIS answers until it is made (manage.py export)", vintage, reason)
    if isinstance(error, DamagedFile):
        # Deleted, so that no process opens or lists the file again.
        with suppress(OSError):
            lookup_path(vintage).unlink()
    if _Registry.rebuild is not None:
        _Registry.rebuild()


def _evict_unpublished() -> None:
    """Close the indexes of vintages that are no longer published. Queries: none."""
    published = catalogue.get_fresh()
    if published is not None:
        for load_id in set(_Registry.indexes) - {vintage.load_id for vintage in published.vintages}:
            _Registry.indexes.pop(load_id, None)
