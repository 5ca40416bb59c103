"""Report of benchmarks/load.py: refusals and failures."""

from benchmarks.faults import Window
from benchmarks.load import judged
from tests.support.request_mix import Refusal, Results

LOCKED = Window("lock_tables", began=100.0, ended=105.0, recovered=106.0)
UNRECOVERED = Window("crash_the_database", began=200.0, ended=202.0, recovered=None)


def counted(*refusals: Refusal) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]]:
    refused, failed = judged(Results(refused=list(refusals)), [LOCKED, UNRECOVERED])
    return dict(refused), dict(failed)


def test_refusal_within_fault_window_is_a_refusal() -> None:
    for at in (99.9, 100.5, 105.9, 231.0):
        assert counted(Refusal("tile", "database-busy", at, 0.2)) == ({("tile", "database-busy"): 1}, {})


def test_refusal_outside_fault_windows_is_a_failure() -> None:
    for at in (99.0, 106.1, 233.0):
        assert counted(Refusal("tile", "database-away", at, 0.2)) == ({}, {("tile", "database-away (without a fault)"): 1})


def test_slow_refusal_is_a_failure() -> None:
    slow = [Refusal("layer", "database-busy", 101.0, 1.1), Refusal("bulk", "too-many-at-once", 50.0, 1.1)]
    assert counted(*slow) == ({}, {("layer", "database-busy (slow)"): 1, ("bulk", "too-many-at-once (slow)"): 1})


def test_bulk_limit_refusal_needs_no_fault() -> None:
    assert counted(Refusal("bulk", "too-many-at-once", 50.0, 0.1)) == ({("bulk", "too-many-at-once"): 1}, {})
