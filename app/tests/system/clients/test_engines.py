"""Spark, Sail, Dask and DuckDB look up positions with the files of /downloads; results are compared with the search."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import shapely
from django.conf import settings
from pytest_django import DjangoDbBlocker

from covidtrends_geo.projection import to_lambert
from geography.models import Vintage
from geography.queries.downloads import downloads_of
from tests.support.lookup_files import NO_PLACES, plain_answers, positions_at_borders
from tests.system.clients.conftest import venv_python

JOBS = Path(__file__).with_name("engine_jobs.py")
GUIDE = settings.REPO_DIR / "docs" / "bulk-cluster.md"
FILES, ROWS = 16, 2_000
# Between an edge in EPSG:3347 and its pieces of a kilometre in degrees.
SIMPLIFIED_EDGE_M = 0.05
JAVA = next(Path("/usr/lib/jvm").glob("java-17-openjdk-*"), Path("/usr"))
# Starting two executors takes minutes on a busy machine.
JOB_MAX_S = 900


@pytest.fixture
def downloads(demonstration: None, django_db_blocker: DjangoDbBlocker) -> dict[str, Path]:
    """Return the paths of the demonstration's files by name."""
    with django_db_blocker.unblock():
        vintages = Vintage.objects.select_related("coverage")
        return {download.name: download.path for vintage in vintages for download in downloads_of(vintage)}


@pytest.fixture
def lookups(downloads: dict[str, Path]) -> dict[str, str]:
    return {
        "hruid": str(downloads["health-regions-2022-demo-lookup.safetensors"]),
        "cfsauid": str(downloads["fsa-2021-demo-lookup.safetensors"]),
    }


@pytest.fixture
def positions(lookups: dict[str, str], tmp_path: Path) -> pa.Table:
    """Return positions at borders and impossible ones, and write them to the files of the folder `points`."""
    lon, lat = positions_at_borders([Path(path) for path in lookups.values()], FILES * ROWS)
    # Some latitudes are null.
    missing = np.arange(len(lat)) % 1_000 == 7
    columns = {"id": np.arange(len(lon)), "lon": lon, "lat": pa.array(lat, mask=missing), "note": ["œuvre"] * len(lon)}
    table = pa.table(columns)
    (tmp_path / "points").mkdir()
    for number, first in enumerate(range(0, len(table), ROWS)):
        pyarrow.parquet.write_table(table.slice(first, ROWS), tmp_path / "points" / f"{number:02d}.parquet")
    return table


@pytest.fixture
def run_job(positions: pa.Table, lookups: dict[str, str], tmp_path: Path) -> Callable[[str], str]:
    """Return a function that runs a job, compares its answers with those of the search, and returns what it printed."""

    def run_and_compare(job: str) -> str:
        out = tmp_path / "out"
        printed = _run_python(str(JOBS), job, str(tmp_path / "points"), str(out), json.dumps(lookups), folder=tmp_path)
        located = pyarrow.parquet.read_table(out).sort_by("id")
        assert located["id"].to_pylist() == positions["id"].to_pylist()
        assert located["note"].to_pylist() == positions["note"].to_pylist()
        lon, lat = (positions[name].to_numpy() for name in ("lon", "lat"))
        for name, expected in (("lon", lon), ("lat", lat)):
            assert np.array_equal(located[name].to_numpy(), expected, equal_nan=True)
        for code, path in lookups.items():
            answers = plain_answers(Path(path), lon, lat, border=True)
            prefix = "cfsauid_" if code == "cfsauid" else ""
            names = {code: "code", "status": "status"}
            names |= {prefix + name: name for name in ("match", "certain", "distance_to_border_m")}
            for name, of_search in names.items():
                assert _without_nan(located[name]) == answers[of_search], name
            assert answers["status"].count("coordinate-invalid") >= len(NO_PLACES) + FILES * ROWS // 1_000
        return printed

    return run_and_compare


