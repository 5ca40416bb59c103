"""Optional tests, which are skipped with a reason unless an environment variable is set."""

import os
from pathlib import Path

import pytest


def left_out(items: list[pytest.Item], folder: Path, name: str, what: str) -> None:
    """Mark the tests of a folder with `name`; skip them unless TEST_<NAME> is set."""
    variable = f"TEST_{name.upper()}"
    for item in items:
        if folder in item.path.parents:
            item.add_marker(getattr(pytest.mark, name))
            if not os.environ.get(variable):
                item.add_marker(pytest.mark.skip(reason=f"{what}: {variable}=1 bin/test -m {name}; .ci/run does"))
