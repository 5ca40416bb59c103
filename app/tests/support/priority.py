"""Scheduling priority of tests that others must not slow down: those that measure times, and the longest group of all."""

import contextlib
import os
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def raised(by: int) -> Iterator[None]:
    """Raise the priority of this process, and so of those that it starts. Does nothing without the right to (root)."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, before - by)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)


@pytest.fixture(scope="package", autouse=True)
def high_priority() -> Iterator[None]:
    """Raise the priority of the tests of a folder."""
    with raised(10):
        yield
