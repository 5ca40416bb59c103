"""Rate limit per client. Off unless THROTTLE_RATE is set: a proxy or a CDN sees more of a client than one process does."""

import ipaddress
import time
from collections.abc import Callable
from math import ceil

from django.conf import settings
from django.core.cache import caches
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.throttling import SimpleRateThrottle

from api.http.concurrency import TooManyRequests
from api.problems import refuse

# Whoever asks whether the service is up must get an answer.
_EXEMPT = ("/livez", "/readyz", "/metrics")


class ClientThrottle(SimpleRateThrottle):
    """REST framework's counting, by client address. It remembers in this process's memory, for the period of the rate."""

    scope = "client"
    cache = caches["throttle"]
    # A clock that is set must not lock anybody out.
    timer = time.monotonic

    def get_rate(self) -> str:
        """Return THROTTLE_RATE, such as `100/min`."""
        return str(settings.THROTTLE_RATE)

    def get_cache_key(self, request: HttpRequest, view: object) -> str:
        """Return whom to count."""
        return client(request)


def client(request: HttpRequest) -> str:
    """Return whom a request is from: an IPv4 address, or the network (/64) of an IPv6 one, which is what one household gets.

    With TRUSTED_PROXIES = n, that is the n-th address from the right of X-Forwarded-For, the one that the outermost trusted
    proxy has seen; what stands left of it anybody can write. With 0 the header is not read. Text that is no address stands for
    itself.
    """
    address = str(request.META.get("REMOTE_ADDR", ""))
    if proxies := settings.TRUSTED_PROXIES:
        seen = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
        # Fewer addresses than proxies: it came past some of them, and the first one is still from a trusted one or nobody's.
        address = seen[-min(proxies, len(seen))].strip() or address
    try:
        ip_address = ipaddress.ip_address(_without_port(address))
    except ValueError:
        return address[:64]
    if isinstance(ip_address, ipaddress.IPv6Address):
        return str(ip_address.ipv4_mapped or ipaddress.ip_network((ip_address, 64), strict=False))
    return str(ip_address)


def _without_port(address: str) -> str:
    # Some gateways add it: 203.0.113.7:1234, [2001:db8::1]:1234.
    if address.startswith("["):
        return address[1:].partition("]")[0]
    host, colon, _ = address.partition(":")
    return host if colon and address.count(":") == 1 else address


def throttle(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Refuse who asks more often than THROTTLE_RATE, by a 429 with Retry-After. Middleware; not there where that is empty."""
    if not settings.THROTTLE_RATE:
        raise MiddlewareNotUsed

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path_info.rstrip("/") not in _EXEMPT:
            client_throttle = ClientThrottle()
            if not client_throttle.allow_request(request, None):  # type: ignore[arg-type] # there is no view yet
                return refuse(request, TooManyRequests(max(1, ceil(client_throttle.wait() or 0))))
        return get_response(request)

    return middleware
