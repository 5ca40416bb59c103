"""OGC API - Features and map styles in ogr2ogr, QGIS, OWSLib and ogc-client."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyogrio
import pytest
import requests

from tests.support.oapif import EPSG, assert_same
from tests.system.clients import node
from tests.system.clients.conftest import require_program, run_in_qgis, venv_python
from web.styles import palettes

pytestmark = pytest.mark.django_db
COLLECTIONS = ("health-regions", "fsa", "covid-reporting-regions")
OGC_CLIENT = "@camptocamp/ogc-client@1.3.0"


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_ogr2ogr_of_debian_copies_a_collection(run: Callable[..., str], service: str, tmp_path: Path, collection: str) -> None:
    ogr2ogr = require_program("/usr/bin/ogr2ogr", "gdal-bin")
    file = tmp_path / "out.gpkg"
    run(ogr2ogr, "-oo", "PAGE_SIZE=500", str(file), f"OAPIF:{service}/ogc", collection)
    meta, _, geometry, fields = pyogrio.raw.read(file)
    codes = fields[list(meta["fields"]).index("code")]
    # GDAL before 3.7 knows no CRS but CRS84.
    regions = {str(code): bytes(wkb).hex() for code, wkb in zip(codes, geometry, strict=True)}
    assert_same(regions, collection, "OGC:CRS84")


def test_ogrinfo_of_debian_lists_the_collections(run: Callable[..., str], service: str) -> None:
    ogrinfo = require_program("/usr/bin/ogrinfo", "gdal-bin")
    shown = run(ogrinfo, f"OAPIF:{service}/ogc")
    assert all(f": {collection} " in shown for collection in COLLECTIONS)


@pytest.fixture(scope="module")
def qgis(service: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what QGIS reads of the collections and of the styles."""
    loaded = {
        "address": service,
        "collections": COLLECTIONS,
        "styles": {theme: requests.get(f"{service}/styles/{theme}.json", timeout=60).json() for theme in ("light", "dark")},
        "tiles": requests.get(f"{service}/tiles/health-regions.json", timeout=60).json()["tiles"][0],
    }
    result: dict[str, Any] = run_in_qgis("qgis_ogc.py", loaded, tmp_path_factory.mktemp("qgis"))
    return result


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_qgis_reads_every_feature(qgis: dict[str, Any], collection: str) -> None:
    layer = qgis["collections"][collection]
    assert layer["valid"], layer["error"]
    assert (layer["type"], layer["count"]) == ("MultiPolygon", len(layer["regions"]))
    assert_same(layer["regions"], collection, "OGC:CRS84")


@pytest.mark.parametrize("collection", ["health-regions", "covid-reporting-regions"])
def test_qgis_filters_by_window_and_code(qgis: dict[str, Any], collection: str) -> None:
    layer = qgis["collections"][collection]
    assert layer["in_window"] == layer["subset"] == ["3595"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_qgis_converts_the_style(qgis: dict[str, Any], theme: str) -> None:
    style = qgis["styles"][theme]
    assert style["converted"], style["error"]
    assert style["valid"]
    # QGIS replaces a font that the system lacks.
    assert [text for text in style["warnings"] if "font" not in text] == []
    colours = palettes()[theme]
    assert style["colours"]["background"] == colours["water"]
    assert style["colours"]["hr-line"] == colours["border"]
    assert style["labels"] == ["fsa-names", "health-regions-names", "province-names"]


OWSLIB = """
import json, sys
from owslib.ogcapi.features import Features
features = Features(sys.argv[1] + "/ogc")
page = features.collection_items("fsa", limit=1000)
print(json.dumps({
    "collections": features.feature_collections(),
    "openapi": features.api()["openapi"],
    "classes": len(features.conformance()["conformsTo"]),
    "matched": page["numberMatched"],
    "returned": len(page["features"]),
    "ontario": features.collection_items("health-regions", province="ON", limit=1000)["numberMatched"],
    "in_box": [f["id"] for f in features.collection_items("health-regions", bbox=[-79.5, 43.6, -79.3, 43.7])["features"]],
    "before": features.collection_items("health-regions", datetime_="1999-01-01T00:00:00Z")["numberMatched"],
    "item": features.collection_item("health-regions", "3595")["properties"]["name_fr"],
}))
"""


def test_owslib_reads_the_collections(run: Callable[..., str], service: str) -> None:
    data = json.loads(run(venv_python("clients"), "-c", OWSLIB, service))
    assert data == {
        "collections": sorted(COLLECTIONS),
        "openapi": "3.0.3",
        "classes": 4,
        "matched": 1614,
        "returned": 1000,
        "ontario": 34,
        "in_box": ["3595"],
        "before": 0,
        "item": "Circonscription sanitaire de la cité de Toronto",
    }


SCRIPT = """
import { OgcApiEndpoint } from "@camptocamp/ogc-client";
const [address, crs] = process.argv.slice(2);
const endpoint = new OgcApiEndpoint(`${address}/ogc`);
const box = [7202000, 920000, 7240000, 930000];
const url = await endpoint.getCollectionItemsUrl("health-regions", { outputCrs: crs, extent: box, extentCrs: crs });
const response = await fetch(url);
const { id, geometry } = (await response.json()).features.find((feature) => feature.id === "3595");
const dated = await endpoint.getCollectionItemsUrl("health-regions", { dateTime: { start: new Date("2022-12-05") } });
console.log(JSON.stringify({
  collections: await endpoint.featureCollections,
  title: (await endpoint.getCollectionInfo("fsa")).title,
  page: (await endpoint.getCollectionItems("health-regions", 2, 1)).map((feature) => feature.id),
  name: (await endpoint.getCollectionItem("health-regions", "3595")).properties.name_en,
  crs: response.headers.get("content-crs"),
  easting: geometry.coordinates[0][0][0][0],
  dated: (await (await fetch(dated)).json()).numberMatched,
}));
"""


def test_ogc_client_reads_the_collections(service: str, tmp_path: Path) -> None:
    node.install(tmp_path, OGC_CLIENT)
    (tmp_path / "read.mjs").write_text(SCRIPT, encoding="utf-8")
    data = json.loads(node.run(tmp_path, "node", "read.mjs", service, f"{EPSG}3347").splitlines()[-1])
    assert 7_200_000 < data.pop("easting") < 7_250_000
    assert data == {
        "collections": sorted(COLLECTIONS),
        "title": "Forward sortation areas",
        "page": ["1012", "1013"],
        "name": "City of Toronto Health Unit",
        "crs": f"<{EPSG}3347>",
        "dated": 104,
    }