def _run_python(*arguments: str, folder: Path) -> str:
    """Run the Python of the environment `engines` and return its output."""
    python = venv_python("engines")
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(settings.APP_DIR),
        "PYSPARK_PYTHON": python,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "JAVA_HOME": str(JAVA),
        # Java that lives for a minute needs no optimizing compiler.
        "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }
    done = subprocess.run(
        [python, *arguments], env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=JOB_MAX_S
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout


def _without_nan(column: pa.ChunkedArray) -> list[Any]:
    return [None if value != value else value for value in column.to_pylist()]  # noqa: PLR0124 - NaN


@pytest.mark.parametrize("job", ["sail", "connect", "dask"])
def test_engine_answers_as_the_search(run_job: Callable[[str], str], job: str) -> None:
    run_job(job)


def test_chosen_columns_are_returned(positions: pa.Table, lookups: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    _run_python(str(JOBS), "columns", str(tmp_path / "points"), str(out), json.dumps(lookups), folder=tmp_path)
    lon, lat = (positions[name].to_numpy() for name in ("lon", "lat"))
    codes = plain_answers(Path(lookups["hruid"]), lon, lat)["code"]
    for engine in ("sail", "dask"):
        located = pyarrow.parquet.read_table(out / engine).sort_by("id")
        assert located.schema.names == ["cfsauid_certain", "a `note`, v.1", "hruid", "id"]
        assert located["id"].to_pylist() == positions["id"].to_pylist()
        assert located["a `note`, v.1"].to_pylist() == positions["note"].to_pylist()
        assert located["hruid"].to_pylist() == codes
        assert set(located["cfsauid_certain"].to_pylist()) == {True, False}


def test_cluster_answers_as_the_search_when_an_executor_is_lost(run_job: Callable[[str], str]) -> None:
    lost = json.loads(run_job("cluster").splitlines()[-1])
    assert lost["executors"] == 2
    assert 0 < lost["completed"] < lost["tasks"] == FILES + 1


DUCKDB = """
import sys
from pathlib import Path
import duckdb, duckdb_extension_spatial

(statement,) = sys.argv[1:]
(extension,) = Path(duckdb_extension_spatial.__file__).parent.glob("extensions/*/spatial.duckdb_extension")
database = duckdb.connect()
database.install_extension(str(extension))
database.load_extension("spatial")
for part in statement.split(";"):
    if not part.strip().startswith(("INSTALL", "LOAD")):
        database.execute(part)
"""


def test_documented_join_in_duckdb_differs_only_at_a_millimetre(
    positions: pa.Table, downloads: dict[str, Path], lookups: dict[str, str], tmp_path: Path
) -> None:
    (statement,) = re.findall(r"```sql\n(INSTALL spatial;.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    pieces = "health-regions-2022-demo-pieces.parquet"
    assert "'health-regions-2022-pieces.parquet'" in statement
    (tmp_path / "health-regions-2022-pieces.parquet").symlink_to(downloads[pieces])
    _run_python("-c", DUCKDB, statement, folder=tmp_path)
    located = pyarrow.parquet.read_table(tmp_path / "located.parquet").sort_by("id")
    assert located["id"].to_pylist() == positions["id"].to_pylist()
    lon, lat = (positions[name].to_numpy() for name in ("lon", "lat"))
    ours, theirs = plain_answers(Path(lookups["hruid"]), lon, lat)["code"], located["hruid"].to_pylist()
    assert None in ours
    different = [index for index, codes in enumerate(zip(ours, theirs, strict=True)) if len(set(codes)) > 1]
    assert len(different) < len(ours) / 500
    regions = geopandas.read_parquet(downloads["health-regions-2022-demo.parquet"]).set_index("hruid").geometry
    for index in different:
        point = shapely.Point(*to_lambert(lon[index], lat[index]))
        away = [regions[code].distance(point) for code in (ours[index], theirs[index]) if code is not None]
        assert any(0.0009 < metres < 0.0011 for metres in away), away


WAREHOUSES = """
CREATE SCHEMA geo;
CREATE TABLE geo.health_regions AS SELECT hruid, geometry FROM 'health-regions-2022-wgs84.parquet';
CREATE VIEW health_regions AS FROM geo.health_regions;
CREATE VIEW points AS FROM 'points/*.parquet' WHERE lon BETWEEN -142 AND -52 AND lat BETWEEN 41 AND 90;
CREATE MACRO ST_GEOGPOINT(lon, lat) AS ST_Point(lon, lat);
CREATE MACRO ST_MAKEPOINT(lon, lat) AS ST_Point(lon, lat);
COPY (
"""


@pytest.mark.parametrize("warehouse", ["BigQuery", "Snowflake"])
def test_documented_select_for_warehouses_differs_only_near_borders(
    positions: pa.Table, downloads: dict[str, Path], lookups: dict[str, str], tmp_path: Path, warehouse: str
) -> None:
    """Run by DuckDB: edges are planar, as those of Snowflake's GEOMETRY."""
    blocks = re.findall(r"```sql\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = (each for each in blocks if each.startswith(f"-- {warehouse}"))
    select = block[block.index("SELECT p.id") :].strip().removesuffix(";")
    (tmp_path / "health-regions-2022-wgs84.parquet").symlink_to(downloads["health-regions-2022-demo-wgs84.parquet"])
    _run_python("-c", DUCKDB, f"{WAREHOUSES}{select}) TO 'located.parquet'", folder=tmp_path)
    located = dict(zip(*pyarrow.parquet.read_table(tmp_path / "located.parquet").columns, strict=True))
    theirs = {number.as_py(): code.as_py() for number, code in located.items()}
    lon, lat = (positions[name].to_numpy() for name in ("lon", "lat"))
    ours = plain_answers(Path(lookups["hruid"]), lon, lat)["code"]
    assert len(theirs) > len(ours) / 3
    regions = geopandas.read_parquet(downloads["health-regions-2022-demo.parquet"]).set_index("hruid").geometry
    different = [index for index, code in enumerate(ours) if code != theirs.get(index)]
    for index in different:
        point = shapely.Point(*to_lambert(lon[index], lat[index]))
        away = [regions[code].boundary.distance(point) for code in (ours[index], theirs.get(index)) if code is not None]
        assert min(away) < SIMPLIFIED_EDGE_M, away
