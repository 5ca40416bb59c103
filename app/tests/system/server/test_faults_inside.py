"""Faults inside the service, and publication under traffic, on a real PostGIS."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings

from tests.loader.test_levels import rough
from tests.support import boundary_files as files
from tests.support.faults import NAME, FaultyCluster
from tests.support.processes import wait_until
from tests.support.traffic import (
    CACHED_PATHS,
    DOWNLOAD,
    OK_STATUSES,
    TILE,
    Response,
    Traffic,
    assert_only_database_paths_refused,
)
from tests.system.server.conftest import Server

# The fixtures of the server need a test database.
pytestmark = pytest.mark.django_db


def test_killed_worker_is_replaced(running: Server, traffic: Traffic) -> None:
    killed = running.workers()[0]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: len(workers := running.workers()) == 2 and killed not in workers, "a worker replaces the killed one")
    traffic.wait_for_rounds()
    lost = traffic.status_counts()[0]
    # Requests in progress, and connections in the backlog of the killed worker.
    assert lost <= 8
    assert set(traffic.status_counts()) <= {*OK_STATUSES, 0}
    assert traffic.status_counts()[200] > lost


def test_cache_folder_deleted_or_replaced_by_a_file(cache: Path, traffic: Traffic) -> None:
    bodies = cache / "bodies"
    for _ in range(5):
        _wait_for_file_in(bodies)
        shutil.rmtree(bodies, ignore_errors=True)
    for _ in range(1_000):
        shutil.rmtree(bodies, ignore_errors=True)
        with contextlib.suppress(FileExistsError):  # a newly cached body has created the folder again
            bodies.touch(exist_ok=False)
            break
    assert bodies.is_file()
    traffic.wait_for_rounds()
    bodies.unlink()
    _wait_for_file_in(bodies)
    assert_only_database_paths_refused(traffic, refused=False)


def _wait_for_file_in(folder: Path) -> None:
    wait_until(lambda: folder.is_dir() and any(folder.iterdir()), f"a body is stored in {folder}")


def test_clock_jumps(clock: Path, traffic: Traffic) -> None:
    for wrong_by in (86_400, -86_400, 3_650 * 86_400, -365 * 86_400, 0):
        clock.write_text(str(wrong_by), encoding="utf-8")
        traffic.wait_for_rounds()
    assert_only_database_paths_refused(traffic, refused=False)


# Loads "2022" again with other names, without publishing it.
STAGING = """
from dataclasses import replace
from datetime import date
from geography.models import Status, Vintage
from loader.geometry.rebuild_tiles import rebuild_tiles

places = [replace(place, name_en="New " + place.name_en) for place in world.HEALTH_REGIONS_2022]
new = world.make_vintage("health-regions", "2022", date(2022, 1, 1), status=Status.STAGED, attribution_en="Source: new",
    region_count=len(places))
