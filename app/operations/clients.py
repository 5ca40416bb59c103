"""Slow clients, and what they can hold.

A thread answers one request at a time. granian lets go of the thread as soon as it has the whole answer, however slowly the
client takes it; of an answer that is iterated it holds the thread until the last piece is taken. So answers are handed over
whole. While a body is read the thread is held too: routes that take one bound how many are read at once (`api.limits.bulk`).

granian limits the time for the headers (`--http1-header-read-timeout`), not that for a body or for taking an answer. So a
thread in each serving process looks at its connections and cuts those that move too slowly: neither threads, nor places, nor
the memory of answers that nobody takes are held for longer than two `WINDOW_S`.
"""

import contextlib
import fcntl
import logging
import os
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.http import FileResponse, StreamingHttpResponse

from operations.metrics import CLIENTS_CUT

logger = logging.getLogger(__name__)

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]

# What a client must move in every window while it is its turn: a telephone on a bad day does ten times as much.
WINDOW_S = 30.0
RATE_BYTES_PER_S = 2_000

# From Linux' struct tcp_info: acknowledged by the client, received from it; both only grow.
_MOVED = struct.Struct("=120xQQ")


def whole(application: WSGI) -> WSGI:
    """Return the application with answers in one piece, but for those that a view streams itself."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        response = application(environ, start_response)
        # A file that WhiteNoise serves is one of ours and at most some megabytes; the server's own wrapper of it is dropped.
        if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
            return response
        try:
            return [b"".join(response)]
        finally:
            close = getattr(response, "close", None)
            if close is not None:
                close()

    return answer


@dataclass(slots=True)
class _Window:
    """What a connection had moved when its window began, and whether it has had something to take ever since."""

    began: float
    sent: int
    received: int
    owed: bool


class Watch:
    """The connections of this process, as they are seen every few seconds."""

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self.window_s = window_s
        self._seen: dict[tuple[int, Any], _Window] = {}

    def cut_the_slow(self) -> int:
        """Look at every connection once, cut those that moved too little in their window, and return how many were."""
        now, enough, cut = time.monotonic(), self.window_s * RATE_BYTES_PER_S, 0
        seen: dict[tuple[int, Any], _Window] = {}
        for key, client in _clients():
            with client, contextlib.suppress(OSError):
                sent, received = _MOVED.unpack(client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _MOVED.size))
                owed = bool(struct.unpack("i", fcntl.ioctl(client, termios.TIOCOUTQ, b"\0" * 4))[0])
                window = self._seen.get(key)
                if window is None or sent < window.sent:  # a new one, or another under an old number
                    seen[key] = _Window(now, sent, received, owed)
                    continue
                window.owed &= owed
                seen[key] = window
                if now - window.began < self.window_s:
                    continue
                # Its turn to take, and it takes too slowly; or its turn to send, while nothing is due to it.
                slow = (
                    sent - window.sent < enough if window.owed else sent == window.sent and received - window.received < enough
                )
                if slow:
                    client.shutdown(socket.SHUT_RDWR)
                    cut += 1
                seen[key] = _Window(now, sent, received, owed)
        self._seen = seen
        if cut:
            CLIENTS_CUT.inc(cut)
            logger.warning("%d connections cut: the clients were too slow", cut)
        return cut


def watch(window_s: float = WINDOW_S) -> None:
    """Start the thread that cuts. Only on Linux: elsewhere nothing tells what a connection has moved."""
    if not hasattr(socket, "TCP_INFO") or not os.path.isdir("/proc/self/fd"):  # noqa: PTH112 - asked once
        return
    watched = Watch(window_s)

    def again_and_again() -> None:
        while True:
            time.sleep(window_s / 6)
            watched.cut_the_slow()

    threading.Thread(target=again_and_again, name="client-watch", daemon=True).start()


def _clients() -> Iterator[tuple[tuple[int, Any], socket.socket]]:
    """Yield a copy of every TCP connection that came to a port this process listens on, with its number and the peer."""
    copies = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names are numbers
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):  # noqa: PTH115
                copies.append((int(name), socket.socket(fileno=os.dup(int(name)))))
    ports = {_port(one) for _, one in copies if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)} - {None}
    for number, one in copies:
        peer = None
        if _port(one) in ports:
            with contextlib.suppress(OSError):
                peer = one.getpeername()
        if peer is None:
            one.close()
        else:
            yield (number, peer), one


def _port(one: socket.socket) -> int | None:
    """Return the port at this end; None where it is no TCP."""
    if one.family not in (socket.AF_INET, socket.AF_INET6) or one.type != socket.SOCK_STREAM:
        return None
    port: int = one.getsockname()[1]
    return port
