"""PMTiles export: same tiles as the API, read by two independent implementations (pmtiles, GDAL)."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import pyogrio
import pytest
import shapely
from django.core.management import call_command
from django.db import connection
from pmtiles.reader import MmapSource, Reader, all_tiles
from pmtiles.tile import Compression, TileType
from shapely.geometry import shape

from geography.constants import PMTILES_DEMO_ZOOM_MAX, PMTILES_ZOOM_MAX
from geography.coordinates import TileAddress
from geography.models import TilePiece, Vintage
from geography.queries.tiles import tile_draw, vintage_bounds
from loader.export import make
from loader.export.tiles import write_pmtiles
from loader.progress import Steps
from tests.support import boundary_files as files

pytestmark = pytest.mark.django_db

# 3501 is so large that it contains whole tiles; 3502 is an island in a lake of 3501; 3503 is separate.
ROWS = [
    files.region("3501", files.box(0, 0, 90_000, 90_000), files.hole(30_000, 30_000, 40_000, 40_000), name="Île du Large"),
    files.region("3502", files.box(33_000, 33_000, 36_000, 36_000), name="Island"),
    files.region("3503", files.box(120_000, 0, 140_000, 20_000), name="Apart"),
]


@pytest.fixture
def vintage(load: Callable[..., Any], tmp_path: Path) -> Vintage:
    loaded: Vintage = load(files.shape(tmp_path / "hr", ROWS), vintage="2022", attribution_en="Ours & theirs").vintage
    return loaded


@pytest.fixture
def path(vintage: Vintage, tmp_path: Path) -> Path:
    call_command("export", vintage=["health-regions/2022"], format=["pmtiles"], out=tmp_path / "out.pmtiles", stdout=StringIO())
    return tmp_path / "out.pmtiles"


@pytest.fixture
def reader(path: Path) -> Iterator[Reader]:
    with path.open("rb") as file:
        yield Reader(MmapSource(file))


def around(bounds: list[float], zoom: int) -> Iterator[TileAddress]:
    """Yield the tiles that intersect a box in degrees, and the tiles around them."""
    west, south, east, north = bounds
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT floor((ST_X(p) + 20037508.342789244) / 40075016.685578488 * 2^%s)::int,"
            " floor((20037508.342789244 - ST_Y(p)) / 40075016.685578488 * 2^%s)::int"
            " FROM unnest(%s, %s) AS c (lon, lat), ST_Transform(ST_SetSRID(ST_MakePoint(lon, lat), 4326), 3857) AS p",
            [zoom, zoom, [west, east], [north, south]],
        )
        (left, top), (right, bottom) = cursor.fetchall()
    most = 2**zoom - 1
    for column in range(max(left - 1, 0), min(right + 1, most) + 1):
        for row in range(max(top - 1, 0), min(bottom + 1, most) + 1):
            yield TileAddress(zoom, column, row)


def features_by_layer(tile: bytes) -> dict[str, list[tuple[Any, ...]]]:
    """Return the features of a tile by layer, with normalised geometry (independent of the first vertex of a ring)."""
    layers = mapbox_vector_tile.decode(tile) if tile else {}
    return {
        name: [
            (feature["id"], feature["properties"], shapely.normalize(shape(feature["geometry"])).wkt)
            for feature in layer["features"]
        ]
        for name, layer in layers.items()
    }


def test_pmtiles_equal_tiles_of_the_api(vintage: Vintage, reader: Reader) -> None:
    tiles_by_zoom = Counter(zoom for (zoom, _, _), _ in all_tiles(reader.get_bytes))
    assert set(tiles_by_zoom) == set(range(PMTILES_ZOOM_MAX + 1))
    for zoom in tiles_by_zoom:
        result = 0
        for address in around(vintage_bounds(vintage), zoom):
            drawn = tile_draw(vintage=vintage, address=address)
            value = reader.get(address.zoom, address.column, address.row)
            assert features_by_layer(gzip.decompress(value) if value else b"") == features_by_layer(drawn), address
            result += bool(drawn)
        assert result == tiles_by_zoom[zoom]


def test_identical_tiles_are_stored_once(reader: Reader) -> None:
    header = reader.header()
    assert header["addressed_tiles_count"] > header["tile_contents_count"]
    assert header["addressed_tiles_count"] > header["tile_entries_count"]
    assert header["clustered"]


def test_pmtiles_header_and_metadata(vintage: Vintage, reader: Reader) -> None:
    header, metadata = reader.header(), reader.metadata()
    assert (header["min_zoom"], header["max_zoom"]) == (0, PMTILES_ZOOM_MAX)
    assert (header["tile_type"], header["tile_compression"]) == (TileType.MVT, Compression.GZIP)
    sides = [header[f"{side}_e7"] / 1e7 for side in ("min_lon", "min_lat", "max_lon", "max_lat")]
    assert sides == pytest.approx(vintage_bounds(vintage), abs=1e-7)
    assert [layer["id"] for layer in metadata["vector_layers"]] == ["regions", "labels"]
    assert metadata["attribution"] == "Ours & theirs"
    assert metadata["about"]["source_sha256"] == vintage.source_sha256
    assert metadata["about"]["vintage"] == "2022"


def test_gdal_opens_pmtiles_with_every_region(path: Path) -> None:
    assert dict(pyogrio.list_layers(path)).keys() == {"regions", "labels"}
    frame = pyogrio.read_dataframe(path, layer="regions")
    assert frame.crs.to_epsg() == 3857
    assert set(frame["code"]) == {"3501", "3502", "3503"}
    assert set(frame["name_en"]) == {"Île du Large", "Island", "Apart"}
    assert json.dumps(pyogrio.read_info(path, layer="regions")["dataset_metadata"]).count("Ours") >= 1


def test_pmtiles_are_read_with_http_range_requests(vintage: Vintage, settings: Any, tmp_path: Path, client: Any) -> None:
    settings.DOWNLOADS_DIR = tmp_path / "shop"
    made = make.export(
        [
            published_download
            for published_download in make.published_downloads()
            if published_download.format.name == "pmtiles"
        ],
        Steps(quiet=True),
    )
    assert (made.ready, made.failed) == (["health-regions-2022.pmtiles"], {})
    (listed,) = [
        file
        for listed in client.get("/downloads", headers={"Accept": "application/json"}).json()["downloads"]
        for file in listed["files"]
        if file["format"] == "pmtiles"
    ]
    assert listed["media_type"] == "application/vnd.pmtiles"

    def part(offset: int, length: int) -> bytes:
        response = client.get(listed["href"], headers={"Range": f"bytes={offset}-{offset + length - 1}"})
        assert response.status_code == 206
        body = b"".join(response.streaming_content)
        for closer in response._resource_closers:
            closer()
        return body

    tile = Reader(part).get(0, 0, 0)
    assert tile is not None
    layers = mapbox_vector_tile.decode(gzip.decompress(tile))
    assert {feature["properties"]["code"] for feature in layers["regions"]["features"]} >= {"3501"}


def test_demo_pmtiles_have_lower_max_zoom(vintage: Vintage, tmp_path: Path) -> None:
    vintage.demo = True
    write_pmtiles(vintage, tmp_path / "demo.pmtiles")
    with (tmp_path / "demo.pmtiles").open("rb") as file:
        assert Reader(MmapSource(file)).header()["max_zoom"] == PMTILES_DEMO_ZOOM_MAX


def test_vintage_without_tiles_raises_and_leaves_no_file(vintage: Vintage, tmp_path: Path) -> None:
    TilePiece.objects.all().delete()
    folder = tmp_path / "empty"
    folder.mkdir()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tile_label")
    with pytest.raises(ValueError, match="draw_tiles"):
        write_pmtiles(vintage, folder / "none.pmtiles")
    assert [item.name for item in folder.iterdir()] == ["none.pmtiles"]
