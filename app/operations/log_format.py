"""Log formatters: one line of text (LOG_FORMAT=line) or JSON (LOG_FORMAT=json), for granian's records too.

Of an exception only its class and the places in the code are written, never its text: a database's repeats the statement with
its values, and those are positions and postal codes.
"""

import json
import logging
import time
import traceback
from types import TracebackType
from typing import Any

from operations import request_id as requestid

_LINE = "%(asctime)s %(levelname)s %(name)s %(message)s"
_FRAMES = 12


class LineFormatter(logging.Formatter):
    """Time, level, logger and message; at the end the id of the request, where there is one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(_LINE)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = super().format(record)
        request_id = requestid.current()
        return f"{line} [{request_id}]" if request_id else line

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """Return the class of the exception and where it was raised."""
        return _places(ei[0], ei[2])


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (RFC 3339, UTC), level, logger, message, request_id and error where there are."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        entry = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := requestid.current():
            entry["request_id"] = request_id
        if record.exc_info and record.exc_info[0]:
            entry["error"] = _places(record.exc_info[0], record.exc_info[2])
        return json.dumps(entry, ensure_ascii=False)


def _places(kind: type[BaseException], raised: TracebackType | None) -> str:
    frames = reversed(traceback.extract_tb(raised)[-_FRAMES:])
    return f"{kind.__qualname__} at " + " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in frames)
