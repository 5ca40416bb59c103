"""Lookup indexes of vintages that a test has put into the tables, as a load would compile them."""

from collections.abc import Iterable

from geography.download_files import lookup_path
from geography.lookup import registry
from geography.lookup.index import IndexLocator
from geography.models import Status, Vintage
from loader.export.make import make_lookup
from tests.support.boundary_files import quiet


def build_index(vintage: Vintage) -> IndexLocator:
    """Compile the index of a vintage and return it, opened."""
    # A test may have changed the regions.
    lookup_path(vintage).unlink(missing_ok=True)
    make_lookup(vintage, quiet())
    registry.clear()
    index = registry.get_index(vintage)
    assert index is not None
    return index


def build_indexes(vintages: Iterable[Vintage]) -> None:
    """Compile the indexes of the published vintages."""
    for vintage in vintages:
        if vintage.status == Status.PUBLISHED:
            build_index(vintage)
