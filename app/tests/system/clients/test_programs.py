"""ogr2ogr, geopandas, psql and pgAdmin read the views of schema geo."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyogrio
import pytest
from django.conf import settings

from tests.system.clients.conftest import libpq, require_program, venv_python

SCHEMA = settings.REPO_DIR / "data" / "schema"


def pg(database: dict[str, str]) -> str:
    """Return GDAL's connection string of the database, without the password."""
    return "PG:" + " ".join(f"{key}='{value}'" for key, value in database.items() if key != "password")


def test_ogr2ogr_exports_a_view_to_geopackage(run: Callable[..., str], database: dict[str, str], tmp_path: Path) -> None:
    ogr2ogr = require_program("/usr/bin/ogr2ogr", "gdal-bin")
    file = tmp_path / "out.gpkg"
    layer_options = ("geo.health_regions(geom)", "-nln", "health_regions")
    run(ogr2ogr, "-f", "GPKG", str(file), pg(database), *layer_options, **libpq(database))
    info = pyogrio.read_info(file)
    assert (info["geometry_type"], info["crs"], info["features"]) == ("MultiPolygon", "EPSG:3347", 104)
    assert {"hruid", "name_en", "name_fr", "vintage"} <= set(info["fields"])


def test_documented_ogr2ogr_export_works(run: Callable[..., str], database: dict[str, str], tmp_path: Path) -> None:
    ogr2ogr = require_program("/usr/bin/ogr2ogr", "gdal-bin")
    example = SCHEMA / "examples" / "09_export_to_geopackage.sql"
    text = example.read_text(encoding="utf-8")
    shown = re.search(r"^-- +ogr2ogr (\S+) PG:.*-sql @(\S+) -nln (\S+) -nlt (\S+)$", text, re.MULTILINE)
    assert shown is not None
    file, sql, name, kind = shown.groups()
    assert sql == example.name
    run(ogr2ogr, file, pg(database), "-sql", f"@{example}", "-nln", name, "-nlt", kind, **libpq(database))
    info = pyogrio.read_info(tmp_path / file)
    assert (info["layer_name"], info["geometry_type"], info["crs"]) == ("fsa", "MultiPolygon", "EPSG:4326")
    assert info["features"] > 3


GEOPANDAS = """
import json, os, geopandas, pandas, sqlalchemy
engine = sqlalchemy.create_engine("postgresql+psycopg2://")
query = "select region_id, hruid, name_fr, geom from geo.health_regions"
regions = geopandas.read_postgis(query, engine, index_col="region_id")
degrees = geopandas.read_postgis("select cfsauid, geom_4326 from geo.fsa", engine, geom_col="geom_4326")
table = pandas.read_sql("select * from geo.fsa_health_regions", engine)
joined = degrees.to_crs(3347).sjoin(regions, how="left")
print(json.dumps({
    "rows": len(regions), "unique": bool(regions.index.is_unique), "srid": regions.crs.to_epsg(),
    "types": sorted(set(regions.geom_type)), "degrees": degrees.crs.to_epsg(), "bounds": list(degrees.total_bounds),
    "shares": str(table.share_of_fsa.dtype), "hruid": str(regions.hruid.iloc[0]), "joined": len(joined),
}))
"""


def test_geopandas_reads_the_views(run: Callable[..., str], database: dict[str, str]) -> None:
    data = json.loads(run(venv_python("clients"), "-c", GEOPANDAS, **libpq(database)))
    assert (data["rows"], data["unique"], data["srid"], data["degrees"]) == (104, True, 3347, 4326)
    assert data["types"] == ["MultiPolygon"]
    assert data["shares"] == "float64"
    assert re.fullmatch(r"\d{4}", data["hruid"])
    west, south, east, north = data["bounds"]
    assert -142 < west < east < -52
    assert 41 < south < north < 84


@pytest.fixture
def psql() -> str:
    folders = [
        *Path("/usr/lib/postgresql").glob("*/bin"),
        *(settings.REPO_DIR / ".local/postgis/usr/lib/postgresql").glob("*/bin"),
    ]
    return require_program(folders[-1] / "psql", "psql")


