"""The mix of questions of benchmarks/load.py, for some seconds, through every part of the fleet."""

import pytest

from benchmarks.load import report, run
from tests.support.fleet import Fleet


def test_nothing_of_a_mix_of_questions_fails(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    seen, windows = run(fleet, seconds=5, clients=4, faults=None)
    assert not seen.failed
    assert windows == []
    assert seen.milliseconds["lookup"]
    report(seen, 5)
    assert "failed: none" in capsys.readouterr().out
