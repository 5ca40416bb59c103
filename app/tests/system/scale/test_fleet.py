"""Two web servers, primary, standby, PgBouncer and nginx: no request lost when a part fails; publication and replica lag."""

import contextlib
import json
import os
import signal
from functools import partial
from pathlib import Path

from tests.support.cluster import Cluster
from tests.support.fleet import Fleet
from tests.support.processes import wait_until
from tests.system.scale.conftest import PATHS, Traffic, get, replica_state, traffic

STAGED = (
    "from geography.models import Vintage; from loader.publication import publish; v = Vintage.objects.get(label='draft'); "
)


def publish(fleet: Fleet) -> None:
    """Publish the staged vintage `draft` of the FSAs on the primary."""
    fleet.prepare("shell", "-v0", "-c", STAGED + "publish.publish(v)")


def retire(fleet: Fleet) -> None:
    """Set the vintage `draft` back to staged."""
    fleet.prepare("shell", "-v0", "-c", STAGED + "v.status = 'staged'; v.save()")


def labels(port: int) -> set[str]:
    return {vintage["label"] for vintage in json.loads(get(port, "/vintages")[1])["vintages"] if vintage["coverage"] == "fsa"}


def has_received_requests(fleet: Fleet, number: int) -> bool:
    """Return whether a web server has received requests since its start."""
    with contextlib.suppress(OSError):
        return "/fsa" in get(fleet.ports[number], "/metrics")[1]
    return False


def standby_is_used(fleet: Fleet) -> bool:
    return all(replica_state(fleet, number) == (1, 1) for number in range(2))


def wait_for_more_responses(results: Traffic) -> None:
    """Wait for 60 more responses."""
    reached = results.count + 60
    wait_until(lambda: results.count > reached)


def processes(cluster: Cluster) -> list[int]:
    """Return the process IDs of a cluster, the postmaster first."""
    postmaster = int((cluster.folder / "postmaster.pid").read_text(encoding="ascii").splitlines()[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text(encoding="ascii").split()
    return [postmaster, *(int(pid) for pid in children)]


def test_publication_is_visible_at_every_web_server(fleet: Fleet) -> None:
    assert not any("draft" in labels(port) for port in fleet.ports)
    with traffic(fleet) as results:
        publish(fleet)
        wait_until(lambda: all("draft" in labels(port) for port in fleet.ports))
        retire(fleet)
        wait_until(lambda: not any("draft" in labels(port) for port in fleet.ports))
    assert set(results.outcomes) == {"200"}
    assert standby_is_used(fleet)


def test_lagging_standby_is_not_used(fleet: Fleet) -> None:
    assert fleet.standby is not None
    fleet.standby.sql("select pg_wal_replay_pause()")
    try:
        publish(fleet)
        wait_until(lambda: all("draft" in labels(port) for port in fleet.ports))
        assert [replica_state(fleet, number) for number in range(2)] == [(1, 0)] * 2
    finally:
        fleet.standby.sql("select pg_wal_replay_resume()")
    wait_until(lambda: standby_is_used(fleet))
    assert all("draft" in labels(port) for port in fleet.ports)
    retire(fleet)


def test_killed_standby_loses_no_request(fleet: Fleet) -> None:
    assert fleet.standby is not None
    with traffic(fleet) as results:
        fleet.standby.stop("immediate")
        try:
            wait_until(lambda: [replica_state(fleet, number) for number in range(2)] == [(0, 0)] * 2)
            wait_for_more_responses(results)
        finally:
            fleet.standby.start()
        wait_until(lambda: standby_is_used(fleet))
    assert set(results.outcomes) == {"200"}


def test_frozen_standby_loses_no_request(fleet: Fleet) -> None:
    assert fleet.standby is not None
    stopped = processes(fleet.standby)
    with traffic(fleet) as results:
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            wait_until(lambda: [replica_state(fleet, number)[1] for number in range(2)] == [0, 0])
            wait_for_more_responses(results)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        wait_until(lambda: standby_is_used(fleet))
    assert set(results.outcomes) == {"200"}


def test_killed_web_server_loses_no_request(fleet: Fleet) -> None:
    for number in range(2):
        with traffic(fleet) as results:
            fleet.kill_web(number)
            wait_for_more_responses(results)
            fleet.webs[number] = fleet.start_web(number)
            # nginx does not use a failed server for two seconds (fail_timeout).
            wait_until(partial(has_received_requests, fleet, number))
        assert set(results.outcomes) == {"200"}
    wait_until(lambda: standby_is_used(fleet))


def test_standby_serves_requests_while_primary_is_unavailable(fleet: Fleet) -> None:
    with traffic(fleet) as results:
        fleet.primary.stop("immediate")
        try:
            for port in fleet.ports:
                assert get(port, "/readyz")[0] == 200
                assert [get(port, path)[0] for path in PATHS] == [200] * len(PATHS)
                assert "geo_database_up 0.0" in get(port, "/metrics")[1]
            wait_for_more_responses(results)
        finally:
            fleet.primary.start()
    assert set(results.outcomes) == {"200"}
    wait_until(lambda: all("geo_database_up 1.0" in get(port, "/metrics")[1] for port in fleet.ports))


def test_logs_have_no_positions_or_codes(fleet: Fleet) -> None:
    written = "".join(path.read_text(encoding="utf-8", errors="replace") for path in fleet.folder.rglob("*.log"))
    assert "/locate" in written
    assert PATHS[0].split("lat=")[1].split("&")[0][:8] not in written
    assert "M5V" not in written
