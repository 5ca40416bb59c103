"""Settings: read from the environment, then `.env`, then what `bin/db` wrote for the private PostGIS.

Every key read here is described in `.env.example`; a test holds the two together.
"""

import os
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from web import assets

APP_DIR = Path(__file__).resolve().parent.parent
REPO_DIR = APP_DIR.parent


class Env(environ.Env):  # type: ignore[misc] # the package has no types
    """An environment in which an empty value counts as not set, as in `cp .env.example .env`."""

    def get_value(self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, parse_default: bool = False) -> Any:
        """Return the value, or the default where it is empty or missing."""
        if default is not self.NOTSET and not self.ENVIRON.get(var):
            return default
        return super().get_value(var, cast, default, parse_default)


env = Env()
environ.Env.read_env(REPO_DIR / ".env")
# The private cluster's address counts only as a whole: mixing its port with somebody's own host would be wrong.
if not (env.str("DB_HOST", "") or env.str("DATABASE_URL", "")):
    environ.Env.read_env(REPO_DIR / ".local" / "env")

DEBUG = env.bool("DEBUG", False)

SECRET_KEY = env.str("SECRET_KEY", "")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured("SECRET_KEY is not set. Put one in .env (see .env.example); bin/serve makes one by itself.")
    SECRET_KEY = "only-for-debug"  # noqa: S105 - never reached with DEBUG off

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "django.contrib.gis",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "rest_framework_gis",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "geography",
    "indicators",
    "operations",
    "loader",
    "api",
    "web",
]

MIDDLEWARE = [
    "operations.middleware.observe_request",
    "operations.middleware.security_headers",
    "api.http.conditional.vary_middleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "api.middleware.throttling.throttle",
    "api.http.conditional.compression_middleware",
    "corsheaders.middleware.CorsMiddleware",
    "api.http.language.language_middleware",
    "django.middleware.common.CommonMiddleware",
    "api.middleware.replica_routing.ReadFromReplica",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
# Both spellings of a path are routes of their own: a redirect would cost a mobile client a round trip.
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]


DB_STATEMENT_TIMEOUT_MS = env.int("DB_STATEMENT_TIMEOUT_MS", 10_000)
# After so long without a sign of life the database counts as away (operations.circuit_breaker); 0 waits as long as it takes.
DB_SILENT_AFTER_MS = env.int("DB_SILENT_AFTER_MS", 750)

# What the service and what a load connect as, instead of the owner (data/schema/020_roles.sql), and the analysts' role.
DATABASE_ROLE_PASSWORDS = {
    "geo_api": env.str("DB_API_PASSWORD", ""),
    "geo_loader": env.str("DB_LOADER_PASSWORD", ""),
    "geo_reader": env.str("DB_READER_PASSWORD", ""),
}


# PgBouncer in transaction mode stands before the database: what belongs to a session does not hold there.
DB_POOLED = env.bool("DB_POOLED", False)


def _primary() -> dict[str, Any]:
    """Return where the database is, from DATABASE_URL or from the DB_* keys."""
    test = {"TEST": {"NAME": env.str("DB_TEST_NAME", "") or None}}
    if env.str("DATABASE_URL", ""):
        return dict(env.db_url("DATABASE_URL")) | test
    return test | {
        "NAME": env.str("DB_NAME", "covidtrends_geo"),
        "USER": env.str("DB_USER", "covidtrends_geo"),
        "PASSWORD": env.str("DB_PASSWORD", ""),
        "HOST": env.str("DB_HOST", "127.0.0.1"),
        "PORT": env.str("DB_PORT", "5432"),
    }


