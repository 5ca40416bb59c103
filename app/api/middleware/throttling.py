"""Rate limit (throttling) per client, off unless THROTTLE_RATE is set:

a proxy or CDN can count the requests of all processes.
"""

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

# Probes and scrapes are never limited.
_EXEMPT = ("/livez", "/readyz", "/metrics")


class ClientThrottle(SimpleRateThrottle):
    """REST framework's sliding window per client address, in the memory of this process."""

    scope = "client"
    cache = caches["throttle"]
    # Monotonic: a change of the wall clock must not block clients.
    timer = time.monotonic

    def get_rate(self) -> str:
        """Return THROTTLE_RATE, such as `100/min`."""
        return str(settings.THROTTLE_RATE)

    def get_cache_key(self, request: HttpRequest, view: object) -> str:
        """Return the key of the client: see `client`."""
        return client(request)


def client(request: HttpRequest) -> str:
    """Return the client of a request: an IPv4 address, or the /64 network of an IPv6 address, the usual size for a household.

    With TRUSTED_PROXIES = n, the client is the n-th address from the right of X-Forwarded-For, which the outermost trusted
    proxy has added; a client can forge the addresses left of it. With 0 the header is ignored. Text that is not an address is
    returned as it is, up to 64 characters.
    """
    address = str(request.META.get("REMOTE_ADDR", ""))
    if proxies := settings.TRUSTED_PROXIES:
        forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
        # Fewer addresses than proxies: the request bypassed some of them. The first address comes from a trusted proxy, if any.
        address = forwarded[-min(proxies, len(forwarded))].strip() or address
    try:
        ip_address = ipaddress.ip_address(_without_port(address))
    except ValueError:
        return address[:64]
    if isinstance(ip_address, ipaddress.IPv6Address):
        return str(ip_address.ipv4_mapped or ipaddress.ip_network((ip_address, 64), strict=False))
    return str(ip_address)


def _without_port(address: str) -> str:
    # Some gateways add a port: 203.0.113.7:1234, [2001:db8::1]:1234.
    if address.startswith("["):
        return address[1:].partition("]")[0]
    host, colon, _ = address.partition(":")
    return host if colon and address.count(":") == 1 else address


def throttle(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware that answers clients above THROTTLE_RATE with 429 and Retry-After. Not used where the setting is empty."""
    if not settings.THROTTLE_RATE:
        raise MiddlewareNotUsed

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path_info.rstrip("/") not in _EXEMPT:
            client_throttle = ClientThrottle()
            if not client_throttle.allow_request(request, None):  # type: ignore[arg-type] # there is no view yet
                return refuse(request, TooManyRequests(max(1, ceil(client_throttle.wait() or 0))))
        return get_response(request)

    return middleware
