"""When a standby is read from, by what both databases say, and what a request does whose standby fails it."""

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


class Both:
    """A clock, and two databases that are somewhere in the log or away."""

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
def both(monkeypatch: pytest.MonkeyPatch) -> Both:
    result = Both()
    monkeypatch.setattr("operations.replica_lag.time.monotonic", lambda: result.now)
    monkeypatch.setattr(replica_lag, "_wal_position", lambda alias: result.at[alias])
    return result


def test_a_standby_that_has_all_of_the_primary_is_read_from(both: Both) -> None:
    watch = ReplicaMonitor(max_lag_s=5)
    assert not watch.is_usable()
    assert both.check(watch)
    assert watch.status() == replica_lag.ReplicaStatus(up=True, lag_s=0.0, in_use=True)
    # Nothing is written: the standby stays as near as it can be.
    assert both.check(watch, 3600)
    assert watch.lag_s == 0.0


def test_one_that_falls_behind_is_not_until_it_has_caught_up(both: Both) -> None:
    watch = ReplicaMonitor(max_lag_s=3)
    both.check(watch)
    assert [both.check(watch, primary=place) for place in (200, 300, 400)] == [True, True, True]
    assert watch.lag_s == 3.0
    assert not both.check(watch, primary=500)
    # It has what there was three seconds ago, and then four.
    assert both.check(watch, standby=300)
    assert not both.check(watch)
    assert both.check(watch, standby=500)
    assert watch.lag_s == 0.0


def test_one_that_was_behind_from_the_first_look_is_not(both: Both) -> None:
    watch = ReplicaMonitor(max_lag_s=5)
    assert not both.check(watch, primary=900)
    assert watch.status() == replica_lag.ReplicaStatus(up=True, lag_s=None, in_use=False)
    assert both.check(watch, standby=900)


def test_one_that_does_not_answer_is_not(both: Both) -> None:
    watch = ReplicaMonitor(max_lag_s=5)
    both.check(watch)
    assert not both.check(watch, standby=None)
    assert both.check(watch, standby=100)
    # A check that never ends is no answer either.
    both.now += UNAVAILABLE_AFTER_S
    assert not watch.is_usable()


def test_while_the_primary_is_away_it_is_where_it_kept_up_until_then(both: Both) -> None:
    near, far = ReplicaMonitor(max_lag_s=2), ReplicaMonitor(max_lag_s=2)
    both.check(near)
    both.check(far, primary=200)
    both.check(far, 5)
    assert not far.is_usable()
    assert both.check(near, UNAVAILABLE_AFTER_S + 1, primary=None)
    assert near.lag_s is None
    assert not both.check(far)


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReplicaMonitor]:
    """Let this process think that there is a standby, and that it keeps up."""
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


def test_a_request_reads_from_the_standby_and_begins_anew_at_the_primary_where_it_fails(trusted: ReplicaMonitor) -> None:
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
    answers: list[Any] = [middleware(request_for(view)) for _ in range(3)]
    bodies = [answer.content for answer in answers]
    assert bodies == [b"found"] * 3
    assert requests == [REPLICA, REPLICA, PRIMARY, PRIMARY]


@pytest.mark.parametrize("answer", [lambda error: refuse(HttpRequest(), error), lambda error: problem_response(error, {})])
def test_a_standby_that_is_away_is_no_answer_yet(answer: Any) -> None:
    with routing.use_database(REPLICA), pytest.raises(OperationalError, match="gone"):
        answer(OperationalError("gone"))


def test_what_the_primary_fails_in_is_failed(trusted: ReplicaMonitor) -> None:
    middleware = ReadFromReplica(lambda _: HttpResponse())
    assert middleware.process_exception(HttpRequest(), OperationalError("gone")) is None
    with routing.use_database(REPLICA):
        assert middleware.process_exception(HttpRequest(), ValueError()) is None
        assert routing.current_alias() == REPLICA


def test_a_stream_goes_on_where_it_began_and_at_the_primary_where_that_fails(trusted: ReplicaMonitor) -> None:
    requested: list[str] = []

    def ask() -> bytes:
        requested.append(routing.current_alias())
        if len(requested) == 2:
            raise OperationalError("gone")
        return b"."

    def parts() -> Iterator[bytes]:
        for _ in range(3):
            yield routing.retry_on_primary(ask)

    response = ReadFromReplica(lambda _: StreamingHttpResponse(parts()))(HttpRequest())
    assert isinstance(response, StreamingHttpResponse)
    assert routing.current_alias() == PRIMARY
    assert b"".join(response) == b"..."
    assert requested == [REPLICA, REPLICA, PRIMARY, PRIMARY]


def test_the_orm_reads_where_the_thread_reads_and_writes_to_the_primary() -> None:
    assert Vintage.objects.all().db == PRIMARY
    with routing.use_database(REPLICA):
        assert Vintage.objects.all().db == REPLICA
        assert routing.Router().db_for_write(Vintage) == PRIMARY
        assert not routing.Router().allow_migrate(REPLICA, "geography")
