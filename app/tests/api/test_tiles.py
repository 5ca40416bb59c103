"""Vector tiles: GET /tiles/{coverage}/{z}/{x}/{y}.mvt, decoded by mapbox_vector_tile, and TileJSON."""

import math

import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from shapely.geometry import shape

from geography.constants import TILE_BANDS
from geography.coordinates import TileAddress
from geography.models import Coverage, Region, TileLabel, TilePiece
from geography.queries.tiles import tile_draw
from geography.vintages import catalogue
from loader.geometry.tiles import store_labels, store_pieces
from tests.support import demo_regions as worlds
from tests.support.demo_regions import NORTH, lonlat


def store_tiles(vintage, order="pk"):
    """Store tile pieces and labels of a vintage of the test world."""
    regions = list(vintage.regions.order_by(order))
    published = np.array([shapely.from_wkb(bytes(region.geom.wkb)) for region in regions], dtype=object)
    store_labels(vintage, [region.pk for region in regions], published)
    for band in TILE_BANDS:
        degrees = [shapely.from_wkb(bytes(region.levels.get(level="full").geom.wkb)) for region in regions]
        store_pieces(vintage, band, zip([region.pk for region in regions], degrees, strict=True))


@pytest.fixture
def tiles(world):
    """Store the tiles of the health regions of 2022 and 2018."""
    for label in ("2022", "2018"):
        store_tiles(world.vintages["health-regions", label])
    return world


def tile_at(zoom, x, y):
    """Return column and row of the tile that holds an offset of the test world."""
    lon, lat = lonlat(x, y)
    across = (lon + 180) / 360
    down = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int(across * 2**zoom), int(down * 2**zoom)


def path_at(zoom, x, y, coverage="health-regions"):
    column, row = tile_at(zoom, x, y)
    return f"/tiles/{coverage}/{zoom}/{column}/{row}.mvt"


def decoded(response):
    assert response.status_code == 200, response.content
    assert response.headers["Content-Type"] == "application/vnd.mapbox-vector-tile"
    return mapbox_vector_tile.decode(response.content, default_options={"y_coord_down": True})


def shapes(layer):
    return {feature["properties"]["code"]: shape(feature["geometry"]) for feature in layer["features"]}


def test_tile_has_regions_and_labels_layers(get, tiles):
    tile = decoded(get(path_at(8, 5_000, 5_000)))
    assert set(tile) == {"regions", "labels"}
    ids = dict(Region.objects.filter(vintage=tiles.vintages["health-regions", "2022"]).values_list("code", "pk"))
    for layer in tile.values():
        assert (layer["extent"], layer["version"]) == (4096, 2)
        for feature in layer["features"]:
            assert set(feature["properties"]) == {"code", "name_en", "name_fr", "pruid"}
            assert feature["id"] == ids[feature["properties"]["code"]]
    (west,) = [item for item in tile["regions"]["features"] if item["properties"]["code"] == "3501"]
    assert west["properties"]["name_fr"] == "Circonscription sanitaire de l'Ouest"
    assert west["properties"]["pruid"] == "35"
    codes = [item["properties"]["code"] for item in tile["regions"]["features"]]
    assert codes == sorted(codes)


