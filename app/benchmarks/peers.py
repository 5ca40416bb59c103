"""Peer servers tipg and pygeoapi on this database, in a separate virtual environment, for comparison of layers and tiles.

They read tables of a temporary schema `peers` with the geometries that this service sends (a level of a vintage), a primary key
and a spatial index. All servers thus serve the same geometry without simplification.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import URLError

from django.db import connection

APP = Path(__file__).resolve().parent.parent
REQUIREMENTS = Path(__file__).with_name("requirements-peers.txt")
# Table name: coverage and level.
TABLES = {"health_regions_low": ("health-regions", "low"), "fsa_low": ("fsa", "low"), "fsa_full": ("fsa", "full")}


def environment(folder: Path) -> Path:
    """Install both into `folder`/peers if they are missing, and return the folder of their commands."""
    commands = folder / "peers" / "bin"
    if not (commands / "pygeoapi").exists() or not (commands / "uvicorn").exists():
        subprocess.run([sys.executable, "-m", "venv", str(commands.parent)], check=True)
        subprocess.run([str(commands / "pip"), "install", "-q", "-r", str(REQUIREMENTS)], check=True)
    return commands


@contextmanager
def tables(vintages: dict[str, int]) -> Iterator[None]:
    """Create the tables of the peers, and drop them at the end of the `with` block.

    Args:
        vintages: id of the vintage by coverage.
    """
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS peers CASCADE")
        cursor.execute("CREATE SCHEMA peers")
        for name, (coverage, level) in TABLES.items():
            cursor.execute(
                f"CREATE TABLE peers.{name} AS SELECT region.code, dguid, name_en, name_fr, pruid, population, land_area_km2,"
                " area_km2, drawn.geom::geometry(MultiPolygon, 4326) AS geom FROM region JOIN region_level AS drawn"
                " ON region_id = region.id WHERE vintage_id = %s AND level = %s ORDER BY code",
                [vintages[coverage], level],
            )
            cursor.execute(f"ALTER TABLE peers.{name} ADD PRIMARY KEY (code)")
            cursor.execute(f"CREATE INDEX ON peers.{name} USING gist (geom)")
            cursor.execute(f"ANALYZE peers.{name}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA IF EXISTS peers CASCADE")


@contextmanager
def running(command: list[str], address: str, *, cwd: Path, log: Path, **variables: str) -> Iterator[str]:
    """Run a server until the end of the `with` block; yield its address after the first response."""
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=cwd, env=os.environ | variables, stdout=output, stderr=output) as process,
    ):
        try:
            for _ in range(240):
                try:
                    with urllib.request.urlopen(address, timeout=5):
                        break
                except (URLError, OSError):
                    if process.poll() is not None:
                        raise RuntimeError(f"{command[0]} ended: see {log}") from None
                    time.sleep(0.5)
            yield address
        finally:
            process.terminate()


@contextmanager
def tipg(commands: Path, folder: Path, port: int) -> Iterator[str]:
    """Serve the tables with tipg on uvicorn, two workers."""
    settings = connection.settings_dict
    url = f"postgresql://{settings['USER']}:{settings['PASSWORD']}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
    command = [str(commands / "uvicorn"), "tipg.main:app", "--port", str(port), "--workers", "2", "--no-access-log"]
    variables = {"DATABASE_URL": url, "TIPG_DB_SCHEMAS": '["peers"]', "TIPG_CATALOG_TTL": "86400"}
    with running(command, f"http://127.0.0.1:{port}/healthz", cwd=folder, log=folder / "tipg.log", **variables):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def pygeoapi(commands: Path, folder: Path, port: int) -> Iterator[str]:
    """Serve the tables with pygeoapi on gunicorn, two workers."""
    config, document = folder / "pygeoapi.yml", folder / "pygeoapi-openapi.yml"
    # JSON is YAML.
    config.write_text(json.dumps(_pygeoapi_settings(port)))
    variables = {"PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(document)}
    generate = [str(commands / "pygeoapi"), "openapi", "generate", str(config), "--output-file", str(document)]
    with ExitStack() as stack:
        log = stack.enter_context((folder / "pygeoapi-generate.log").open("wb"))
        subprocess.run(generate, check=True, env=os.environ | variables, stdout=log, stderr=log)
        command = [str(commands / "gunicorn"), "-w", "2", "-b", f"127.0.0.1:{port}", "pygeoapi.flask_app:APP"]
        address = f"http://127.0.0.1:{port}"
        stack.enter_context(
            running(
                command, f"{address}/collections?f=json", cwd=folder, log=folder / "pygeoapi.log", HOME=str(folder), **variables
            )
        )
        yield address


def _pygeoapi_settings(port: int) -> dict[str, object]:
    settings = connection.settings_dict
    data = {
        "host": settings["HOST"],
        "port": int(settings["PORT"]),
        "dbname": settings["NAME"],
        "user": settings["USER"],
        "password": settings["PASSWORD"],
        "search_path": ["peers", "public"],
    }
    limits = {"default_items": 2_000, "max_items": 2_000}

    def collection(name: str) -> dict[str, object]:
        source = {"name": "PostgreSQL", "data": data, "id_field": "code", "table": name, "geom_field": "geom"}
        tiles = {
            "type": "tile",
            "name": "MVT-postgresql",
            "data": data,
            "id_field": "code",
            "table": name,
            "geom_field": "geom",
            "options": {"zoom": {"min": 0, "max": 14}},
            "format": {"name": "pbf", "mimetype": "application/vnd.mapbox-vector-tile"},
        }
        return {
            "type": "collection",
            "title": name,
            "description": name,
            "keywords": [name],
            "links": [],
            "extents": {"spatial": {"bbox": [-142, 41, -52, 84], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}},
            "limits": limits,
            "providers": [{"type": "feature", **source}, tiles],
        }

    return {
        "server": {
            "bind": {"host": "127.0.0.1", "port": port},
            "url": f"http://127.0.0.1:{port}",
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "gzip": False,
            "languages": ["en-US"],
            "limits": limits,
            "map": {"url": "http://127.0.0.1/{z}/{x}/{y}", "attribution": "none"},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {
                "title": "peer",
                "description": "peer",
                "keywords": ["peer"],
                "keywords_type": "theme",
                "terms_of_service": "none",
                "url": "http://127.0.0.1",
            },
            "license": {"name": "none", "url": "http://127.0.0.1"},
            "provider": {"name": "none", "url": "http://127.0.0.1"},
            "contact": {"name": "none"},
        },
        "resources": {name: collection(name) for name in TABLES},
    }
