"""Scheduling priority of tests that measure how long a server takes to notice something, beside tests that only compute."""

import contextlib
import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def high_priority() -> Iterator[None]:
    """Raise the priority of this process, and so of the servers that it starts. Does nothing without the right to (root)."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    yield
    os.setpriority(os.PRIO_PROCESS, 0, before)
