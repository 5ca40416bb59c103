"""Log formatters: one line of text (LOG_FORMAT=line) or JSON (LOG_FORMAT=json), for granian's records too.

Of an exception only the class and the stack are written, never the message: a database error repeats the statement with its
values, which are positions and postal codes.
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
    """Time, level, logger, message and, during a request, the request id."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(_LINE)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = super().format(record)
        request_id = requestid.current()
        return f"{line} [{request_id}]" if request_id else line

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """Return the class of the exception and its stack."""
        return _class_and_stack(ei[0], ei[2])


class JsonFormatter(logging.Formatter):
    """A JSON object per line: time (RFC 3339, UTC), level, logger, message; request_id and error where present."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        members = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := requestid.current():
            members["request_id"] = request_id
        if record.exc_info and record.exc_info[0]:
            members["error"] = _class_and_stack(record.exc_info[0], record.exc_info[2])
        return json.dumps(members, ensure_ascii=False)


def _class_and_stack(exception: type[BaseException], raised: TracebackType | None) -> str:
    frames = reversed(traceback.extract_tb(raised)[-_FRAMES:])
    return f"{exception.__qualname__} at " + " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in frames)
