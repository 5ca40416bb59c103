"""Database guard by process role: only the role `web` has the guarded backend; commands and loads use Django's."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection

pytestmark = pytest.mark.django_db

INSPECT = """
import json, threading
from django.conf import settings
from django.db import connections
connection = connections["default"]
with connection.cursor() as cursor:
    cursor.execute("SELECT 1")
wrappers = [wrapper.__qualname__ for wrapper in connection.execute_wrappers]
threads = sorted(thread.name for thread in threading.enumerate() if thread is not threading.main_thread())
print(json.dumps([settings.ROLE, type(connection).__module__, wrappers, threads]))
"""
COMMAND = f"""
import contextlib, io, runpy, sys
sys.argv = ["manage.py", *sys.argv[1:]]
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    runpy.run_path("manage.py", run_name="__main__")
{INSPECT}
"""
DJANGO = "django.contrib.gis.db.backends.postgis.base"


def inspect_process(code: str, *arguments: str, **environment: str) -> Any:
    """Return role, backend module, execute wrappers and background threads of a process that runs `code`."""
    database = connection.settings_dict
    keys = {f"DB_{key}": str(database[key]) for key in ("HOST", "PORT", "USER", "PASSWORD", "NAME")}
    empty = {"DATABASE_URL": "", "DB_API_PASSWORD": "", "DB_LOADER_PASSWORD": "", "SECRET_KEY": "for-tests"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=django_settings.APP_DIR,
        env=os.environ | keys | empty | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("arguments", "role"),
    [(["load_boundaries", "--help"], "loader"), (["load_series", "--help"], "loader"), (["check"], "")],
)
def test_command_has_no_wrapper_and_no_background_thread(arguments: list[str], role: str) -> None:
    assert inspect_process(COMMAND, *arguments) == [role, DJANGO, [], []]


def test_web_worker_has_wrapper_and_background_threads() -> None:
    role, backend, wrappers, threads = inspect_process(
        f"import config.wsgi\n{INSPECT}", DOWNLOADS_DIR="/dev/null/none", BODY_CACHE_MB="0"
    )
    assert (role, backend, wrappers) == ("web", "operations.postgis.base", ["guarded_execute"])
    assert {"statement-watchdog", "database-probe-default", "reader-watchdog"} <= set(threads)
