"""A third coverage from a real file and a declaration: API, tiles, schema geo, downloads."""

from io import StringIO
from pathlib import Path
from typing import Any

import geopandas
import mapbox_vector_tile
import pytest
from django.core.management import call_command
from django.db import connection

from geography.models import Vintage
from loader.export.make import published_downloads
from tests.support import boundary_files as files

pytestmark = [pytest.mark.real, pytest.mark.django_db]

# Toronto's FSAs of 2016, declared as a coverage of their own.
PARAGRAPHS = """
[coverages.toronto-areas]
name_en = "Toronto areas"
name_fr = "Secteurs de Toronto"
code_pattern = 'M\\d[A-Z]'
name_is_code = true
fields.code = ["CFSAUID"]
fields.pruid = ["PRUID"]

[layers.toronto-areas-2016]
coverage = "toronto-areas"
vintage = "2016"
effective_from = 2016-02-10
representation = "digital"
file = "FILE"
title_en = "Toronto areas 2016"
title_fr = "Secteurs de Toronto 2016"
licence = "A licence of its own"
attribution_en = "The city's own areas."
attribution_fr = "Les secteurs de la ville."
"""
SLUG = "toronto-areas"
CN_TOWER = {"lat": 43.6426, "lon": -79.3871}


@pytest.fixture
def loaded(tmp_path: Path, settings: Any) -> Vintage:
    settings.DOWNLOADS_AT_PUBLISH, settings.DOWNLOADS_DIR = True, tmp_path / "store_dir"
    sources = tmp_path / "my_sources.toml"
    path = files.real("fsa_toronto_2016_digital.zip")
    sources.write_text(PARAGRAPHS.replace("FILE", str(path)), encoding="utf-8")
    stderr = StringIO()
    call_command("load_boundaries", "toronto-areas-2016", sources=sources, verbosity=0, stderr=stderr)
    assert stderr.getvalue() == ""
    return Vintage.objects.get(coverage__slug=SLUG)


def rows(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        result: list[tuple[Any, ...]] = cursor.fetchall()
    return result


def test_third_coverage_needs_only_a_declaration(loaded: Vintage, get: Any, assert_schema: Any) -> None:
    assert loaded.status == "published"

    # The API.
    (listed,) = get("/coverages").json()["coverages"]
    assert (listed["coverage"], listed["vintage"]["label"]) == (SLUG, "2016")
    layer = get(f"/coverages/{SLUG}/regions").json()
    assert_schema("RegionCollection", layer)
    assert (layer["number_matched"], layer["attribution"]) == (96, "The city's own areas.")
    (located,) = get(f"/coverages/{SLUG}/regions", **CN_TOWER, detail="none").json()["features"]
    assert located["id"] == "M5J"
    body = get(f"/coverages/{SLUG}/regions/M5J", detail="full").json()
    assert_schema("RegionFeature", body)
    assert body["geometry"]["type"] == "MultiPolygon"
    neighbours = [
        feature["id"] for feature in get(f"/coverages/{SLUG}/regions/M5J/neighbours", detail="none").json()["features"]
    ]
    assert "M5V" in neighbours
    assert get(f"/vintages/{SLUG}/2016").status_code == 200
    assert get("/health-regions").status_code == 503, "the others are as empty as they were"

    # Tiles.
    described = get(f"/tiles/{SLUG}.json").json()
    assert described["attribution"] == "The city's own areas."
    tile = mapbox_vector_tile.decode(get(f"/tiles/{SLUG}/12/1144/1495.mvt").content)
    assert "M5J" in {feature["properties"]["code"] for feature in tile["regions"]["features"]}

    # Schema geo.
    assert rows("SELECT vintage, in_force, region_count FROM geo.vintages WHERE coverage = %s", SLUG) == [("2016", True, 96)]
    assert rows("SELECT count(*), bool_and(st_isvalid(geom)) FROM geo.regions WHERE coverage = %s", SLUG) == [(96, True)]
    lon, lat = CN_TOWER["lon"], CN_TOWER["lat"]
    assert rows("SELECT code, certain FROM geo.region_at(%s, %s, %s)", SLUG, lon, lat) == [("M5J", True)]
    assert rows("SELECT FROM geo.region_at(%s, %s, %s, date '2015-01-01')", SLUG, lon, lat) == []
    assert rows("SELECT count(*) FROM geo.fsa") == [(0,)]

    # Downloads.
    downloads = {body.format.name: body for body in published_downloads() if body.level in {None, "low"}}
    assert {body.state for body in downloads.values()} == {"ready"}
    assert set(downloads) == {
        "gpkg",
        "fgb",
        "fgb-wgs84",
        "parquet",
        "parquet-wgs84",
        "pieces",
        "shapefile",
        "geojson",
        "pmtiles",
        "lookup",
        "pack",
        "csv",
        "csvw",
    }
    frame = geopandas.read_file(downloads["gpkg"].path)
    assert (len(frame), frame.crs.to_epsg(), "M5J" in set(frame["code"])) == (96, 3347, True)
    assert get(f"/downloads/{SLUG}/2016/SHA256SUMS").status_code == 200