world.add_places(new, places)
world.add_overlaps(Vintage.objects.get(coverage__slug="fsa", label="2021"), new)
rebuild_tiles(new, lambda: None)
"""
PUBLICATION = """
from geography.models import Vintage
from loader.publication import publish
publish.{step}(Vintage.objects.get(coverage__slug="health-regions", label="2022", attribution_en="Source: new"))
"""
DEPENDENT_PATHS = (CACHED_PATHS[0], "/health-regions", "/fsa/M5V", TILE, f"{TILE}?vintage=2022")


def test_no_response_mixes_two_vintages(cluster: FaultyCluster, running: Server, traffic: Traffic) -> None:
    cluster.python(f"exec({STAGING!r})")
    for step in ("publish", "rollback") * 3:
        cluster.python(f"exec({PUBLICATION.format(step=step)!r})")
        traffic.wait_for(partial(_all_show, step == "publish"), f"every path shows the vintage after the {step}")
    cluster.python(f"exec({PUBLICATION.format(step='delete')!r})")
    assert_only_database_paths_refused(traffic, refused=False)
    seen = set()
    vintages_by_etag: dict[str, set[bool]] = {}
    for response in list(traffic.responses):
        if response.path.startswith(TILE):
            # Names are plain text in a tile.
            named = {
                match == b"New " for match in re.findall(rb"(New )?(?:West|East|Enclave|Upper) Health Unit", response.body)
            }
            assert len(named) == 1, response
            vintages_by_etag.setdefault(response.headers["etag"], set()).update(named)
            seen |= {(response.path, *named)}
        if response.path.startswith(TILE) or b"West Health Unit" not in response.body:
            continue
        new = {name.startswith(b"New ") for name in re.findall(rb'"name_en":"([^"]*Health Unit)"', response.body)}
        assert new == {b"Source: new" in response.body}, response
        seen |= {(response.path.partition("?")[0], *new)}
    # All tiles with the same ETag are of the same vintage. Each publication has new ETags.
    assert all(len(vintages) == 1 for vintages in vintages_by_etag.values())
    assert len({response.body for response in list(traffic.responses) if response.path == DOWNLOAD}) == 1
    # Every path has returned both vintages.
    assert {path for path, new in seen if new} == {path for path, new in seen if not new}
    assert {"/locate", "/health-regions", "/fsa/M5V", TILE, f"{TILE}?vintage=2022"} <= {path for path, _ in seen}


def _all_show(new: bool, responses: list[Response]) -> bool:
    """Return whether each path has been answered with the new vintage, or with the old one."""
    shown = {response.path for response in responses if (b"New West Health Unit" in response.body) == new}
    return shown >= set(DEPENDENT_PATHS)


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """Yield the folder of a small tmpfs that PostgreSQL may write to."""
    folder = Path(tempfile.mkdtemp(prefix="covidtrends-geo-disk-"))
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    try:
        if mount.returncode:
            pytest.skip("no right to mount a file system: a full disk cannot be simulated")
        shutil.chown(folder, "postgres", "postgres")
        yield folder
    finally:
        if not mount.returncode:
            subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


def load(cluster: FaultyCluster, path: Path) -> "subprocess.CompletedProcess[str]":
    options = ["--coverage=health-regions", "--vintage=2010", "--effective-from=2010-01-01", "--representation=digital"]
    accepted = ["--title=Test", "--accept=change", "--because=test", "--no-downloads", f"--file={path}"]
    return subprocess.run(
        [sys.executable, "manage.py", "load_boundaries", *options, *accepted],
        cwd=settings.APP_DIR,
        env=os.environ | cluster.keys() | {"SECRET_KEY": "x"},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def test_disk_full_during_a_load(cluster: FaultyCluster, running: Server, traffic: Traffic, tmp_path: Path) -> None:
    path = files.shape(tmp_path, rough(1, step=400))
    with small_disk(24) as disk:
        cluster.sql(f"CREATE TABLESPACE small LOCATION '{disk}'; ALTER TABLE region_part SET TABLESPACE small", NAME)
        ballast = disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as full:
            while full.write(bytes(65_536)):
                pass
        os.truncate(ballast, ballast.stat().st_size - 65_536)
        try:
            failed = load(cluster, path)
            assert failed.returncode != 0
            assert "No space left on device" in failed.stderr, failed.stderr
            assert "Traceback" not in failed.stderr
            with cluster.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM vintage WHERE label = '2010'")
                assert cursor.fetchone() == (0,)
            assert_only_database_paths_refused(traffic, refused=False)
            ballast.unlink()
            done = load(cluster, path)
            assert done.returncode == 0, done.stderr
        finally:
            # The loaded vintage stays: it is in force on no day that the requests use.
            cluster.sql("ALTER TABLE region_part SET TABLESPACE pg_default; DROP TABLESPACE small", NAME)
    assert_only_database_paths_refused(traffic, refused=False)


def test_load_into_read_only_database(cluster: FaultyCluster, tmp_path: Path) -> None:
    path = files.shape(tmp_path, files.grid(4))
    cluster.sql("ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf()")
    try:
        refused = load(cluster, path)
    finally:
        with cluster.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
            cursor.execute("ALTER SYSTEM RESET default_transaction_read_only")
            cursor.execute("SELECT pg_reload_conf()")
    assert refused.returncode != 0
    assert "read-only transaction" in refused.stderr
    assert "Traceback" not in refused.stderr
