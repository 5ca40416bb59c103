"""Round trip: exported files can be loaded again, and every loaded code can be requested."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import shapely
from django.core.management import call_command
from django.test import Client

from geography.models import Region
from loader.errors import GatesFailed
from loader.pipeline import Acceptance
from tests.support import boundary_files as files

pytestmark = pytest.mark.django_db

Load = Callable[..., Any]
ACCEPTED = Acceptance(frozenset({"codes", "provinces"}), "codes of a test")


def boundaries(label: str) -> list[tuple[Any, ...]]:
    regions = Region.objects.filter(vintage__label=label).order_by("code")
    return [(region.code, region.name_en, region.name_fr, region.pruid, region.geom.wkb.tobytes()) for region in regions]


def normal(wkb: bytes) -> bytes:
    """Return a geometry with its rings in a fixed direction and order."""
    normalized: bytes = shapely.to_wkb(shapely.normalize(shapely.from_wkb(wkb)))
    return normalized


@pytest.mark.parametrize("kind", ["gpkg", "fgb", "parquet", "shapefile", "geojson"])
def test_exported_boundary_file_can_be_loaded(load: Load, tmp_path: Path, kind: str) -> None:
    rows = [
        files.region("2402", files.cell(0), files.hole(3_000, 3_000, 5_000, 5_000), name="Région du Saguenay—Lac-Saint-Jean"),
        files.region("3501", files.cell(1), files.box(30_000, 0, 32_000, 2_000), name="Île"),
        files.region("3502", files.cell(2), name="Plain"),
    ]
    load(files.shape(tmp_path / "hr", rows), vintage="2022")
    (tmp_path / "out").mkdir()
    call_command(
        "export",
        vintage=["health-regions/2022"],
        format=[kind],
        level=["full"] if kind == "geojson" else None,
        out=tmp_path / "out",
        verbosity=0,
    )
    (path,) = (tmp_path / "out").iterdir()
    load(path, vintage="again", columns={"code": ("code", "HRUID", "hruid")})
    before, after = boundaries("2022"), boundaries("again")
    assert [row[:-1] for row in after] == [row[:-1] for row in before]
    if kind == "parquet":
        # GeoParquet states that rings are counter-clockwise, so some are turned: the vertices are the same.
        assert [normal(row[-1]) for row in after] == [normal(row[-1]) for row in before]
    elif kind not in ("geojson", "shapefile"):
        # Bit-identical in EPSG:3347; GeoJSON is in degrees, and a shapefile may start a ring at another vertex.
        assert after == before


@pytest.mark.parametrize(
    "code", ["591", "595", "59", "1", "A B", "É-1", "E\u0301-1", "X+1?&#%", "ß", "5.1", "日本", "12345678901234567890"]
)
def test_every_loaded_code_can_be_requested(load: Load, client: Client, tmp_path: Path, code: str) -> None:
    rows = [files.region(code, files.cell(0)), files.region("4602", files.cell(1))]
    load(files.shape(tmp_path / "hr", rows), acceptance=ACCEPTED)
    load(files.shape(tmp_path / "fsa", files.fsa_grid(["R3A"]), name="fsa"), "fsa", vintage="2021")
    listed = client.get("/health-regions", {"detail": "none", "vintage": "2022"}).json()["features"]
    (id_,) = {item["id"] for item in listed} - {"4602"}
    lon, lat = files.project(files.EAST + 5_000, files.NORTH + 5_000, 3347, 4326)
    located = client.get("/locate", {"lat": str(lat), "lon": str(lon)}).json()["properties"]["health_region"]["hruid"]
    assert located == id_
    for spelled in {id_, code, id_.lower()} if id_.lower().upper() == id_ else {id_, code}:
        path = f"/health-regions/{quote(spelled, safe='')}"
        assert client.get(path, {"detail": "none"}).json()["id"] == id_
        (fsa,) = client.get(f"{path}/fsa", {"detail": "none"}).json()["features"]
        assert fsa["id"] == "R3A"
        assert [feature["id"] for feature in client.get(f"{path}/neighbours", {"detail": "none"}).json()["features"]] == [
            "4602"
        ]
        assert (
            client.get(f"/coverages/health-regions/regions/{quote(spelled, safe='')}", {"detail": "none"}).json()["id"] == id_
        )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("59/1", "the code holds U+002F (solidus), which no address can hold"),
        ("59\\1", "U+005C"),
        ("59\u200b1", "U+200B (zero width space)"),
        ("59\x071", "U+0007 (a control character)"),
        ("..", "dots alone"),
        ("1" * 21, "the code has 21 characters"),
    ],
)
def test_code_unusable_in_url_is_refused_with_reason(load: Load, tmp_path: Path, code: str, reason: str) -> None:
    rows = [files.region(code, files.cell(0)), files.region("4602", files.cell(1))]
    with pytest.raises(GatesFailed) as caught:
        load(files.geojson(tmp_path / "a.geojson", rows, degrees=True), acceptance=ACCEPTED)
    assert reason in str(caught.value)
    assert caught.value.names[0] == "geometry"
    assert not Region.objects.exists()


@pytest.mark.parametrize("code", ["W1A", "K1", "M5VX", "591"])
def test_invalid_fsa_code_is_refused_with_reason(load: Load, tmp_path: Path, code: str) -> None:
    with pytest.raises(GatesFailed, match="the code is not an FSA"):
        load(files.shape(tmp_path, files.fsa_grid(["R3A", code])), "fsa", acceptance=ACCEPTED)


def test_code_takes_precedence_over_dguid_of_other_region(load: Load, client: Client, tmp_path: Path) -> None:
    rows = [
        files.region("4601", files.cell(0), DGUID="2022A00074602"),
        files.region("2022A00074602", files.cell(1), DGUID="2022A00074601"),
    ]
    load(files.shape(tmp_path, rows), acceptance=ACCEPTED)
    assert client.get("/health-regions/2022A00074602", {"detail": "none"}).json()["id"] == "2022A00074602"
    assert client.get("/health-regions/2022A00074601", {"detail": "none"}).json()["id"] == "2022A00074602"


def test_layer_name_selects_loaded_layer(load: Load, tmp_path: Path) -> None:
    """Another layer of the same file is another load."""
    shp = files.shape(tmp_path / "a", files.grid(2), name="one")
    files.shape(tmp_path / "a", files.grid(3), name="two")
    assert load(shp.parent, layer_name="one").what == "published"
    assert load(shp.parent, layer_name="one").what == "unchanged"
    assert load(shp.parent, layer_name="two").vintage.region_count == 3


def test_layer_name_can_be_declared(tmp_path: Path) -> None:
    from loader.source.declarations import read_sources

    text = (Path(read_sources.__globals__["SOURCES_FILE"])).read_text(encoding="utf-8")
    (tmp_path / "sources.toml").write_text(
        text + '\n[layers.x]\ncoverage = "fsa"\nvintage = "x"\neffective_from = 2020-01-01\nrepresentation = "digital"\n'
        'title_en = "x"\ntitle_fr = "x"\nfile = "x.gpkg"\nlayer_name = "fsa 2021"\n',
        encoding="utf-8",
    )
    layer = read_sources(tmp_path / "sources.toml").layer("x")
    assert layer == replace(layer, layer_name="fsa 2021")