def test_psql_describes_views_with_types_and_comments(run: Callable[..., str], database: dict[str, str], psql: str) -> None:
    shown = run(psql, "-X", "-P", "pager=off", "-c", r"\d+ geo.health_regions", **libpq(database))
    assert re.search(r"geom +\| geometry\(MultiPolygon,3347\)", shown)
    assert "EPSG:3347 (NAD83 / Statistics Canada Lambert, metres)" in shown
    shown = run(psql, "-X", "-P", "pager=off", "-c", r"\df+ geo.health_region_at", **libpq(database))
    assert "at date DEFAULT CURRENT_DATE" in shown
    assert "On a shared border the region with the lowest code" in shown
    shown = run(psql, "-X", "-P", "pager=off", "-c", r"\dv+ geo.*", **libpq(database))
    assert len(re.findall(r"^ geo +\|", shown, re.MULTILINE)) >= 10


PGADMIN = """
import builtins, json, os, re, sys
builtins.SERVER_MODE = True
given = json.load(sys.stdin)
from pgAdmin4 import app
from pgadmin.model import Server, User
with app.app_context():
    server = Server.query.filter_by(name="COVIDTrends Geo").one()
    server.host, server.port, server.maintenance_db = given["host"], int(given["port"]), given["dbname"]
    number, group, username = server.id, server.servergroup_id, server.username
    from pgadmin.model import db
    db.session.commit()
client = app.test_client()
page = client.get("/login").get_data(as_text=True)
csrf = re.search(r'"csrfToken": *"([^"]+)"', page) or re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
login = {"email": "reader@example.com", "password": "development-only", "csrf_token": csrf.group(1)}
client.post("/authenticate/login", data=login)
script = client.get("/browser/js/utils.js").get_data(as_text=True)
token = re.search(r"pgAdmin\\['csrf_token'\\] *= *'([^']+)'", script).group(1)
head = {"X-pgA-CSRFToken": token}
nodes = client.get(f"/browser/server/nodes/{group}/", headers=head).get_json()["result"]
answer = client.post(f"/browser/server/connect/{group}/{number}", headers=head, data={"password": given["password"]})
print(json.dumps({"names": [one["label"] for one in nodes], "user": username, "status": answer.status_code,
                  "connected": answer.get_json()["data"]["connected"]}))
"""


@pytest.fixture
def pgadmin(tmp_path: Path, run: Callable[..., str]) -> tuple[str, dict[str, str]]:
    python = venv_python("pgadmin")
    package = next((Path(python).parents[1] / "lib").glob("python3*/site-packages/pgadmin4"))
    home = tmp_path / "pgadmin"
    home.mkdir()
    # pgAdmin imports config_local; PYTHONPATH precedes the folder of the package.
    (tmp_path / "config_local.py").write_text(
        f"SERVER_MODE = True\nDATA_DIR = {str(home)!r}\nLOG_FILE = {str(home / 'log')!r}\nMASTER_PASSWORD_REQUIRED = False\n"
        "UPGRADE_CHECK_ENABLED = False\n",
        encoding="utf-8",
    )
    environment = {
        "PYTHONPATH": f"{tmp_path}:{package}",
        "PGADMIN_SETUP_EMAIL": "reader@example.com",
        "PGADMIN_SETUP_PASSWORD": "development-only",
    }
    run(python, "-c", "import builtins; builtins.SERVER_MODE = True; from pgAdmin4 import app", **environment)
    servers = settings.REPO_DIR / "data" / "pgadmin" / "servers.json"
    run(python, str(package / "setup.py"), "load-servers", str(servers), "--user", "reader@example.com", **environment)
    return python, environment


def test_pgadmin_lists_the_server_and_connects_as_geo_reader(
    pgadmin: tuple[str, dict[str, str]], database: dict[str, str], tmp_path: Path
) -> None:
    python, environment = pgadmin
    plain = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [python, "-c", PGADMIN],
        input=json.dumps(database),
        env=plain | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    data = json.loads(done.stdout.splitlines()[-1])
    assert data == {"names": ["COVIDTrends Geo"], "user": "geo_reader", "status": 200, "connected": True}