def _database(config: dict[str, Any]) -> dict[str, Any]:
    """Return Django's DATABASES entry for the database that is there."""
    # Each with no more rights than it needs, where its role has a password; everything else is the owner's business.
    for role, uses in (("geo_api", "COVIDTRENDS_GEO_SERVES"), ("geo_loader", "COVIDTRENDS_GEO_LOADS")):
        if uses in os.environ and DATABASE_ROLE_PASSWORDS[role]:
            config |= {"USER": role, "PASSWORD": DATABASE_ROLE_PASSWORDS[role]}
    # A database that is away must be noticed in seconds, not when TCP gives up. One that hangs: operations.circuit_breaker.
    options = {
        "connect_timeout": 2,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 20_000,
        "application_name": "covidtrends-geo",
    }
    timeout = DB_STATEMENT_TIMEOUT_MS
    if timeout and "COVIDTRENDS_GEO_SERVES" in os.environ and not DB_POOLED:
        # Waiting for somebody's lock is no work: it ends sooner. The time zone is Django's, which else asks for it by itself.
        options["options"] = f"-c statement_timeout={timeout} -c lock_timeout={max(timeout // 4, 1)} -c timezone=UTC"
    return config | {
        "ENGINE": "operations.postgis",
        "CONN_MAX_AGE": env.int("CONN_MAX_AGE", 60),
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": DB_POOLED,
        "OPTIONS": config.get("OPTIONS", {}) | options,
    }


DATABASES = {"default": _database(_primary())}
# A streaming standby, which the service reads from while it keeps up (operations.replica_lag). Nobody else does.
DB_REPLICA_MAX_LAG_S = env.float("DB_REPLICA_MAX_LAG_S", 5.0)
if env.str("DB_REPLICA_URL", "") and "COVIDTRENDS_GEO_SERVES" in os.environ:
    DATABASES["replica"] = _database(env.db_url("DB_REPLICA_URL"))
DATABASE_ROUTERS = ["geography.db.routing.Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# GDAL below 3.9 (Debian 12's own) cannot block network access. loader.source.archive and loader.source.reader keep it off by
# themselves. security.W002: frame-ancestors of the Content-Security-Policy does what X-Frame-Options did
# (operations.middleware). W003: there are no cookies, no sessions and no forms that could be forged. W005, W021: one service
# does not decide for all names of its domain; the proxy may.
SILENCED_SYSTEM_CHECKS = ["gis.W001", "security.W002", "security.W003", "security.W005", "security.W021"]

# Only set where the libraries are not where the system's loader looks (bin/ and the image do so).
GDAL_LIBRARY_PATH = env.str("GDAL_LIBRARY_PATH", "") or None
GEOS_LIBRARY_PATH = env.str("GEOS_LIBRARY_PATH", "") or None

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français")]
LOCALE_PATHS = [APP_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = env.path("STATIC_ROOT", default=str(REPO_DIR / ".local" / "static"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "web.storage.Storage"},
}
# The map page's files lie in a folder that is named after what is in it (web.assets).
STATICFILES_DIRS = [(assets.PREFIX, assets.FOLDER)]
WHITENOISE_IMMUTABLE_FILE_TEST = assets.IMMUTABLE
WHITENOISE_ADD_HEADERS_FUNCTION = assets.add_headers

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_RENDERER_CLASSES": ["api.http.renderers.GeoJSONRenderer", "api.http.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "api.problems.problem_response",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    # `format` is nobody's parameter here: an unknown parameter is an error, this one too.
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "COVIDTrends Geo",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "PREPROCESSING_HOOKS": ["api.openapi.document.exclude_trailing_slashes"],
    "POSTPROCESSING_HOOKS": ["api.openapi.document.add_shared_components"],
}

# Where `load_boundaries` keeps what it downloads, and where tests and benchmarks find real boundary files.
GEODATA_CACHE = env.path("GEODATA_CACHE", default=str(REPO_DIR / "geodata" / "cache"))
# Answers are kept compressed, in a folder of it, in at most this many megabytes; 0 keeps none.
BODY_CACHE_MB = env.int("BODY_CACHE_MB", 512)
# How long the text of the boundaries of one answer may be, in megabytes; a longer one is to be had as a file.
LAYER_MAX_MB = env.int("LAYER_MAX_MB", 512)
GEODATA_DIR = env.path("GEODATA_DIR", default=str(REPO_DIR.parent / "shared" / "geodata"))

# Threads of a process, as bin/_server.sh starts them: each answers one request at a time.
WEB_THREADS = env.int("WEB_THREADS", 8)
# Bulk requests of a process at once (api.http.concurrency.bulk), and large answers that it sends at once
# (api.http.concurrency.transfers). Together fewer than its threads, so that lookups go on.
BULK_AT_ONCE = env.int("BULK_AT_ONCE", 2)
TRANSFERS_AT_ONCE = env.int("TRANSFERS_AT_ONCE", max(WEB_THREADS - BULK_AT_ONCE - 3, 1))

# Seconds in which the whole body of a request must have arrived (operations.request_body).
BODY_TIMEOUT_S = env.float("BODY_TIMEOUT_S", 60.0)

# How often one client may ask (api.middleware.throttling), and how many proxies stand before the service that can be believed.
THROTTLE_RATE = env.str("THROTTLE_RATE", "")
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0)
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # In memory only: it holds client addresses.
    "throttle": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "throttle",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    },
}

