"""Benchmark of each middleware, in microseconds: python benchmarks/middleware.py [--rounds 60].

Django's WSGI handler serves an empty view without middleware, then with each middleware alone, then with all of them. Metrics
are written to files as in the server (PROMETHEUS_MULTIPROC_DIR). No network and no database. The figures are CPU time of the
thread in the best of several rounds, because other rounds also measure other work of the machine.
"""

import argparse
import os
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from time import thread_time
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
_counts = tempfile.TemporaryDirectory(prefix="covidtrends-geo-benchmark-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _counts.name
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
os.environ["STATIC_ROOT"] = _counts.name

import django

django.setup()

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

REQUESTS_PER_ROUND = 200


def empty(request: HttpRequest) -> HttpResponse:
    """Return an empty JSON object."""
    return HttpResponse(b"{}", content_type="application/json")


urlpatterns = [path("locate", empty, name="locate")]

ENVIRONMENT = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/locate",
    "QUERY_STRING": "lat=45.4&lon=-75.7",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "8000",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "127.0.0.1",
    "HTTP_HOST": "localhost",
    "HTTP_ACCEPT": "*/*",
    "HTTP_ACCEPT_LANGUAGE": "en-CA,en;q=0.9",
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
}


def handler(middleware: list[str]) -> WSGIHandler:
    """Return Django's WSGI handler with a list of middleware."""
    with override_settings(MIDDLEWARE=middleware):
        return WSGIHandler()


def start_response(*args: Any) -> Any:
    """Discard the status and the headers."""


def microseconds(handlers: list[WSGIHandler], rounds: int) -> list[float]:
    """Return the CPU time of a request for each handler, microseconds: the best of several alternating rounds."""
    best = [float("inf")] * len(handlers)
    for _ in range(rounds):
        for number, wsgi_handler in enumerate(handlers):
            started = thread_time()
            for _ in range(REQUESTS_PER_ROUND):
                wsgi_handler({**ENVIRONMENT, "wsgi.input": BytesIO()}, start_response).close()
            best[number] = min(best[number], (thread_time() - started) / REQUESTS_PER_ROUND)
    return [seconds * 1e6 for seconds in best]


@override_settings(ROOT_URLCONF=__name__)
def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    names = settings.MIDDLEWARE
    handlers = [handler([]), *(handler([name]) for name in names), handler(names)]
    without, *each, with_all = microseconds(handlers, parser.parse_args().rounds)
    print(f"{'no middleware':45} {without:7.1f} µs")
    for name, cpu_time in zip(names, each, strict=True):
        print(f"{name:45} {cpu_time - without:+7.1f} µs")
    print(f"{'all together':45} {with_all - without:+7.1f} µs")


if __name__ == "__main__":
    main()
