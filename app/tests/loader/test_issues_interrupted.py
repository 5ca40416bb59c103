"""Killed load of many issues: the previous issue stays complete, and the next run continues."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from indicators.models import Blob, Indicator, Issue, Place
from loader.series import storage
from tests.loader.test_issues import blobs, published, values_as_of
from tests.support.issue_history import KEYS, SmallIssue, changes_text, declared, small_history
from tests.support.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

ISSUES, KILLS = 60, 6
# Limit for a process that never ends.
HANG_S = 300


def long_history() -> list[SmallIssue]:
    """Return issues that each add a day and correct a value."""
    state = small_history()[0].state
    history = []
    for number in range(ISSUES):
        state = state | {(key, f"2022-{number // 28 + 2:02}-{number % 28 + 1:02}"): 1_000 + 10 * number for key in KEYS}
        state[KEYS[number % 4], "2022-01-05"] += 1
        history.append(SmallIssue(f"2022-06-{number // 24 + 1:02}T{number % 24:02}:00:00Z", state))
    return history


def start(folder: Path) -> subprocess.Popen[bytes]:
    """Start a load in a process of its own."""
    database = connection.settings_dict
    env = os.environ | {
        "DB_NAME": str(database["NAME"]),
        "DEBUG": "false",
        "SECRET_KEY": "x",
        "PYTHONDONTWRITEBYTECODE": "1",
        "DOWNLOADS_AT_PUBLISH": "false",
    }
    command = [sys.executable, "manage.py", "load_series", "history", f"--sources={folder / 'series.toml'}"]
    command += [f"--issues={folder / 'changes.csv'}", "--accept=ends_earlier", "--because=as published"]
    return subprocess.Popen(command, cwd=settings.APP_DIR, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_issues(process: subprocess.Popen[bytes], number: int) -> None:
    def arrived() -> bool:
        return Issue.objects.count() >= number or process.poll() is not None

    wait_until(arrived, f"{number} issues are stored", HANG_S, interval_s=0.001)


def check_whole(history: list[SmallIssue]) -> int:
    """Assert that the stored issues are the first of a history, and the arrays those of the last; return their number."""
    issues = published()
    assert [issue.issued_at for issue in issues] == [issue.issued_at for issue in history[: len(issues)]]
    for issue, expected in zip(issues[-3:], history[len(issues) - 3 : len(issues)], strict=True):
        assert values_as_of(issue) == expected.state
    stored = blobs()
    with transaction.atomic():
        storage.derive(Indicator.objects.get(slug="history"))
    assert blobs() == stored
    return len(issues)


def test_killed_run_leaves_whole_issues_and_continues(tmp_path: Path) -> None:
    declared(tmp_path)
    history = long_history()
    (tmp_path / "changes.csv").write_text(changes_text(history), encoding="utf-8")
    killed = 0
    for kill in range(KILLS):
        sessions_before = other_sessions()
        process = start(tmp_path)
        wait_for_issues(process, 4 + kill * ISSUES // KILLS)
        sessions_of_load = other_sessions() - sessions_before
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait(HANG_S)
        wait_for_sessions_to_end(sessions_of_load)
        assert check_whole(history) >= 4
    assert killed >= KILLS - 1
    assert start(tmp_path).wait(HANG_S) == 0
    assert check_whole(history) == ISSUES
    assert Blob.objects.exists()
    Indicator.objects.all().delete()
    Place.objects.all().delete()


def wait_for_sessions_to_end(pids: set[int]) -> None:
    """Wait until the server has noticed that a killed client is gone: its last transaction may still commit."""
    wait_until(lambda: not pids & other_sessions(), "the sessions of the killed load end", HANG_S)


def other_sessions() -> set[int]:
    """Return the pids of the other sessions of the database. Threads of earlier tests may hold some."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        return {pid for (pid,) in cursor.fetchall()}
