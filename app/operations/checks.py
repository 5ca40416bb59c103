"""System checks of settings that contradict each other."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from rest_framework.throttling import SimpleRateThrottle


@register(Tags.security)
def check_limits(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Look at the limits: those that lock everybody out, and those that are none."""
    messages: list[CheckMessage] = []
    if settings.THROTTLE_RATE:
        try:
            requests, _ = SimpleRateThrottle.parse_rate(None, settings.THROTTLE_RATE)  # type: ignore[arg-type] # uses no self
        except (ValueError, KeyError, IndexError):
            requests = None
        if not requests or requests < 1:
            messages.append(
                Error(
                    f"THROTTLE_RATE cannot be read: {settings.THROTTLE_RATE!r}.",
                    hint="A number of requests and a period: 5/s, 100/min, 2000/hour. Empty for no limit.",
                    id="operations.E001",
                )
            )
        if getattr(settings, "SECURE_PROXY_SSL_HEADER", None) and not settings.TRUSTED_PROXIES:
            messages.append(
                Error(
                    "THROTTLE_RATE behind a proxy that nobody is told of: all clients together count as one, the proxy.",
                    hint="Set TRUSTED_PROXIES to the number of your proxies, or throttle there and leave THROTTLE_RATE empty.",
                    id="operations.E002",
                )
            )
    if settings.TRUSTED_PROXIES < 0:
        messages.append(Error("TRUSTED_PROXIES is less than 0.", hint="The number of your proxies.", id="operations.E003"))
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
                f"BULK_AT_ONCE={settings.BULK_AT_ONCE} and TRANSFERS_AT_ONCE={settings.TRANSFERS_AT_ONCE} leave none "
                f"of a process's {settings.WEB_THREADS} threads to lookups.",
                hint="Set WEB_THREADS to at least 3, and each of the others to at least 1, together below WEB_THREADS.",
                id="operations.W001",
            )
        )
    proxied = settings.TRUSTED_PROXIES > 0 or getattr(settings, "SECURE_PROXY_SSL_HEADER", None)
    if proxied and not settings.METRICS_TOKEN:
        messages.append(
            Info(
                "Behind a proxy without METRICS_TOKEN, /metrics is answered to nobody.",
                hint="Set METRICS_TOKEN to at least 16 random characters, and send it as Authorization: Bearer.",
                id="operations.I001",
            )
        )
    return messages


@register(Tags.security, deploy=True)
def check_proxy_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Look at what only matters on a server."""
    messages: list[CheckMessage] = []
    if "*" in settings.ALLOWED_HOSTS:
        messages.append(
            Warning(
                "ALLOWED_HOSTS lets every name in.",
                hint="Name those that the service is reached by: a foreign name in a cached answer is somebody else's.",
                id="operations.W002",
            )
        )
    if settings.METRICS_TOKEN and len(settings.METRICS_TOKEN) < 16:
        messages.append(Warning("METRICS_TOKEN can be guessed.", hint="At least 16 random characters.", id="operations.W003"))
    return messages


@register(Tags.database)
def check_database_log_settings(app_configs: Any = None, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Look whether the server writes statements to its log: they hold people's positions and postal codes."""
    from django.db import Error as DatabaseError  # noqa: PLC0415 - two classes of one name
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
            continue  # geography.E001 says so
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
                    f"The database {alias!r} writes statements with their values to its log: {', '.join(logged)}.",
                    hint="They are people's positions. Set log_statement to none or ddl, the two durations to -1, and "
                    "log_min_error_statement to panic; log_min_messages to log: the text of an error repeats values, too.",
                    id="operations.W004",
                )
            )
    return messages


@register(Tags.database)
def check_pooler_timeouts(app_configs: Any = None, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Look whether statements through PgBouncer have a limit: none can be sent when connecting."""
    from django.db import Error as DatabaseError  # noqa: PLC0415 - two classes of one name
    from django.db import connections  # noqa: PLC0415

    messages: list[CheckMessage] = []
    for alias in databases or [] if settings.DB_POOLED else []:
        try:
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT coalesce(rolconfig::text, '') FROM pg_roles WHERE rolname IN ('geo_api', current_user)")
                limited = any("statement_timeout" in config for (config,) in cursor)
        except DatabaseError:
            continue  # geography.E001 says so
        if not limited:
            messages.append(
                Warning(
                    f"DB_POOLED is set, and in the database {alias!r} the role of the service has no limit of time.",
                    hint="alter role geo_api set statement_timeout = '10s'; alter role geo_api set lock_timeout = '2500ms'",
                    id="operations.W005",
                )
            )
    return messages


@register(Tags.database)
def the_server_runs_what_is_installed(app_configs: Any = None, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Look whether procedural code runs: it does not where PostgreSQL was upgraded under a running server."""
    from django.db import Error as DatabaseError  # noqa: PLC0415 - two classes of one name

    from geography.queries.readiness import runs_code  # noqa: PLC0415 - the apps must be ready

    messages: list[CheckMessage] = []
    for alias in databases or []:
        try:
            runs = runs_code(alias)
        except DatabaseError:
            continue  # geography.E001 says so
        if not runs:
            messages.append(
                Error(
                    f"The database {alias!r} cannot load its own libraries.",
                    hint="Its packages were upgraded while it ran: restart PostgreSQL (of bin/: bin/db down; bin/db up).",
                    id="operations.E005",
                )
            )
    return messages
