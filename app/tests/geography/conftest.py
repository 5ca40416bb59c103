"""Fixtures of the geography tests."""

import pytest


@pytest.fixture(params=["tables", "index"])
def engine(request: pytest.FixtureRequest) -> str:
    """Return which engine a test uses: PostGIS, or the compiled indexes, which the test builds."""
    return str(request.param)
