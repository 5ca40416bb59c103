"""Fixtures of the geography tests."""

from typing import Any

import pytest


@pytest.fixture(params=["tables", "memory"])
def engine(request: pytest.FixtureRequest, settings: Any) -> str:
    """Use PostGIS or the in-memory indexes for lookups; return which of the two."""
    settings.LOOKUP_MEMORY_VERTICES = 1_000_000 if request.param == "memory" else 0
    return str(request.param)
