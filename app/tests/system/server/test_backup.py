"""bin/db backup, destroy and restore, in a cluster of its own: equal responses before and after."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.support.demo_regions import position

REPO: Path = settings.REPO_DIR
POSITION = position(2_000, 2_000)
PATHS = (
    "/health-regions?detail=high",
    "/health-regions/3501/neighbours?detail=none",
    "/fsa/M1A?detail=none",
    f"/locate?lat={POSITION['lat']}&lon={POSITION['lon']}",
    "/vintages/health-regions/2018/changes/2022",
    "/readyz",
)
GET_PATHS = f"""
import json
from django.test import Client
client = Client()
print(json.dumps([client.get(path).json() for path in {PATHS!r}]))
"""


# A process has a vintage in memory while the database is restored to an earlier state and another vintage is published.
ACROSS_A_RESTORE = """
import subprocess
from datetime import date
from django.db import connections
from django.test import Client
from geography.vintages import catalogue
from geography.vintages.resolve import vintage_in_force
from tests.support import demo_regions as world
from tests.support.lookup_index import build_index

# Each answer reads the published vintages.
catalogue.MAX_AGE_S = 0.0
lon, lat = world.lonlat(12_000, 5_000)

def publish(places):
    vintage = world.make_vintage("health-regions", "2024", date(2024, 1, 1))
    world.add_places(vintage, places)
    vintage.refresh_from_db()
    return vintage

def answer():
    found = Client().get("/locate", {"lat": lat, "lon": lon}).json()["properties"]["health_region"]
    listed = Client().get("/health-regions", {"detail": "none", "fields": "hruid"})
    return [found["vintage"], found["hruid"], len(listed.json()["features"]), listed.headers["ETag"]]

first = publish(world.HEALTH_REGIONS_2022)
build_index(first)
before = answer()
connections.close_all()
subprocess.run(["bin/db", "restore", FILE], check=True, capture_output=True)
second = publish(world.HEALTH_REGIONS_2018)
after = answer()
print(json.dumps({"keys": [first.pk, second.pk], "before": before, "after": after}))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Make a second checkout, whose bin/db has its own cluster; yield a function that runs a command in it."""
    if not (list(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or (REPO / ".local" / "postgis").exists()):
        pytest.skip("no PostgreSQL to make a cluster with: the tests use a database elsewhere")
    shutil.copytree(REPO / "bin", tmp_path / "bin")
    (tmp_path / ".local").mkdir()
    for name in ("app", "data", ".venv", ".local/postgis"):
        (tmp_path / name).symlink_to(REPO / name)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("DB_", "DATABASE", "PG"))}

    def run(*command: str) -> str:
        # bin/db determines its database itself.
        lines = [] if command[0] == "bin/db" else (tmp_path / ".local" / "env").read_text(encoding="utf-8").splitlines()
        environment = inherited | dict(line.split("=", 1) for line in lines)
        # The folder of the project is that of `app`, behind the symbolic link.
        downloads = str(tmp_path / "downloads")
        environment |= {"SECRET_KEY": "x", "ALLOWED_HOSTS": "testserver,localhost", "DOWNLOADS_DIR": downloads}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr[-3000:]
        return done.stdout

    try:
        yield run
    finally:
        run("bin/db", "destroy", "--yes")


def test_restore_after_destroy_gives_equal_responses(checkout: Callable[..., str], tmp_path: Path) -> None:
    def manage(*command: str) -> str:
        return checkout(sys.executable, "app/manage.py", *command)

    def responses() -> Any:
        return json.loads(manage("shell", "-v0", "-c", GET_PATHS))

    def password() -> str:
        return (tmp_path / ".local" / "env").read_text(encoding="utf-8").split("DB_PASSWORD=")[1].split()[0]

    checkout("bin/db", "up")
    manage("migrate", "-v0", "--noinput")
    manage("shell", "-v0", "-c", "from tests.support import demo_regions as world; world.build(related=True)")
    before, old_password = responses(), password()
    assert before[-1]["status"] == "ready"
    checkout("bin/db", "backup", str(tmp_path / "geo.dump"))
    checkout("bin/db", "destroy", "--yes")
    # Only the backup is left of the first cluster; the new one has other passwords.
    checkout("bin/db", "restore", str(tmp_path / "geo.dump"))
    assert password() != old_password
    assert responses() == before
    assert "3501" in checkout("bin/db", "psql", "-At", "-c", "select hruid from geo.health_regions where hruid = '3501'")


def test_running_process_uses_restored_database(checkout: Callable[..., str], tmp_path: Path) -> None:
    """A restore resets the sequence of primary keys: the next vintage gets a key that the process has cached."""

    def manage(*command: str) -> str:
        return checkout(sys.executable, "app/manage.py", *command)

    checkout("bin/db", "up")
    manage("migrate", "-v0", "--noinput")
    manage("shell", "-v0", "-c", "from tests.support import demo_regions as world; world.build(related=True)")
    backup = str(tmp_path / "geo.dump")
    checkout("bin/db", "backup", backup)
    script = f"import json\nFILE = {backup!r}\n{ACROSS_A_RESTORE}"
    data = json.loads(manage("shell", "-v0", "-c", f"exec({script!r}, {{}})"))
    assert data["keys"][0] == data["keys"][1], "the test needs equal primary keys"
    assert data["before"][:3] == ["2024", "3502", 6]
    assert data["after"][:3] == ["2024", "3501", 2]
    assert data["before"][3] != data["after"][3]