@pytest.mark.parametrize("zoom", range(7, 15))
def test_tile_coordinates_match_the_ground(get, tiles, zoom):
    inside = {"3501": (2_000, 5_000), "3502": (12_000, 5_000), "3503": (15_000, 5_000), "2401": (25_000, 5_000)}
    for code, (x, y) in inside.items():
        drawn = shapes(decoded(get(path_at(zoom, x, y)))["regions"])
        column, row = tile_at(zoom, x, y)
        lon, lat = lonlat(x, y)
        across = ((lon + 180) / 360 * 2**zoom - column) * 4096
        down = ((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**zoom - row) * 4096
        assert [value for value, polygon in drawn.items() if polygon.covers(shapely.Point(across, down))] == [code]


@pytest.mark.parametrize("zoom", [10, 12, 14])
def test_adjacent_tiles_have_no_seam(get, tiles, zoom):
    column, row = tile_at(zoom, 10_000, 5_000)
    here = shapes(decoded(get(f"/tiles/health-regions/{zoom}/{column}/{row}.mvt"))["regions"])
    beside = get(f"/tiles/health-regions/{zoom}/{column + 1}/{row}.mvt")
    there = shapes(decoded(beside)["regions"])
    # The strip around the common edge, which both tiles hold.
    strip = shapely.box(4096 - 64, 0, 4096 + 64, 4096)
    compared = 0
    for code in here.keys() & there.keys():
        moved = shapely.transform(there[code], lambda xy: xy + np.array([4096, 0]))
        item, other = (shapely.intersection(shapely.make_valid(geometry), strip) for geometry in (here[code], moved))
        compared += bool(item.area)
        # A unit is an eighth of a pixel.
        assert shapely.symmetric_difference(item, other).area <= max(2, shapely.length(item)), code
    assert compared


def test_label_is_in_one_tile_inside_its_region(get, tiles):
    for zoom in (9, 12, 14):
        result: dict[str, list[tuple[int, int]]] = {}
        tiles_around = {
            tile_at(zoom, x, y)
            for x in range(-8_000, 32_001, 500 if zoom > 9 else 4_000)
            for y in range(-2_000, 22_001, 500 if zoom > 9 else 4_000)
        }
        for column, row in tiles_around:
            response = get(f"/tiles/health-regions/{zoom}/{column}/{row}.mvt")
            if response.status_code == 200:
                tile = decoded(response)
                for feature in tile.get("labels", {}).get("features", []):
                    result.setdefault(feature["properties"]["code"], []).append((column, row))
                    point = shape(feature["geometry"])
                    assert shapes(tile["regions"])[feature["properties"]["code"]].buffer(1).covers(point)
        assert {code: len(tiles_) for code, tiles_ in result.items()} == dict.fromkeys(
            ("2401", "3501", "3502", "3503", "3504"), 1
        )


def test_small_region_has_no_label_at_low_zoom(get, tiles):
    assert "labels" not in decoded(get(path_at(3, 5_000, 5_000)))
    (north,) = decoded(get(path_at(3, *(side + 50_000 for side in NORTH))))["labels"]["features"]
    assert north["properties"]["code"] == "6101"


def test_region_without_province_has_no_pruid(get, world):
    Coverage.objects.create(slug="districts", name_en="Districts", name_fr="Districts municipaux")
    vintage = worlds.make_vintage("districts", "2020", world.vintages["fsa", "2021"].effective_from, region_count=1)
    worlds.add_places(vintage, [worlds.Place("E.2", "", ((10_000, 0, 30_000, 10_000),))])
    store_tiles(vintage)
    (feature,) = decoded(get(path_at(10, 15_000, 5_000, "districts")))["regions"]["features"]
    assert feature["properties"] == {"code": "E.2", "name_en": "E.2", "name_fr": "E.2"}


def test_vintage_and_at_select_the_vintage(get, tiles):
    codes = [
        sorted(shapes(decoded(get(path_at(8, 5_000, 5_000), **choice))["regions"]))
        for choice in ({}, {"vintage": "2018"}, {"at": "2019-06-01"})
    ]
    assert codes == [["2401", "3501", "3502", "3503", "3504"], ["2401", "3501"], ["2401", "3501"]]


def test_bytes_of_a_tile_do_not_depend_on_the_order_of_rows(world):
    vintage = world.vintages["health-regions", "2022"]
    address = TileAddress(8, *tile_at(8, 5_000, 5_000))
    store_tiles(vintage)
    before = tile_draw(vintage=vintage, address=address)
    TilePiece.objects.filter(vintage=vintage).delete()
    TileLabel.objects.filter(vintage=vintage).delete()
    store_tiles(vintage, order="-pk")
    assert tile_draw(vintage=vintage, address=address) == before


def test_tile_takes_one_query(get, tiles, django_assert_num_queries, monkeypatch):
    path = path_at(8, 5_000, 5_000)
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
    get("/vintages")
    with django_assert_num_queries(1):
        get(path)


def test_empty_tile_gets_204(get, tiles):
    response = get("/tiles/health-regions/6/0/0.mvt")
    assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("15/0/0", "z"),
        ("-1/0/0", "z"),
        ("3/8/0", "x"),
        ("3/0/8", "y"),
        ("3/-1/0", "x"),
        ("3/1.5/0", "x"),
        ("x/0/0", "z"),
        ("9999999999999/0/0", "z"),
    ],
)
def test_tile_outside_the_scheme_gets_404(get, tiles, assert_problem, path, parameter):
    assert_problem(get(f"/tiles/health-regions/{path}.mvt"), 404, "tile-unknown", parameter=parameter)


@pytest.mark.parametrize("path", ["/tiles/nothing/3/2/2.mvt", "/tiles/nothing.json"])
def test_unknown_coverage_gets_404(get, tiles, assert_problem, path):
    assert_problem(get(path), 404, "coverage-unknown", parameter="coverage")


def test_unknown_parameter_or_vintage_is_a_problem(get, tiles, assert_problem):
    assert_problem(get("/tiles/health-regions/3/2/2.mvt", detail="low"), 400, "parameter-invalid", parameter="detail")
    assert_problem(get("/tiles/health-regions/3/2/2.mvt", vintage="1999"), 404, "vintage-unknown", parameter="vintage")


def test_tilejson_describes_one_vintage(get, tiles, assert_schema):
    body = get("/tiles/health-regions.json", lang="fr").json()
    assert_schema("TileJson", body)
    assert body["tiles"] == ["http://testserver/tiles/health-regions/{z}/{x}/{y}.mvt?vintage=2022"]
    assert body["name"] == "Régions sociosanitaires"
    assert body["attribution"] == "Source : health-regions 2022"
    assert {vector_layer["id"] for vector_layer in body["vector_layers"]} == {"regions", "labels"}
    west, south, east, north = body["bounds"]
    for x, y in ((-6_000, 2_000), (30_000, 20_000), (-1_000_000, 2_200_000)):
        lon, lat = lonlat(x, y)
        assert west - 1e-5 <= lon <= east + 1e-5
        assert south - 1e-5 <= lat <= north + 1e-5


def test_tilejson_url_template_returns_tiles(get, tiles):
    column, row = tile_at(8, 5_000, 5_000)
    (template,) = get("/tiles/health-regions.json", at="2019-06-01").json()["tiles"]
    address = template.removeprefix("http://testserver").format(z=8, x=column, y=row)
    assert set(shapes(decoded(get(address))["regions"])) == {"2401", "3501"}


def test_tilejson_without_vintage_gets_503(get, db, assert_problem):
    assert_problem(get("/tiles/fsa.json"), 503, "nothing-published")
