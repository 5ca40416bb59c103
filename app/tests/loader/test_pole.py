"""Digital boundaries up to the pole, loaded as README says: download, gates, levels, tiles, lookups, API responses."""

import json
import math
from io import StringIO
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from django.core.management import CommandError, call_command
from django.test import Client

from covidtrends_geo.projection import to_lambert
from geography.constants import LEVELS, TILE_ZOOM_MAX
from geography.coordinates import LonLat, TileAddress
from geography.lookup.locate import points_locate
from geography.models import Region, RegionLevel, Status, TileLabel, Vintage
from geography.queries.tiles import tile_draw
from tests.support import official_files
from tests.support.official_site import serving

HR = "HR_000a23a_e.zip"
LAYERS = ("health-regions-2023-digital",)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("official") / HR
    official_files.build("health-regions-2023-digital", path, vertices=1, thinned_m=20_000)
    return path


@pytest.fixture
def loaded(db: None, archive: Path, tmp_path: Path, settings: Any) -> Vintage:
    """Load the health regions of 2023 from a site under maintenance, then from one that drops the connection."""
    settings.GEODATA_CACHE = str(tmp_path / "cache")
    with serving({HR: archive}) as site:
        site.without_etag.add(HR)
        site.maintenance.add(HR)
        sources = site.sources(tmp_path)
        with pytest.raises(CommandError, match="an HTML page instead of the file"):
            call_command("load_boundaries", *LAYERS, sources=sources, no_downloads=True, verbosity=0, stdout=StringIO())
        site.drops[HR] = archive.stat().st_size // 2
        call_command("load_boundaries", *LAYERS, sources=sources, no_downloads=True, verbosity=0, stdout=StringIO())
        # No range requests: without an ETag a download cannot be resumed.
        assert site.seen == [(HR, 0)] * 3
    return Vintage.objects.get(label="2023", status=Status.PUBLISHED)


def test_digital_vintage_is_correct_up_to_the_pole(loaded: Vintage) -> None:
    assert loaded.region_count == 105
    _gates_levels_and_areas(loaded)
    _tiles(loaded)
    _lookups(loaded)
    _responses()


def _gates_levels_and_areas(vintage: Vintage) -> None:
    assert all(gate["passed"] for gate in vintage.report["gates"])
    nunavut = Region.objects.get(vintage=vintage, code="6201")
    territories = Region.objects.get(vintage=vintage, code="6101")
    assert nunavut.extent[3] == pytest.approx(89.99943, abs=1e-5)
    assert nunavut.extent[0] > -141
    assert nunavut.extent[2] == pytest.approx(-60, abs=0.01)
    assert territories.extent[0] > -141.01
    # North of 85 degrees the two territories are 31 and 50 degrees wide, parts of a cap of 0.97 million km2.
    cap = 2 * math.pi * 6_371**2 * (1 - math.sin(math.radians(85)))
    for region, width in ((territories, 31), (nunavut, 50)):
        shape = shapely.from_wkb(bytes(region.geom.wkb))
        assert shapely.is_valid(shape)
        assert region.area_km2 > cap * width / 360
    for level in LEVELS:
        rows = RegionLevel.objects.filter(region__vintage=vintage, level=level.name).order_by("region__code")
        shapes = [shapely.from_geojson(text) for text in rows.values_list("geojson", flat=True)]
        assert all(shapely.is_valid(shapes)), level.name
        bounds = shapely.bounds(np.array(shapes))
        assert bounds[:, 0].min() > -141.1
        assert bounds[:, 2].max() < -52
        assert 89.9 < bounds[:, 3].max() <= 90
    for deviation in vintage.report["drawn"]["deviations"].values():
        assert deviation["drawn_to_published_m"] < 2_500


def _tiles(vintage: Vintage) -> None:
    seen = 0
    for zoom in range(TILE_ZOOM_MAX + 1):
        side = 2**zoom
        for lon, lat in ((-120, 85.0), (-80, 85.04), (-110, 84.0), (-61, 83.99), (-90, 62)):
            row = max(int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * side), 0)
            content = tile_draw(vintage=vintage, address=TileAddress(zoom, int((lon + 180) / 360 * side), row))
            for layer in mapbox_vector_tile.decode(content).values() if content else ():
                for feature in layer["features"]:
                    xy = shapely.get_coordinates(shapely.geometry.shape(feature["geometry"]))
                    assert xy.min() >= -64
                    assert xy.max() <= 4_096 + 64
                    seen += 1
    assert seen > 50
    assert all(
        math.isfinite(label.radius_m) and label.geom.y < 18_000_000 for label in TileLabel.objects.filter(vintage=vintage)
    )
    assert TileLabel.objects.filter(vintage=vintage).count() == 105


def _lookups(vintage: Vintage) -> None:
    """Compare lookups with the published polygons in EPSG:3347, within 10 km of the pole and around 84 degrees."""
    chance = np.random.default_rng(84)
    lon = chance.uniform(-141.9, -52.1, 400)
    lat = np.concatenate((90 - chance.uniform(0, 0.09, 200), chance.uniform(83.9, 84.1, 200)))
    regions = list(Region.objects.filter(vintage=vintage).order_by("code"))
    shapes = np.array([shapely.from_wkb(bytes(region.geom.wkb)) for region in regions])
    points = shapely.points(*to_lambert(lon, lat))
    covering = shapely.covers(shapes[:, None], points[None, :])
    expected = [next((entry.code for entry, hit in zip(regions, column, strict=True) if hit), None) for column in covering.T]
    located = points_locate(
        positions=[LonLat(*item) for item in zip(lon.tolist(), lat.tolist(), strict=True)], vintages=[vintage]
    )
    assert [value.region and value.region.code for (value,) in located] == expected
    assert {None, "6101", "6201"} <= set(expected)


def _responses() -> None:
    client = Client()
    bounds = client.get("/tiles/health-regions.json").json()["bounds"]
    assert bounds[3] == pytest.approx(85.0511, abs=1e-4)
    feature = client.get("/health-regions/6201?detail=low").json()
    assert feature["bbox"][3] <= 90
    assert shapely.is_valid(shapely.from_geojson(json.dumps(feature["geometry"])))
    result = client.get("/health-regions?bbox=-141,85,-60,90&detail=none").json()["features"]
    assert {item["id"] for item in result} == {"6101", "6201"}
    result = client.get("/health-regions?lat=87&lon=-80&detail=none").json()["features"]
    assert [item["id"] for item in result] == ["6201"]
