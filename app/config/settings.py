"""Django settings and feature flags: from the environment, then `.env`, then `.local/env`, written by `bin/db` for the
private PostGIS.

`.env.example` describes every key; a test compares the two.
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
    """Environment in which an empty value counts as not set: `.env.example` has empty values."""

    def get_value(self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, parse_default: bool = False) -> Any:
        """Return the value of `var`, or the default if it is empty or missing."""
        if default is not self.NOTSET and not self.ENVIRON.get(var):
            return default
        return super().get_value(var, cast, default, parse_default)


env = Env()
environ.Env.read_env(REPO_DIR / ".env")
# The keys of the private cluster apply only together: its port does not belong to another host.
if not (env.str("DB_HOST", "") or env.str("DATABASE_URL", "")):
    environ.Env.read_env(REPO_DIR / ".local" / "env")

# Process role. `web` (config.wsgi): serves requests as geo_api, with the guarded database backend. `loader` (manage.py): loads
# as geo_loader. Empty: every other command, as the owner. Commands use Django's own backend.
ROLE = os.environ.get("COVIDTRENDS_GEO_ROLE", "")
if ROLE not in ("", "web", "loader"):
    raise ImproperlyConfigured(f"COVIDTRENDS_GEO_ROLE is web, loader or empty, not {ROLE!r}.")

DEBUG = env.bool("DEBUG", False)

SECRET_KEY = env.str("SECRET_KEY", "")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured("SECRET_KEY is not set. Set it in .env (see .env.example); bin/serve generates one.")
    SECRET_KEY = "only-for-debug"  # noqa: S105 - not used if DEBUG is off

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
# A path with and without the final slash are two routes: a redirect would cost a mobile client a round trip.
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]


DB_STATEMENT_TIMEOUT_MS = env.int("DB_STATEMENT_TIMEOUT_MS", 10_000)
# Milliseconds without an answer after which the circuit of a database opens (operations.circuit_breaker); 0: never.
# DB_SILENT_AFTER_MS is the deprecated name.
DB_UNAVAILABLE_AFTER_MS = env.int("DB_UNAVAILABLE_AFTER_MS", int(os.environ.get("DB_SILENT_AFTER_MS") or 750))

# Passwords of the roles of the service, of loads and of analysts (data/schema/020_roles.sql).
DATABASE_ROLE_PASSWORDS = {
    "geo_api": env.str("DB_API_PASSWORD", ""),
    "geo_loader": env.str("DB_LOADER_PASSWORD", ""),
    "geo_reader": env.str("DB_READER_PASSWORD", ""),
}


# True with a connection pool: PgBouncer in transaction mode, which does not support session settings and server-side cursors.
DB_POOLED = env.bool("DB_POOLED", False)


def _primary() -> dict[str, Any]:
    """Return the address of the primary, from DATABASE_URL or from the DB_* keys."""
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
    """Return Django's DATABASES entry for the database at this address, with the user and backend of the process role."""
    # Least privilege: the database role of the process role, if it has a password; otherwise the owner.
    user = {"web": "geo_api", "loader": "geo_loader"}.get(ROLE, "")
    if DATABASE_ROLE_PASSWORDS.get(user):
        config |= {"USER": user, "PASSWORD": DATABASE_ROLE_PASSWORDS[user]}
    # Detects a host that is down in seconds instead of TCP's default minutes. operations.circuit_breaker detects a hung server.
    options = {
        "connect_timeout": 2,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 20_000,
        "application_name": "covidtrends-geo",
    }
    timeout = DB_STATEMENT_TIMEOUT_MS
    if timeout and ROLE == "web" and not DB_POOLED:
        # A lock wait has a shorter timeout. The time zone is Django's; without it Django would send a statement to set it.
        options["options"] = f"-c statement_timeout={timeout} -c lock_timeout={max(timeout // 4, 1)} -c timezone=UTC"
    return config | {
        # The only place that selects the guard: statement watchdog, circuit breaker and permits wrap the role `web` alone.
        "ENGINE": "operations.postgis" if ROLE == "web" else "django.contrib.gis.db.backends.postgis",
        "CONN_MAX_AGE": env.int("CONN_MAX_AGE", 60),
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": DB_POOLED,
        "OPTIONS": config.get("OPTIONS", {}) | options,
    }


DATABASES = {"default": _database(_primary())}
# A streaming standby from which web workers read while its lag is small (operations.replica_lag). Commands use the primary.
DB_REPLICA_MAX_LAG_S = env.float("DB_REPLICA_MAX_LAG_S", 5.0)
if env.str("DB_REPLICA_URL", "") and ROLE == "web":
    DATABASES["replica"] = _database(env.db_url("DB_REPLICA_URL"))
DATABASE_ROUTERS = ["geography.db.routing.Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# gis.W001: GDAL below 3.9 (Debian 12) cannot block network access; loader.source.archive and loader.source.reader prevent it.
# security.W002: frame-ancestors of the Content-Security-Policy replaces X-Frame-Options (operations.middleware). W003: no
# cookies, sessions or forms exist. W005, W021: HSTS for subdomains and preloading are decisions for the whole domain.
SILENCED_SYSTEM_CHECKS = ["gis.W001", "security.W002", "security.W003", "security.W005", "security.W021"]

# Set if the libraries are outside the system loader's path (bin/ and the image set them).
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
# The folder of the pages' own files is named after a hash of their content (web.assets).
WEB_ASSETS = assets.PREFIX
STATICFILES_DIRS = [(WEB_ASSETS, assets.FOLDER)]
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
    # `format` is not a parameter of this API, and unknown parameters are errors.
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "COVIDTrends Geo",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    # In the order of the request models, most important parameters first.
    "SORT_OPERATION_PARAMETERS": False,
    "PREPROCESSING_HOOKS": ["api.openapi.document.exclude_trailing_slashes"],
    "POSTPROCESSING_HOOKS": ["api.openapi.document.add_shared_components"],
}

