"""Request id: sent with the response, every log line and every problem."""

import os
import re
from contextvars import ContextVar

# A UUID or its 32 digits, as nginx ($request_id), Envoy and the clouds' gateways send them. Nothing freer is taken over: what a
# client puts here is logged, and a postal code or a position must not be.
_SANE = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

_current: ContextVar[str] = ContextVar("request_id", default="")


def start(value: str | None) -> str:
    """Return the id of a new request: the one that was given where it is sane, else a new one. Lower case."""
    request_id = value.lower() if value else ""
    if not _SANE.fullmatch(request_id):
        request_id = os.urandom(16).hex()
    _current.set(request_id)
    return request_id


def current() -> str:
    """Return the id of the request that this thread answers, or answered last; empty outside of requests."""
    return _current.get()
