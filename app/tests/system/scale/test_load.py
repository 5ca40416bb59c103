"""Load test with the request mix of benchmarks/load.py, for a few seconds, through the whole fleet."""

import pytest

from benchmarks.load import report, run
from tests.support.fleet import Fleet


def test_no_request_of_the_mix_fails(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    results, windows = run(fleet, seconds=5, clients=4, faults=None)
    assert not results.failed
    assert windows == []
    assert results.milliseconds["lookup"]
    report(results, 5)
    assert "failed: none" in capsys.readouterr().out
