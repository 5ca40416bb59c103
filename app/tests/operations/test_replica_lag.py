"""Replica lag: when reads go to the standby, and retry on the primary if the standby fails."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from api.middleware.replica_routing import ReadFromReplica
from api.problems import problem_response, refuse
from geography.db import routing
from geography.db.routing import PRIMARY, REPLICA
from geography.models import Vintage
from operations import replica_lag
from operations.replica_lag import UNAVAILABLE_AFTER_S, ReplicaMonitor


class Databases:
    """Simulated clock and WAL positions of primary and standby; None means that a database does not respond."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.at: dict[str, int | None] = {PRIMARY: 100, REPLICA: 100}

    def check(self, watch: ReplicaMonitor, seconds: float = 1.0, **at: int | None) -> bool:
        self.now += seconds
        self.at |= {{"primary": PRIMARY, "standby": REPLICA}[name]: place for name, place in at.items()}
        watch.check_primary()
        watch.check_standby()
        return watch.is_usable()


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> Databases:
    result = Databases()
    monkeypatch.setattr("operations.replica_lag.time.monotonic", lambda: result.now)
    monkeypatch.setattr(replica_lag, "_wal_position", lambda alias: result.at[alias])
    return result


def test_replica_without_lag_is_used(databases: Databases) -> None:
    watch = ReplicaMonitor(max_lag_s=5)
    assert not watch.is_usable()
    assert databases.check(watch)
    assert watch.status() == replica_lag.ReplicaStatus(up=True, lag_s=0.0, in_use=True)
    # Without writes the lag stays zero.
    assert databases.check(watch, 3600)
    assert watch.lag_s == 0.0


def test_lagging_replica_is_not_used_until_it_catches_up(databases: Databases) -> None:
    watch = ReplicaMonitor(max_lag_s=3)
    databases.check(watch)
    assert [databases.check(watch, primary=place) for place in (200, 300, 400)] == [True, True, True]
    assert watch.lag_s == 3.0
    assert not databases.check(watch, primary=500)
    # The standby has the state of three seconds ago, then of four.
    assert databases.check(watch, standby=300)
    assert not databases.check(watch)
    assert databases.check(watch, standby=500)
    assert watch.lag_s == 0.0


def test_replica_lagging_from_the_start_is_not_used(databases: Databases) -> None:
    watch = ReplicaMonitor(max_lag_s=5)
    assert not databases.check(watch, primary=900)
    assert watch.status() == replica_lag.ReplicaStatus(up=True, lag_s=None, in_use=False)
    assert databases.check(watch, standby=900)


def test_unresponsive_replica_is_not_used(databases: Databases) -> None:
    watch = ReplicaMonitor(max_lag_s=5)
    databases.check(watch)
    assert not databases.check(watch, standby=None)
    assert databases.check(watch, standby=100)
    # A check that does not end counts as no response.
    databases.now += UNAVAILABLE_AFTER_S
    assert not watch.is_usable()


def test_primary_unavailable_keeps_replica_that_was_up_to_date(databases: Databases) -> None:
    near, far = ReplicaMonitor(max_lag_s=2), ReplicaMonitor(max_lag_s=2)
    databases.check(near)
    databases.check(far, primary=200)
    databases.check(far, 5)
    assert not far.is_usable()
    assert databases.check(near, UNAVAILABLE_AFTER_S + 1, primary=None)
    assert near.lag_s is None
    assert not databases.check(far)


@pytest.fixture
def healthy_standby(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReplicaMonitor]:
    """Configure a standby that is up and not lagging, without a database behind it."""
    monkeypatch.setattr(
        "api.middleware.replica_routing.settings", type("Settings", (), {"DATABASES": {PRIMARY: {}, REPLICA: {}}})
    )
    watch = ReplicaMonitor(5)
    monkeypatch.setattr(replica_lag, "_monitor", watch)
    monkeypatch.setattr(watch, "up", lambda: watch._answered_at is not False)
    monkeypatch.setattr(watch, "mark_unhealthy", lambda: setattr(watch, "_answered_at", False))
    yield watch
    assert routing.current_alias() == PRIMARY


def request_for(view: Any) -> HttpRequest:
    request = HttpRequest()
    request.resolver_match = type("Match", (), {"func": staticmethod(view), "args": (), "kwargs": {}})()
    return request


def test_failed_replica_request_is_retried_on_primary(healthy_standby: ReplicaMonitor) -> None:
    requests = []

    def view(request: HttpRequest) -> HttpResponse:
        requests.append(routing.current_alias())
        if len(requests) == 2:
            raise OperationalError("gone")
        return HttpResponse("found")

    def handler(request: HttpRequest) -> Any:
        try:
            return view(request)
        except OperationalError as error:
            return middleware.process_exception(request, error)

    middleware = ReadFromReplica(handler)
    responses: list[Any] = [middleware(request_for(view)) for _ in range(3)]
    contents = [response.content for response in responses]
    assert contents == [b"found"] * 3
    assert requests == [REPLICA, REPLICA, PRIMARY, PRIMARY]


@pytest.mark.parametrize("respond", [lambda error: refuse(HttpRequest(), error), lambda error: problem_response(error, {})])
def test_replica_error_is_raised_for_retry(respond: Any) -> None:
    with routing.use_database(REPLICA), pytest.raises(OperationalError, match="gone"):
        respond(OperationalError("gone"))


def test_primary_error_is_not_retried(healthy_standby: ReplicaMonitor) -> None:
    middleware = ReadFromReplica(lambda _: HttpResponse())
    assert middleware.process_exception(HttpRequest(), OperationalError("gone")) is None
    with routing.use_database(REPLICA):
        assert middleware.process_exception(HttpRequest(), ValueError()) is None
        assert routing.current_alias() == REPLICA


def test_stream_is_retried_on_primary(healthy_standby: ReplicaMonitor) -> None:
    requested: list[str] = []

    def query() -> bytes:
        requested.append(routing.current_alias())
        if len(requested) == 2:
            raise OperationalError("gone")
        return b"."

    def parts() -> Iterator[bytes]:
        for _ in range(3):
            yield routing.retry_on_primary(query)

    response = ReadFromReplica(lambda _: StreamingHttpResponse(parts()))(HttpRequest())
    assert isinstance(response, StreamingHttpResponse)
    assert routing.current_alias() == PRIMARY
    assert b"".join(response) == b"..."
    assert requested == [REPLICA, REPLICA, PRIMARY, PRIMARY]


def test_orm_reads_from_current_database_and_writes_to_primary() -> None:
    assert Vintage.objects.all().db == PRIMARY
    with routing.use_database(REPLICA):
        assert Vintage.objects.all().db == REPLICA
        assert routing.Router().db_for_write(Vintage) == PRIMARY
        assert not routing.Router().allow_migrate(REPLICA, "geography")
