"""Fast path: same answers and headers as the full stack."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import RequestFactory

from api import fast_path
from api.fast_path import FastPath
from api.responses.locate import LocateResponder
from geography.lookup import registry
from geography.models import Status
from geography.vintages import catalogue
from operations.metrics import REGISTRY
from tests.api.test_tiles import draw
from tests.world import position

Answer = tuple[str, dict[str, str], bytes]

KEPT = [
    "/health-regions",
    "/health-regions/?province=ON&detail=none",
    "/health-regions/3501?lang=fr",
    "/fsa?detail=none",
    "/tiles/health-regions/0/0/0.mvt",
]
HEADERS: list[dict[str, str]] = [
    {},
    {"Accept-Language": "fr-CA,fr;q=0.9"},
    {"Accept-Encoding": "gzip"},
    {"Accept-Encoding": "br, zstd", "Accept-Language": "de"},
    {"Origin": "https://example.org"},
    {"X-Forwarded-Proto": "https", "Host": "localhost:8000"},
    {"Accept": "application/geo+json"},
]


class Counted:
    """Django, and how often it was asked."""

    def __init__(self) -> None:
        self.django = get_wsgi_application()
        self.asked = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.asked += 1
        return self.django(environ, start_response)


@pytest.fixture
def django() -> Iterator[Counted]:
    """Return Django; like its test client, it leaves the test's connection alone."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield Counted()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(autouse=True)
def memory(world, settings, tmp_path, monkeypatch):
    """Hold the tiny world in memory, keep bodies, and let nobody forget what is published while a test runs."""
    settings.GEODATA_CACHE, settings.BODY_CACHE_MB = str(tmp_path), 16
    settings.LOOKUP_MEMORY_VERTICES = 1_000_000
    draw(world.vintages["health-regions", "2022"])
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
    catalogue.published()
    for vintage in world.vintages.values():
        assert registry.load(vintage) is not None


def ask(
    application: Any, path: str, query: dict[str, str] | None = None, headers: dict[str, str] | None = None, method: str = "GET"
) -> Answer:
    return answered(application, RequestFactory().generic(method, path, headers=headers or {}, query_params=query).environ)


def answered(application: Any, environ: dict[str, Any]) -> Answer:
    details: list[Any] = []
    response = application(environ, lambda *start: details.extend(start))
    body = b"".join(response)
    if hasattr(response, "close"):
        response.close()
    status, headers = details
    result = {name.lower(): value for name, value in headers}
    assert len(result) == len(headers), "a header is sent twice"
    assert len(result.pop("x-request-id")) == 32
    return status, result, body


def place(x: float = 2_000, y: float = 5_000, **more: str) -> dict[str, str]:
    return position(x, y) | more


@pytest.mark.parametrize("path", KEPT)
def test_what_is_kept_is_answered_as_django_answers(django, path, django_assert_num_queries):
    short = FastPath(django)
    for method, headers in itertools.product(("GET", "HEAD"), HEADERS):
        if path.startswith("/tiles") and "Accept" in headers:
            continue
        long = ask(django, path, None, headers, method)
        assert long[0] == "200 OK", long
        assert ask(short, path, None, headers, method) == long
        requested = django.asked
        with django_assert_num_queries(0):
            assert ask(short, path, None, headers, method) == long
        assert django.asked == requested


def test_who_has_what_is_kept_is_told_so(django):
    short = FastPath(django)
    etag = ask(short, "/health-regions")[1]["etag"]
    for requested in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        headers = {"If-None-Match": requested}
        long = ask(django, "/health-regions", None, headers)
        assert long[0] == "304 Not Modified"
        assert ask(short, "/health-regions", None, headers) == long
    before = django.asked
    assert ask(short, "/health-regions", None, {"If-None-Match": etag})[0] == "304 Not Modified"
    assert ask(short, "/health-regions", None, {"If-None-Match": '"other"'})[0] == "200 OK"
    assert django.asked == before


@pytest.mark.parametrize(
    "query",
    [
        place(),
        place(10_001),
        place(10_000, 10_000, lang="fr"),
        place(13_500, accuracy="800", max_distance="0"),
        place(-2_000, 3_000),
        place(2_000, 5_000, vintage="2022"),
        {"lat": "0", "lon": "0"},
    ],
)
def test_a_position_is_answered_as_django_answers(django, query, django_assert_num_queries):
    short = FastPath(django)
    for method, headers in itertools.product(("GET", "HEAD"), HEADERS):
        long = ask(django, "/locate", query, headers, method)
        assert long[0] == "200 OK", long
        # Another position is of the same kind, if its answer is about as long.
        ask(short, "/locate", query | {"lat": "43.7"}, headers, method)
        assert ask(short, "/locate", query, headers, method) == long
        requested = django.asked
        with django_assert_num_queries(0):
            assert ask(short, "/locate", query, headers, method) == long
        assert django.asked == requested


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/locate", {"lat": "43.7"}),
        ("/locate", {"lat": "43.7", "lon": "79.4"}),
        ("/locate", place(latt="1")),
        ("/locate", place(vintage="1492")),
        ("/locate", {"lat": "NaN", "lon": "-79"}),
        ("/fsa/M5V", {}),
        ("/health-regions", {"bbox": "-80,43,-79,44"}),
        ("/nothing", {}),
        ("/livez", {}),
        ("/vintages", {}),
    ],
)
def test_what_is_wrong_or_not_kept_goes_the_long_way(django, path, query):
    short = FastPath(django)
    long = ask(django, path, query)
    before = django.asked
    for _ in range(3):
        assert ask(short, path, query)[::2] == long[::2]
    assert django.asked == before + 3


