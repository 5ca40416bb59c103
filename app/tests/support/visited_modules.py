"""Modules of the project that a call visits: those with a function that it runs."""

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from django.conf import settings


class Visits(NamedTuple):
    """Visits of a call.

    Attributes:
        modules: paths below `app/`, in the order of the first visit, without tests.
        changes: number of calls of a function in another module than the one before.
    """

    modules: list[str]
    changes: int


def visits(call: Callable[[], object]) -> Visits:
    """Run a function in this thread, and return the modules that it visits."""
    paths: list[str] = []

    def record(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            paths.append(frame.f_code.co_filename)

    sys.setprofile(record)
    try:
        call()
    finally:
        sys.setprofile(None)
    app = Path(settings.APP_DIR)
    inside = [Path(path).relative_to(app).as_posix() for path in paths if Path(path).is_relative_to(app)]
    project = [path for path in inside if not path.startswith("tests/")]
    return Visits(list(dict.fromkeys(project)), sum(first != second for first, second in pairwise(project)))
