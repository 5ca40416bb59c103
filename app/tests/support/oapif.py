"""OGC API - Features: links, schemas, and layers that GDAL reads in a process of its own, compared with the database."""

import json
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

import shapely
from django.db import connection
from jsonschema import Draft4Validator

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
# The geometry that each CRS must have, longitude or easting first, as GDAL's layers have it.
STORED = {
    "OGC:CRS84": "drawn.geom",
    "EPSG:4326": "drawn.geom",
    "EPSG:3857": "ST_Transform(drawn.geom, 3857)",
    "EPSG:3347": "region.geom",
}

# Largest distance of two vertices, in the units of the CRS; 0: bit for bit. Degrees are stored on a grid of six decimals, of
# which the text has the nearest doubles; EPSG:3857 has two decimals.
TOLERANCE = {"OGC:CRS84": 1e-12, "EPSG:4326": 1e-12, "EPSG:3857": 0.0072, "EPSG:3347": 0.0}

# Reads a layer with pyogrio: codes, CRS, geometry as hexadecimal WKB.
READ = """
import json, sys, pyogrio
loaded = json.load(sys.stdin)
options = {name: tuple(value) if name == "bbox" else value for name, value in loaded["options"].items()}
meta, _, geometry, fields = pyogrio.raw.read(loaded["dataset"], layer=loaded["layer"], **options)
codes = fields[list(meta["fields"]).index("code")]
print(json.dumps({"crs": meta["crs"], "fields": list(meta["fields"]), "type": meta["geometry_type"],
                  "regions": {str(code): bytes(wkb).hex() for code, wkb in zip(codes, geometry)}}))
"""


def read_layer(address: str, layer: str, **options: Any) -> dict[str, Any]:
    """Return a collection of the service at this address as GDAL's driver OAPIF reads it; `options` are those of pyogrio."""
    request = {"dataset": f"OAPIF:{address}/ogc", "layer": layer, "options": options}
    done = subprocess.run(
        [sys.executable, "-c", READ], input=json.dumps(request), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def stored_geometry(collection: str, crs: str) -> dict[str, str]:
    """Return the geometry of the only published vintage by code, as hexadecimal WKB, in a CRS of `STORED`."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT region.code, encode(ST_AsBinary({STORED[crs]}, 'NDR'), 'hex') FROM region"
            " JOIN region_level AS drawn ON drawn.region_id = region.id AND drawn.level = 'full'"
            " JOIN vintage ON vintage.id = region.vintage_id JOIN coverage ON coverage.id = vintage.coverage_id"
            " WHERE coverage.slug = %s AND vintage.status = 'published'",
            [collection],
        )
        return dict(cursor.fetchall())


def assert_same(regions: dict[str, str], collection: str, crs: str) -> None:
    """Assert that regions, hexadecimal WKB by code, are those of a collection in a CRS: all of them, with every vertex."""
    stored = stored_geometry(collection, crs)
    assert regions.keys() == stored.keys()
    for code, wkb in regions.items():
        if TOLERANCE[crs] == 0:
            assert wkb == stored[code], code
        else:
            pair = (shapely.from_wkb(wkb), shapely.from_wkb(stored[code]))
            assert shapely.equals_exact(*pair, tolerance=TOLERANCE[crs]), code


def follow(get: Any, href: str) -> Any:
    """Return the response to an absolute address of the service."""
    parts = urlsplit(href)
    assert (parts.scheme, parts.netloc) == ("http", "testserver")
    return get(f"{parts.path}?{parts.query}" if parts.query else parts.path)


def validate(api: Any, schema: str, body: Any) -> None:
    """Validate a body against a schema of the document; `nullable` of OpenAPI 3.0 is not part of JSON Schema."""

    def converted(value: Any) -> Any:
        if isinstance(value, list):
            return [converted(item) for item in value]
        if not isinstance(value, dict):
            return value
        result = {name: converted(member) for name, member in value.items() if name != "nullable"}
        return result | {"type": [value["type"], "null"]} if value.get("nullable") is True else result

    Draft4Validator({"$ref": f"#/components/schemas/{schema}", "components": converted(api["components"])}).validate(body)