@pytest.mark.parametrize("query", ["lat=43.7&lon=-79.4&q=%E9", "lat=43.7&lon=-79.4&q=é", "&".join(["lat=1"] * 500)])
def test_a_query_that_nobody_can_read_is_refused_as_ever(django, query):
    short = FastPath(django)
    environ = RequestFactory().get("/locate").environ | {"QUERY_STRING": query.encode().decode("latin-1")}
    for application in (django, short, short):
        assert answered(application, dict(environ))[0] == "400 Bad Request"


def test_what_django_has_to_settle_goes_the_long_way(django, monkeypatch):
    short = FastPath(django)
    for _ in range(2):
        assert ask(short, "/locate", place(), {"Accept": "text/html;q=0.5, application/json"})[0] == "200 OK"
    assert ask(short, "/locate", method="OPTIONS")[0][:3] in ("200", "204")
    assert django.asked == 3
    # What is published may have changed.
    ask(short, "/health-regions")
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 0.0)
    for path, query in (("/health-regions", {}), ("/locate", place())):
        before = django.asked
        assert ask(short, path, query)[0] == "200 OK"
        assert django.asked == before + 1


def test_without_the_editions_in_memory_the_long_way_is_gone(django, settings):
    short = FastPath(django)
    for _ in range(2):
        first = ask(short, "/locate", place())
    before = django.asked
    settings.LOOKUP_MEMORY_VERTICES = 0
    registry.clear()
    assert ask(short, "/locate", place()) == first
    assert django.asked == before + 1


def test_a_publication_is_seen_at_once(django, world):
    short = FastPath(django)
    for _ in range(2):
        assert b'"3501"' in ask(short, "/locate", place())[2]
        assert ask(short, "/health-regions")[0] == "200 OK"
    for vintage in world.vintages.values():
        vintage.status = Status.RETIRED
        vintage.save()
    catalogue.clear()
    catalogue.published()
    for path, query in (("/locate", place()), ("/health-regions", {})):
        answer = ask(short, path, query)
        assert (answer[0][:3], answer) == (ask(django, path, query)[0][:3], answer)
        assert answer[0] != "200 OK"


def test_a_body_that_is_gone_is_made_again(django, tmp_path):
    short = FastPath(django)
    first = ask(short, "/health-regions")
    assert ask(short, "/health-regions") == first
    for path in (tmp_path / "bodies").iterdir():
        path.unlink()
    before = django.asked
    assert ask(short, "/health-regions") == first
    assert django.asked == before + 1


def test_what_was_said_while_the_database_was_away_is_no_example(django):
    short = FastPath(django)
    catalogue._memories["default"].failed_at = 0.0
    try:
        for _ in range(2):
            assert "cache-status" in ask(short, "/health-regions")[1]
    finally:
        catalogue._memories["default"].failed_at = None
    assert django.asked == 2
    assert "cache-status" not in ask(short, "/health-regions")[1]


def test_many_kinds_do_not_fill_the_memory(django, monkeypatch):
    monkeypatch.setattr(fast_path, "_REMEMBERED_MAX", 3)
    short = FastPath(django)
    for number in range(10):
        assert ask(short, "/health-regions", None, {"Origin": f"https://{number}.example.org"})[0] == "200 OK"
        assert ask(short, "/locate", place(max_distance=str(number)))[0] == "200 OK"
    assert short._moment is not None
    assert len(short._moment.kinds) <= 3
    assert len(short._moment.answers) <= 3


def test_it_is_counted_and_logged_as_ever(django, settings, caplog):
    settings.LOG_REQUESTS = True
    caplog.set_level("INFO", "requests")
    short = FastPath(django)

    def counted(route: str) -> float:
        labels = {"route": route, "method": "GET", "status": "200"}
        return REGISTRY.get_sample_value("geo_http_requests_total", labels) or 0.0

    for path, query in (("/locate", place()), ("/tiles/health-regions/0/0/0.mvt", {})):
        route = path.replace("health-regions/0/0/0", "{coverage}/{z}/{x}/{y}")
        before = counted(route)
        for _ in range(3):
            ask(short, path, query)
        assert counted(route) == before + 3
        assert [record.getMessage().split(" ")[:3] for record in caplog.records].count(["200", "GET", route]) == 3
    assert django.asked == 2


def test_the_request_keeps_its_id(django):
    short = FastPath(django)
    value = "0123456789abcdef" * 2
    for _ in range(2):
        details: list[Any] = []
        environ = RequestFactory().get("/health-regions", headers={"X-Request-ID": value}).environ
        short(environ, lambda *start, details=details: details.extend(start))
        assert ("X-Request-ID", value) in details[1]
    assert django.asked == 1


def test_the_first_answer_of_a_kind_is_computed_once(django, monkeypatch):
    computed = []
    feature = LocateResponder.feature
    monkeypatch.setattr(LocateResponder, "feature", lambda self, place: computed.append(place) or feature(self, place))  # type: ignore[func-returns-value]
    application = FastPath(django)
    first = ask(application, "/locate", {name: str(value) for name, value in position(2_000, 2_000).items()})
    assert (first[0], django.asked, len(computed)) == ("200 OK", 1, 1)
    again = ask(application, "/locate", {name: str(value) for name, value in position(2_000, 2_000).items()})
    assert (again, django.asked, len(computed)) == (first, 1, 2)
