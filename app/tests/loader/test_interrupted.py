"""Loads that are killed, lose their connection or run concurrently: published vintages stay, the next load succeeds."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import psycopg2  # type: ignore[import-untyped]
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from geography.models import Region, RegionLevel, RegionPart, Status, Vintage
from loader import pipeline
from loader.errors import PublishError
from tests.loader.test_levels import rough
from tests.support import boundary_files as files
from tests.support.loading import checksums, load_file
from tests.support.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

PUBLISHED = "v.status = 'published'"
# Limit for a process that never ends. A load takes seconds; on a machine that runs other tests, minutes.
HANG_S = 600
OPTIONS = [
    "--coverage=health-regions",
    "--vintage=2022",
    "--effective-from=2022-12-01",
    "--representation=digital",
    "--title=Test",
]


def start(*args: str) -> subprocess.Popen[str]:
    """Start a load in a process of its own."""
    database = connection.settings_dict
    env = os.environ | {
        "DB_NAME": str(database["NAME"]),
        "DEBUG": "false",
        "SECRET_KEY": "x",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Download files would take most of the time, and would be written into the folder of bin/serve.
        "DOWNLOADS_AT_PUBLISH": "false",
    }
    command = [sys.executable, "manage.py", "load_boundaries", *OPTIONS, *args]
    return subprocess.Popen(command, cwd=settings.APP_DIR, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def second_connection() -> Any:
    """Return a connection to the same database, outside of Django."""
    database = connection.settings_dict
    parameters = {
        "dbname": database["NAME"],
        "host": database["HOST"],
        "port": database["PORT"],
        "user": database["USER"],
        "password": database["PASSWORD"],
    }
    other = psycopg2.connect(**{key: text for key, text in parameters.items() if text})
    other.autocommit = True
    return other


@pytest.fixture
def others() -> Iterator[Any]:
    other = second_connection()
    yield other.cursor()
    other.close()


def loading(cursor: Any) -> bool:
    """Return whether a session holds the load lock of this database, even if its process has ended."""
    cursor.execute(
        "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database"
        " WHERE relation = 'public.load_lock'::regclass AND granted AND datname = current_database())"
    )
    return bool(cursor.fetchone()[0])


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Return the output of a process after its end; fail the test if it hangs."""
    try:
        return process.communicate(timeout=HANG_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return pytest.fail(f"a load did not end within {HANG_S} s: {process.communicate()}")


def started(cursor: Any, *args: str) -> subprocess.Popen[str]:
    """Start a load and return when it holds the load lock."""
    process = start(*args)
    wait_until(lambda: process.poll() is not None or loading(cursor), "the load holds the load lock, or has ended", HANG_S)
    return process


def wait_for_backend_to_end(cursor: Any) -> None:
    """Wait until the database backend of a killed process has noticed the lost connection and ended."""
    wait_until(lambda: not loading(cursor), "the backend of the killed load has released the load lock", HANG_S)


def assert_sound() -> None:
    """Assert that every vintage has all its regions, pieces and levels, and that no row is without a vintage."""
    for vintage in Vintage.objects.all():
        assert vintage.regions.count() == vintage.region_count
        assert RegionLevel.objects.filter(region__vintage=vintage).count() == 4 * vintage.region_count
        assert not Region.objects.filter(vintage=vintage, parts=None).exists()
        assert not Region.objects.filter(vintage=vintage, area_km2=0).exists()
    assert RegionPart.objects.count() == RegionPart.objects.filter(region__vintage__in=Vintage.objects.all()).count()


def test_killed_load_keeps_published_vintages(tmp_path: Path, others: Any) -> None:
    load_file(files.shape(tmp_path / "fsa", files.fsa_grid(["R3A", "R3B", "R3C", "R3E"])), "fsa")
    load_file(files.shape(tmp_path / "old", rough(0)), vintage="2022")
    path = files.shape(tmp_path / "new", rough(1, count=60, step=80))
    args = [f"--file={path}", "--accept=change", "--because=test"]
    before = checksums(PUBLISHED)

    process, began = started(others, *args, "--dry-run"), time.monotonic()
    ended(process)
    took = time.monotonic() - began
    assert process.returncode == 0
    assert checksums(PUBLISHED) == before

    # One kill at a random moment of each part of the duration of the dry run.
    chance, killed, parts = np.random.default_rng(2022), 0, int(os.environ.get("LOADER_KILLS", "5"))
    for part in range(parts):
        process = started(others, *args)
        time.sleep(took * (part + chance.random()) / (parts + 0.5))  # the moment is what is tested
        process.send_signal(signal.SIGKILL)
        ended(process)
        wait_for_backend_to_end(others)
        killed += process.returncode == -signal.SIGKILL
        assert_sound()
        if Vintage.objects.filter(source_file=path.name, status=Status.PUBLISHED, region_count=60).exists():
            break
        assert checksums(PUBLISHED) == before
        assert Vintage.objects.exclude(status=Status.PUBLISHED).count() <= 1
    # Fewer kills than parts if a load takes less time than the dry run.
    assert killed >= 2

    process = start(*args)
    _, stderr = ended(process)
    assert process.returncode == 0, stderr
    assert_sound()
    assert set(Vintage.objects.values_list("coverage__slug", "status", "region_count")) == {
        ("fsa", "published", 4),
        ("health-regions", "retired", 12),
        ("health-regions", "published", 60),
    }


def started_together(cursor: Any, *paths: Path) -> list[subprocess.Popen[str]]:
    """Start a load of each file, and let them go on once all of them wait for the load lock."""
    cursor.execute("BEGIN; LOCK TABLE load_lock IN SHARE UPDATE EXCLUSIVE MODE")
    processes = [start(f"--file={path}") for path in paths]
    for process in processes:
        assert process.stderr is not None
        assert any("waiting for the load lock" in line for line in process.stderr), "the load did not wait"
    cursor.execute("ROLLBACK")
    return processes


def test_concurrent_loads_are_serialised(tmp_path: Path, others: Any) -> None:
    paths = [files.shape(tmp_path / name, rough(seed), name=name) for seed, name in enumerate(("first", "second"))]
    processes = started_together(others, *paths)
    outputs = [ended(process) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert sorted(Vintage.objects.values_list("status", flat=True)) == ["published", "retired"]
    assert_sound()


def test_concurrent_loads_of_same_file_publish_once(tmp_path: Path, others: Any) -> None:
    path = files.shape(tmp_path, rough(0))
    processes = started_together(others, path, path)
    outputs = ["".join(ended(process)) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert sorted("nothing to do" in output for output in outputs) == [False, True]
    assert Vintage.objects.count() == 1


def test_load_lock_timeout_is_an_error(
    tmp_path: Path, others: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pipeline, "_LOCK_WAIT_S", 0.2)
    others.execute("BEGIN; LOCK TABLE load_lock IN SHARE UPDATE EXCLUSIVE MODE")
    path = files.shape(tmp_path, files.grid())
    with pytest.raises(CommandError, match=r"Another load into this database is running \(load lock timeout\)"):
        call_command("load_boundaries", *OPTIONS, f"--file={path}", stdout=StringIO())
    assert "waiting for the load lock" in capsys.readouterr().err
    for wait in (lambda: pipeline.prune(files.quiet()), lambda: pipeline.roll_back("health-regions", files.quiet())):
        with pytest.raises(PublishError, match="Another load"):
            wait()
    others.execute("ROLLBACK")
    assert load_file(path).what == "published"


@pytest.mark.parametrize(
    "step",
    [
        "loader.pipeline.build_levels",
        "loader.relations.build.compute_borders",
        "loader.relations.overlaps.compute_overlaps",
        "loader.pipeline.verify",
    ],
)
def test_lost_database_connection_is_a_one_line_error(
    step: str, tmp_path: Path, others: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_file(files.shape(tmp_path / "fsa", files.fsa_grid(["R3A"])), "fsa")
    load_file(files.shape(tmp_path / "old", files.grid(2)))
    before = checksums()
    original = resolve_name(step)

    def cut(*args: Any, **kwargs: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            others.execute("SELECT pg_terminate_backend(%s, 5000)", cursor.fetchone())
        return original(*args, **kwargs)

    path = files.shape(tmp_path / "new", files.grid(4))
    with monkeypatch.context() as patch:
        patch.setattr(step, cut)
        with pytest.raises(CommandError, match="Database unavailable: ") as caught:
            call_command("load_boundaries", *OPTIONS, f"--file={path}", stdout=StringIO(), verbosity=0)
    assert "\n" not in str(caught.value)
    connection.close()
    assert checksums() == before
    assert load_file(path).what == "published"


def test_other_connections_see_only_published_rows(tmp_path: Path, others: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    load_file(files.shape(tmp_path / "old", files.grid(2)))
    seen = []
    for step in ("subdivide_and_measure", "build_levels", "verify"):
        original = getattr(pipeline, step)

        def observe(*args: Any, original: Any = original, **kwargs: Any) -> Any:
            others.execute("SELECT status, region_count, (SELECT count(*) FROM region) FROM vintage")
            seen.append(others.fetchall())
            return original(*args, **kwargs)

        monkeypatch.setattr(pipeline, step, observe)
    load_file(files.shape(tmp_path / "new", files.grid(4)))
    assert seen == [[("published", 2, 2)]] * 3
