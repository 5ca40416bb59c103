"""System checks of settings, of the database's log and of its time limits (operations.E…, W…, I…)."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from rest_framework.throttling import SimpleRateThrottle


@register(Tags.security)
def check_limits(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Check request limits: rates that cannot be parsed, limits that refuse every client, limits without effect."""
    messages: list[CheckMessage] = []
    if settings.THROTTLE_RATE:
        try:
            requests, _ = SimpleRateThrottle.parse_rate(None, settings.THROTTLE_RATE)  # type: ignore[arg-type] # uses no self
        except (ValueError, KeyError, IndexError):
            requests = None
        if not requests or requests < 1:
            messages.append(
                Error(
                    f"THROTTLE_RATE is invalid: {settings.THROTTLE_RATE!r}.",
                    hint="Set a number of requests and a period: 5/s, 100/min, 2000/hour. Empty for no limit.",
                    id="operations.E001",
                )
            )
        if getattr(settings, "SECURE_PROXY_SSL_HEADER", None) and not settings.TRUSTED_PROXIES:
            messages.append(
                Error(
                    "THROTTLE_RATE needs TRUSTED_PROXIES behind a proxy: all clients share the proxy's address.",
                    hint="Set TRUSTED_PROXIES to the number of your proxies, or limit rates there without THROTTLE_RATE.",
                    id="operations.E002",
                )
            )
    if settings.TRUSTED_PROXIES < 0:
        messages.append(
            Error("TRUSTED_PROXIES is less than 0.", hint="Set it to the number of your proxies.", id="operations.E003")
        )
    if settings.BULK_AT_ONCE < 0 or settings.TRANSFERS_AT_ONCE < 0 or settings.WEB_THREADS < 1:
        messages.append(
            Error(
                "BULK_AT_ONCE or TRANSFERS_AT_ONCE is less than 0, or WEB_THREADS less than 1.",
                hint="See .env.example.",
                id="operations.E004",
            )
        )
    elif (
        0 in (settings.BULK_AT_ONCE, settings.TRANSFERS_AT_ONCE)
        or settings.BULK_AT_ONCE + settings.TRANSFERS_AT_ONCE >= settings.WEB_THREADS
    ):
        messages.append(
            Warning(
                f"BULK_AT_ONCE={settings.BULK_AT_ONCE} and TRANSFERS_AT_ONCE={settings.TRANSFERS_AT_ONCE} leave no "
                f"thread for lookups: WEB_THREADS={settings.WEB_THREADS}.",
                hint="Set WEB_THREADS to at least 3, and each of the others to at least 1, together below WEB_THREADS.",
                id="operations.W001",
            )
        )
    proxied = settings.TRUSTED_PROXIES > 0 or getattr(settings, "SECURE_PROXY_SSL_HEADER", None)
    if proxied and not settings.METRICS_TOKEN:
        messages.append(
            Info(
                "Behind a proxy without METRICS_TOKEN, /metrics answers 404 to every client.",
                hint="Set METRICS_TOKEN to at least 16 random characters, and send it as Authorization: Bearer.",
                id="operations.I001",
            )
        )
    return messages


@register(Tags.security, deploy=True)
def check_proxy_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Check settings that matter behind a public name: allowed hosts and the metrics token."""
    messages: list[CheckMessage] = []
    if "*" in settings.ALLOWED_HOSTS:
        messages.append(
            Warning(
                "ALLOWED_HOSTS accepts every host name.",
                hint="List the names of the service: a cached response could contain a foreign host name in its links.",
                id="operations.W002",
            )
        )
    if settings.METRICS_TOKEN and len(settings.METRICS_TOKEN) < 16:
        messages.append(Warning("METRICS_TOKEN is too short.", hint="Use at least 16 random characters.", id="operations.W003"))
    return messages


@register(Tags.database)
def check_database_log_settings(app_configs: Any = None, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Check whether the server logs statements: they contain positions and postal codes."""
    from django.db import Error as DatabaseError  # noqa: PLC0415 - checks has an Error too
    from django.db import connections  # noqa: PLC0415

    messages: list[CheckMessage] = []
    for alias in databases or []:
        try:
            with connections[alias].cursor() as cursor:
                cursor.execute(
                    "SELECT current_setting('log_statement'), current_setting('log_min_duration_statement'),"
                    " current_setting('log_min_duration_sample'), current_setting('log_min_error_statement'),"
                    " current_setting('log_min_messages')"
                )
                statement, duration, sample, error, messages_ = cursor.fetchone()
        except DatabaseError:
            continue  # reported as geography.E001
        logged = [
            f"{name}={value}"
            for name, value, logs in (
                ("log_statement", statement, statement == "all"),
                ("log_min_duration_statement", duration, duration != "-1"),
                ("log_min_duration_sample", sample, sample != "-1"),
                ("log_min_error_statement", error, error not in {"fatal", "panic"}),
                ("log_min_messages", messages_, messages_ not in {"log", "fatal", "panic"}),
            )
            if logs
        ]
        if logged:
            messages.append(
                Warning(
                    f"The database {alias!r} logs statements with their values: {', '.join(logged)}.",
                    hint="The values are positions. Set log_statement to none or ddl, the two durations to -1, "
                    "log_min_error_statement to panic and log_min_messages to log: error messages repeat values too.",
                    id="operations.W004",
                )
            )
    return messages


@register(Tags.database)
def check_pooler_timeouts(app_configs: Any = None, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Check whether statements through PgBouncer have a timeout: a pooled connection cannot set one."""
    from django.db import Error as DatabaseError  # noqa: PLC0415 - checks has an Error too
    from django.db import connections  # noqa: PLC0415

    messages: list[CheckMessage] = []
    for alias in databases or [] if settings.DB_POOLED else []:
        try:
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT coalesce(rolconfig::text, '') FROM pg_roles WHERE rolname IN ('geo_api', current_user)")
                has_timeout = any("statement_timeout" in config for (config,) in cursor)
        except DatabaseError:
            continue  # reported as geography.E001
        if not has_timeout:
            messages.append(
                Warning(
                    f"DB_POOLED is set, but the service's role has no statement_timeout in the database {alias!r}.",
                    hint="alter role geo_api set statement_timeout = '10s'; alter role geo_api set lock_timeout = '2500ms'",
                    id="operations.W005",
                )
            )
    return messages


@register(Tags.database)
def check_server_libraries(app_configs: Any = None, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Check whether procedural functions run: they fail after PostgreSQL was upgraded under a running server."""
    from django.db import Error as DatabaseError  # noqa: PLC0415 - checks has an Error too

    from geography.queries.readiness import runs_code  # noqa: PLC0415 - the apps must be ready

    messages: list[CheckMessage] = []
    for alias in databases or []:
        try:
            runs = runs_code(alias)
        except DatabaseError:
            continue  # reported as geography.E001
        if not runs:
            messages.append(
                Error(
                    f"The database {alias!r} cannot load its own libraries.",
                    hint="Packages were upgraded under a running server: restart PostgreSQL (bin/db down; bin/db up).",
                    id="operations.E005",
                )
            )
    return messages
