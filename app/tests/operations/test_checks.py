"""System checks: settings that contradict each other."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from operations.checks import check_database_log_settings
from tests.support.cluster import Cluster, NotInstalled, folder_for_postgres


def check_ids(**options: Any) -> set[str]:
    return {message.id or "" for message in run_checks(**options)}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"THROTTLE_RATE": "often"}, {"operations.E001"}),
        ({"THROTTLE_RATE": "0/min"}, {"operations.E001"}),
        ({"THROTTLE_RATE": "5/x"}, {"operations.E001"}),
        ({"THROTTLE_RATE": "5/s"}, set()),
        (
            {"THROTTLE_RATE": "5/s", "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")},
            {"operations.E002", "operations.I001"},
        ),
        (
            {"THROTTLE_RATE": "5/s", "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"), "TRUSTED_PROXIES": 1},
            {"operations.I001"},
        ),
        ({"TRUSTED_PROXIES": -1}, {"operations.E003"}),
        ({"BULK_AT_ONCE": -1}, {"operations.E004"}),
        ({"WEB_THREADS": 0}, {"operations.E004"}),
        ({"BULK_AT_ONCE": 0}, {"operations.W001"}),
        ({"BULK_AT_ONCE": 4, "WEB_THREADS": 4}, {"operations.W001"}),
        ({"BULK_AT_ONCE": 2, "TRANSFERS_AT_ONCE": 2, "WEB_THREADS": 4}, {"operations.W001"}),
        ({"BULK_AT_ONCE": 1, "TRANSFERS_AT_ONCE": 1, "WEB_THREADS": 3}, set()),
        ({"TRANSFERS_AT_ONCE": -1}, {"operations.E004"}),
        ({"TRUSTED_PROXIES": 1}, {"operations.I001"}),
        ({"TRUSTED_PROXIES": 1, "METRICS_TOKEN": "x" * 16}, set()),
        ({}, set()),
    ],
)
def test_contradicting_limits_are_reported(settings: Any, changes: dict[str, Any], expected: set[str]) -> None:
    for key, value in changes.items():
        setattr(settings, key, value)
    assert {check_id for check_id in check_ids() if check_id.startswith("operations.")} == expected


def test_every_check_message_has_a_hint(settings: Any) -> None:
    settings.THROTTLE_RATE, settings.TRUSTED_PROXIES, settings.BULK_AT_ONCE = "often", -1, -1
    settings.ALLOWED_HOSTS, settings.METRICS_TOKEN = ["*"], "short"
    messages = [
        run_check for run_check in run_checks(include_deployment_checks=True) if (run_check.id or "").startswith("operations.")
    ]
    assert {message.id for message in messages} >= {"operations.E001", "operations.E003", "operations.W002", "operations.W003"}
    assert all(message.hint for message in messages)


@pytest.fixture(scope="module")
def superuser(django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """Yield a connection of a superuser, who may set what is logged, to a server of its own: the alias `superuser`."""
    with folder_for_postgres("checks") as folder, django_db_blocker.unblock():
        cluster = Cluster(folder / "data", "none")
        try:
            cluster.make()
        except NotInstalled as error:
            pytest.skip(str(error))
        cluster.start()
        keys = {"HOST": "127.0.0.1", "PORT": cluster.port, "USER": "postgres", "PASSWORD": "none", "NAME": "postgres"}
        connections.settings["superuser"] = django_settings.DATABASES["default"] | keys
        yield connections["superuser"]
        connections["superuser"].close()
        del connections["superuser"], connections.settings["superuser"]
        cluster.stop()


# Settings of the private PostGIS and of the containers.
SILENT = {
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_min_error_statement": "panic",
    "log_min_messages": "log",
}


@pytest.mark.parametrize(
    ("changed", "reported"),
    [
        ({}, []),
        ({"log_statement": "ddl"}, []),
        ({"log_statement": "all"}, ["log_statement=all"]),
        ({"log_min_duration_statement": "250"}, ["log_min_duration_statement=250ms"]),
        ({"log_min_duration_sample": "0"}, ["log_min_duration_sample=0"]),
        ({"log_min_error_statement": "error"}, ["log_min_error_statement=error"]),
        ({"log_min_messages": "warning"}, ["log_min_messages=warning"]),
    ],
)
def test_statement_logging_is_reported(
    superuser: BaseDatabaseWrapper, django_db_blocker: DjangoDbBlocker, changed: dict[str, str], reported: list[str]
) -> None:
    with django_db_blocker.unblock():
        with superuser.cursor() as cursor:
            for name, value in (SILENT | changed).items():
                cursor.execute(f"SET {name} = '{value}'")
        messages = check_database_log_settings(databases=["superuser"])
    assert [message.id for message in messages] == ["operations.W004"] * len(reported)
    assert [message.msg.partition(": ")[2] for message in messages] == [f"{name}." for name in reported]


@pytest.mark.django_db
def test_role_without_statement_timeout_behind_pooler_is_reported(settings: Any) -> None:
    def messages() -> list[str]:
        return [run_check.hint or "" for run_check in run_checks(databases=["default"]) if run_check.id == "operations.W005"]

    assert messages() == []
    settings.DB_POOLED = True
    with connection.cursor() as cursor:
        (hint,) = messages()
        assert hint.startswith("alter role geo_api set statement_timeout")
        # A role may set this default for itself.
        cursor.execute("ALTER ROLE current_user SET statement_timeout = '10s'")
    assert messages() == []


def test_check_deploy_passes_with_production_settings() -> None:
    database = django_settings.DATABASES["default"]
    keys = {f"DB_{key}": str(database[key]) for key in ("HOST", "PORT", "USER", "PASSWORD", "NAME")}
    production = keys | {
        "DATABASE_URL": "",
        "DEBUG": "false",
        "SECRET_KEY": "f" * 20 + "abcdefghijklmnopqrstuvwxyz0123456789" + "!" * 10,
        "ALLOWED_HOSTS": "geo.example.org",
        "SECURE_PROXY": "true",
        "TRUSTED_PROXIES": "1",
        "THROTTLE_RATE": "600/min",
        "METRICS_TOKEN": "0123456789abcdef",
    }
    # A session fixture of the browser tests sets this variable, which check reports as async.E001.
    inherited = {key: value for key, value in os.environ.items() if key != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(
        command, cwd=django_settings.APP_DIR, env=inherited | production, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
