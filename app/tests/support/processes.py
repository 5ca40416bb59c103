"""Processes that tests start, and conditions in them that tests wait for."""

import contextlib
import subprocess
import time
import urllib.request
from collections.abc import Callable

import pytest


def wait_until(
    condition: Callable[[], object],
    what: str | Callable[[], str] = "the condition holds",
    seconds: float = 60.0,
    interval_s: float = 0.02,
) -> None:
    """Return when a condition holds; fail the test if it does not within `seconds`, a limit that only ends a hang.

    Args:
        what: for the message of the failure; a function is called at the failure.
        interval_s: seconds between two tests of the condition.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s: {what() if callable(what) else what}")
        time.sleep(interval_s)


def responds(address: str) -> bool:
    """Return whether a URL returns a successful response."""
    with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
        return True
    return False


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Stop a process: SIGTERM, and SIGKILL after 20 s."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
