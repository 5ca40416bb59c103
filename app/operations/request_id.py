"""Request id: sent with the response, every log line and every problem."""

import os
import re
from contextvars import ContextVar

# A UUID or its 32 hexadecimal digits, as nginx ($request_id), Envoy and cloud gateways send them. Other values are replaced: a
# client's value is logged, and must not be a postal code or a position.
_VALID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

_current: ContextVar[str] = ContextVar("request_id", default="")


def start(header: str | None) -> str:
    """Return the id of a new request, in lower case: the value of its X-Request-ID header if valid, otherwise a new id."""
    request_id = header.lower() if header else ""
    if not _VALID.fullmatch(request_id):
        request_id = os.urandom(16).hex()
    _current.set(request_id)
    return request_id


def current() -> str:
    """Return the id of the current or last request of this thread; empty outside of requests."""
    return _current.get()