# What a body may hold. Every route that takes one has a limit of its own, which is lower; forms and files nobody takes.
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
DATA_UPLOAD_MAX_NUMBER_FILES = 0

# Who may read /metrics: whoever sends this token, or, without one, this machine itself.
METRICS_TOKEN = env.str("METRICS_TOKEN", "")

# How many vertices of boundaries a web process may hold in memory for lookups; 0: none, the database answers all.
LOOKUP_MEMORY_VERTICES = env.int("LOOKUP_MEMORY_VERTICES", 8_000_000)

# Where the files of every published vintage lie for people to take away: made by the loader, served by every web process.
DOWNLOADS_DIR = env.path("DOWNLOADS_DIR", default=str(REPO_DIR / ".local" / "downloads"))
# False leaves them to `manage.py export`, where what publishes and what serves share no folder.
DOWNLOADS_AT_PUBLISH = env.bool("DOWNLOADS_AT_PUBLISH", True)
# X-Accel-Redirect (nginx) or X-Sendfile (Apache, lighttpd) hands a file over to the proxy, as docs/downloads.md tells; the
# prefix is what the proxy knows DOWNLOADS_DIR as.
DOWNLOADS_HEADER = env.str("DOWNLOADS_HEADER", "")
DOWNLOADS_PREFIX = env.str("DOWNLOADS_PREFIX", "")

CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_ALLOW_ALL_ORIGINS = not CORS_ALLOWED_ORIGINS
# What a page may read of an answer beside its body.
CORS_EXPOSE_HEADERS = [
    *("Link", "X-Request-ID", "Retry-After", "Cache-Status"),
    *("ETag", "Content-Range", "Accept-Ranges", "Content-Length", "Content-Disposition", "Age", "Allow", "Date", "Vary"),
]
# Any header: there are no credentials to protect, and tracing libraries add their own (traceparent, baggage, sentry-trace).
# Authorization is the one header that the asterisk does not cover (Fetch standard, CORS-preflight fetch).
CORS_ALLOW_HEADERS = ["*", "authorization"]
CORS_ALLOW_METHODS = ["GET", "HEAD", "OPTIONS", "POST"]

# A page's address may hold a position: it goes to nobody, not even to this service's own log.
SECURE_REFERRER_POLICY = "no-referrer"

if env.bool("SECURE_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    # Health checks and scrapes speak plain HTTP to the process.
    SECURE_REDIRECT_EXEMPT = [r"^livez/?$", r"^readyz/?$", r"^metrics/?$"]
    SECURE_HSTS_SECONDS = 31_536_000

LOG_FORMAT = env.str("LOG_FORMAT", "line")
if LOG_FORMAT not in ("line", "json"):
    raise ImproperlyConfigured(f"LOG_FORMAT is line or json, not {LOG_FORMAT!r}.")
# A line for every request: method, route template, status, times. Without it only what went wrong is logged.
LOG_REQUESTS = env.bool("LOG_REQUESTS", False)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "operations.log_format.LineFormatter"},
        "json": {"()": "operations.log_format.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", "INFO")},
    # These write the path with the query string, or the SQL with its values: that is somebody's position.
    "loggers": {
        "django.request": {"level": "CRITICAL"},
        "django.server": {"level": "CRITICAL"},
        "django.db.backends": {"level": "INFO"},
        "django.security": {"level": "CRITICAL"},
    },
}
