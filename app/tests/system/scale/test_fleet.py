"""Two web servers, a primary with a standby, PgBouncer and a proxy: what is lost when one goes, and what is seen when."""

import contextlib
import json
import os
import signal
from functools import partial
from pathlib import Path

from tests.support.cluster import Cluster
from tests.support.fleet import Fleet
from tests.system.scale.conftest import QUESTIONS, Traffic, get, standing, traffic, until

STAGED = (
    "from geography.models import Vintage; from loader.publication import publish; v = Vintage.objects.get(label='draft'); "
)


def publish(fleet: Fleet) -> None:
    """Publish, on the primary, a vintage of the FSAs that is staged."""
    fleet.prepare("shell", "-v0", "-c", STAGED + "publish.publish(v)")


def retire(fleet: Fleet) -> None:
    """Take it back."""
    fleet.prepare("shell", "-v0", "-c", STAGED + "v.status = 'staged'; v.save()")


def labels(port: int) -> set[str]:
    return {vintage["label"] for vintage in json.loads(get(port, "/vintages")[1])["vintages"] if vintage["coverage"] == "fsa"}


def is_answered(fleet: Fleet, number: int) -> bool:
    """Say whether a web server has been asked anything since it started."""
    with contextlib.suppress(OSError):
        return "/fsa" in get(fleet.ports[number], "/metrics")[1]
    return False


def used(fleet: Fleet) -> bool:
    return all(standing(fleet, number) == (1, 1) for number in range(2))


def more(seen: Traffic) -> None:
    """Wait for more answers."""
    reached = seen.count + 60
    until(lambda: seen.count > reached)


def processes(cluster: Cluster) -> list[int]:
    """Return the numbers of a cluster's processes, the first one's first."""
    first = int((cluster.folder / "postmaster.pid").read_text(encoding="ascii").splitlines()[0])
    children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii").split()
    return [first, *(int(pid) for pid in children)]


def test_a_publication_on_the_primary_is_seen_at_every_server(fleet: Fleet) -> None:
    assert not any("draft" in labels(port) for port in fleet.ports)
    with traffic(fleet) as seen:
        publish(fleet)
        until(lambda: all("draft" in labels(port) for port in fleet.ports))
        retire(fleet)
        until(lambda: not any("draft" in labels(port) for port in fleet.ports))
    assert set(seen.answers) == {"200"}
    assert used(fleet)


def test_a_standby_that_is_too_far_behind_is_not_read_from(fleet: Fleet) -> None:
    assert fleet.standby is not None
    fleet.standby.sql("select pg_wal_replay_pause()")
    try:
        publish(fleet)
        until(lambda: all("draft" in labels(port) for port in fleet.ports))
        assert [standing(fleet, number) for number in range(2)] == [(1, 0)] * 2
    finally:
        fleet.standby.sql("select pg_wal_replay_resume()")
    until(lambda: used(fleet))
    assert all("draft" in labels(port) for port in fleet.ports)
    retire(fleet)


def test_a_standby_that_is_killed_costs_no_answer(fleet: Fleet) -> None:
    assert fleet.standby is not None
    with traffic(fleet) as seen:
        fleet.standby.stop("immediate")
        try:
            until(lambda: [standing(fleet, number) for number in range(2)] == [(0, 0)] * 2)
            more(seen)
        finally:
            fleet.standby.start()
        until(lambda: used(fleet))
    assert set(seen.answers) == {"200"}


def test_a_standby_that_says_nothing_costs_no_answer(fleet: Fleet) -> None:
    assert fleet.standby is not None
    stopped = processes(fleet.standby)
    with traffic(fleet) as seen:
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            until(lambda: [standing(fleet, number)[1] for number in range(2)] == [0, 0])
            more(seen)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        until(lambda: used(fleet))
    assert set(seen.answers) == {"200"}


def test_a_web_server_that_is_killed_costs_no_answer(fleet: Fleet) -> None:
    for number in range(2):
        with traffic(fleet) as seen:
            fleet.kill_web(number)
            more(seen)
            fleet.webs[number] = fleet.start_web(number)
            # The proxy leaves it alone for two seconds after it failed.
            until(partial(is_answered, fleet, number))
        assert set(seen.answers) == {"200"}
    until(lambda: used(fleet))


def test_while_the_primary_is_away_the_standby_answers(fleet: Fleet) -> None:
    with traffic(fleet) as seen:
        fleet.primary.stop("immediate")
        try:
            for port in fleet.ports:
                assert get(port, "/readyz")[0] == 200
                assert [get(port, question)[0] for question in QUESTIONS] == [200] * len(QUESTIONS)
                assert "geo_database_up 0.0" in get(port, "/metrics")[1]
            more(seen)
        finally:
            fleet.primary.start()
    assert set(seen.answers) == {"200"}
    until(lambda: all("geo_database_up 1.0" in get(port, "/metrics")[1] for port in fleet.ports))


def test_nothing_of_a_position_is_in_what_the_programs_wrote(fleet: Fleet) -> None:
    written = "".join(path.read_text(encoding="utf-8", errors="replace") for path in fleet.folder.rglob("*.log"))
    assert "/locate" in written
    assert QUESTIONS[0].split("lat=")[1].split("&")[0][:8] not in written
    assert "M5V" not in written
