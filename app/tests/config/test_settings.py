"""Settings from the environment. Each case runs in its own process, since settings are read once."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings

SHOW = (
    "import json; from config import settings as s; d = s.DATABASES['default']; "
    "print(json.dumps([d['OPTIONS'], d['CONN_MAX_AGE'], d['NAME'], s.ALLOWED_HOSTS, str(s.STATIC_ROOT)]))"
)
PLAIN = {"SECRET_KEY": "x", "DB_HOST": "localhost", "PATH": os.environ["PATH"]}


def run(code: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=settings.APP_DIR, env=environment, capture_output=True, text=True, check=False)


def read(first: str = "", **environment: str) -> Any:
    """Return the options, the age of connections, the database's name, the hosts and the folder of static files."""
    completed = run(first + SHOW, PLAIN | environment)
    assert completed.returncode == 0, completed.stderr
    return json.loads(completed.stdout)


def test_statement_timeout_applies_to_the_server_only() -> None:
    web_role = "import os; os.environ['COVIDTRENDS_GEO_ROLE'] = 'web'; "
    assert read(web_role)[0]["options"] == "-c statement_timeout=10000 -c lock_timeout=2500 -c timezone=UTC"
    assert (
        read(web_role, DB_STATEMENT_TIMEOUT_MS="400")[0]["options"]
        == "-c statement_timeout=400 -c lock_timeout=100 -c timezone=UTC"
    )
    assert "options" not in read(web_role, DB_STATEMENT_TIMEOUT_MS="0")[0]
    assert "options" not in read(DB_STATEMENT_TIMEOUT_MS="400")[0]


def test_deprecated_circuit_breaker_setting_still_works() -> None:
    code = "from config import settings as s; print(s.DB_UNAVAILABLE_AFTER_MS)"
    assert run(code, PLAIN).stdout.strip() == "750"
    assert run(code, PLAIN | {"DB_SILENT_AFTER_MS": "900"}).stdout.strip() == "900"
    assert run(code, PLAIN | {"DB_SILENT_AFTER_MS": "900", "DB_UNAVAILABLE_AFTER_MS": "300"}).stdout.strip() == "300"


def test_unknown_role_stops_the_start() -> None:
    completed = run(SHOW, PLAIN | {"COVIDTRENDS_GEO_ROLE": "server"})
    assert completed.returncode != 0
    assert "COVIDTRENDS_GEO_ROLE is web, loader or empty" in completed.stderr


REPLICA = (
    "import os, json; os.environ['COVIDTRENDS_GEO_ROLE'] = 'web'; from config import settings as s; "
    "print(json.dumps({name: [d['HOST'], d['USER'], d['OPTIONS'].get('options'), d['DISABLE_SERVER_SIDE_CURSORS'],"
    " d['OPTIONS']['connect_timeout']] for name, d in s.DATABASES.items()}))"
)


def test_replica_is_configured_for_the_server_only() -> None:
    keys = {"DB_REPLICA_URL": "postgis://a:b@standby/geo", "DB_API_PASSWORD": "c"}
    limits = "-c statement_timeout=10000 -c lock_timeout=2500 -c timezone=UTC"
    assert json.loads(run(REPLICA, PLAIN | keys).stdout) == {
        "default": ["localhost", "geo_api", limits, False, 2],
        "replica": ["standby", "geo_api", limits, False, 2],
    }
    code = "from config import settings as s; print(list(s.DATABASES))"
    assert run(code, PLAIN | keys).stdout.strip() == "['default']"


def test_pooled_connection_has_no_session_options() -> None:
    keys = {"DB_REPLICA_URL": "postgis://a:b@standby/geo", "DB_POOLED": "true"}
    data = json.loads(run(REPLICA, PLAIN | keys).stdout)
    assert {name: values[2:4] for name, values in data.items()} == {"default": [None, True], "replica": [None, True]}


USER = "from config import settings as s; d = s.DATABASES['default']; print(d['USER'], d['PASSWORD'])"


@pytest.mark.parametrize(
    "where", [{}, {"DATABASE_URL": "postgis://owner:secret@h/there"}, {"DB_USER": "owner", "DB_PASSWORD": "secret"}]
)
def test_role_passwords_select_the_database_user(where: dict[str, str]) -> None:
    def user(*, role: str = "", **environment: str) -> str:
        first = f"import os; os.environ['COVIDTRENDS_GEO_ROLE'] = '{role}'; " if role else ""
        return run(first + USER, PLAIN | where | environment).stdout.strip()

    owner = "owner secret" if where else "covidtrends_geo"
    assert user() == user(role="web") == user(role="loader") == user(DB_API_PASSWORD="a", DB_LOADER_PASSWORD="l") == owner
    assert user(role="web", DB_API_PASSWORD="a") == "geo_api a"
    assert user(role="loader", DB_LOADER_PASSWORD="l") == "geo_loader l"
    assert user(role="loader", DB_API_PASSWORD="a") == owner


def test_wsgi_sets_the_web_role() -> None:
    environment = {key: value for key, value in os.environ.items() if key.startswith(("GDAL", "GEOS", "PROJ"))}
    completed = run(f"import config.wsgi; {SHOW}", PLAIN | environment)
    assert completed.returncode == 0, completed.stderr
    assert "statement_timeout" in completed.stdout


def test_database_url_keeps_its_options() -> None:
    options, _, name, _, _ = read(DATABASE_URL="postgis://u:p@h:5433/there?sslmode=require")
    assert (options["sslmode"], options["connect_timeout"], name) == ("require", 2, "there")


def test_empty_value_equals_unset() -> None:
    empty = dict.fromkeys(["CONN_MAX_AGE", "DB_NAME", "ALLOWED_HOSTS", "STATIC_ROOT", "DB_STATEMENT_TIMEOUT_MS"], "")
    assert read(**empty) == read()


def test_missing_secret_key_stops_the_start() -> None:
    if (settings.REPO_DIR / ".env").exists():
        pytest.skip("this checkout has a .env, which may hold a key")
    completed = run(SHOW, PLAIN | {"SECRET_KEY": ""})
    assert completed.returncode != 0
    assert "SECRET_KEY is not set" in completed.stderr