# Cache folder: downloads of `load_boundaries`, cached responses, the catalogue snapshot.
GEODATA_CACHE = env.path("GEODATA_CACHE", default=str(REPO_DIR / "geodata" / "cache"))
# Size limit of the response cache in GEODATA_CACHE/bodies, in megabytes; 0 disables it.
BODY_CACHE_MB = env.int("BODY_CACHE_MB", 512)
# Size limit of the geometry text of a layer response, in megabytes; larger layers are available as files.
LAYER_MAX_MB = env.int("LAYER_MAX_MB", 512)
# Real boundary files for tests and benchmarks.
GEODATA_DIR = env.path("GEODATA_DIR", default=str(REPO_DIR.parent / "shared" / "geodata"))

# Threads per process, as bin/_server.sh starts them: each answers one request at a time.
WEB_THREADS = env.int("WEB_THREADS", 8)
# Concurrency limits per process: bulk requests (api.http.concurrency.bulk) and transfers of large responses
# (api.http.concurrency.transfers). Their sum is below WEB_THREADS, so that threads remain for lookups.
BULK_AT_ONCE = env.int("BULK_AT_ONCE", 2)
TRANSFERS_AT_ONCE = env.int("TRANSFERS_AT_ONCE", max(WEB_THREADS - BULK_AT_ONCE - 3, 1))

# Timeout for receiving a whole request body, in seconds (operations.request_body).
BODY_TIMEOUT_S = env.float("BODY_TIMEOUT_S", 60.0)

# Sites whose pages may frame /embed, as sources of `frame-ancestors` in a Content-Security-Policy: origins, * or 'none'.
EMBED_FRAME_ANCESTORS = env.str("EMBED_FRAME_ANCESTORS", "*")

# Rate limit per client (api.middleware.throttling), and the number of trusted proxies in front of the service.
THROTTLE_RATE = env.str("THROTTLE_RATE", "")
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0)
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # In memory only: it contains client addresses.
    "throttle": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "throttle",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    },
}

# Upper bounds of request bodies. Each route that accepts a body has a lower limit; no route accepts forms or files.
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
DATA_UPLOAD_MAX_NUMBER_FILES = 0

# Bearer token for /metrics; if empty, /metrics answers this machine only.
METRICS_TOKEN = env.str("METRICS_TOKEN", "")

# Folder of the downloadable files of the published vintages: written by exports, served by every web process.
DOWNLOADS_DIR = env.path("DOWNLOADS_DIR", default=str(REPO_DIR / ".local" / "downloads"))
# False: only `manage.py export` writes them, for loaders and web servers without a shared folder.
DOWNLOADS_AT_PUBLISH = env.bool("DOWNLOADS_AT_PUBLISH", True)
# X-Accel-Redirect (nginx) or X-Sendfile (Apache, lighttpd): the proxy sends the file (docs/downloads.md). The prefix is the
# proxy's path of DOWNLOADS_DIR.
DOWNLOADS_HEADER = env.str("DOWNLOADS_HEADER", "")
DOWNLOADS_PREFIX = env.str("DOWNLOADS_PREFIX", "")

CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_ALLOW_ALL_ORIGINS = not CORS_ALLOWED_ORIGINS
# Response headers that scripts of other origins may read.
CORS_EXPOSE_HEADERS = [
    *("Link", "X-Request-ID", "Retry-After", "Cache-Status", "Content-Crs"),
    *("ETag", "Content-Range", "Accept-Ranges", "Content-Length", "Content-Disposition", "Age", "Allow", "Date", "Vary"),
]
# Any header: there are no credentials to protect, and tracing libraries add their own (traceparent, baggage, sentry-trace).
# Authorization is the one header that the asterisk does not cover (Fetch standard, CORS-preflight fetch).
CORS_ALLOW_HEADERS = ["*", "authorization"]
CORS_ALLOW_METHODS = ["GET", "HEAD", "OPTIONS", "POST"]

# A page's URL can contain a position, so no request sends it as a referrer.
SECURE_REFERRER_POLICY = "no-referrer"

if env.bool("SECURE_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    # Health checks and scrapes use plain HTTP.
    SECURE_REDIRECT_EXEMPT = [r"^livez/?$", r"^readyz/?$", r"^metrics/?$"]
    SECURE_HSTS_SECONDS = 31_536_000

LOG_FORMAT = env.str("LOG_FORMAT", "line")
if LOG_FORMAT not in ("line", "json"):
    raise ImproperlyConfigured(f"LOG_FORMAT is line or json, not {LOG_FORMAT!r}.")
# Access log: status, method, route template and times. Without it only errors and refusals are logged.
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
    # These loggers write the query string, or SQL with its values, which contain positions.
    "loggers": {
        "django.request": {"level": "CRITICAL"},
        "django.server": {"level": "CRITICAL"},
        "django.db.backends": {"level": "INFO"},
        "django.security": {"level": "CRITICAL"},
    },
}
