"""Faulty files are refused with a reason; published vintages are unchanged."""

import math
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shapefile

from geography.models import Region, Status, Vintage
from loader.errors import FileRefused, GatesFailed, LoadError
from loader.geometry.staging import stage
from tests.support import boundary_files as files
from tests.support.loading import checksums

Build = Callable[[Path], Path]
TRAPS: dict[str, tuple[Build, str, type[LoadError]]] = {}


def trap(message: str, error: type[LoadError] = FileRefused) -> Callable[[Build], Build]:
    def register(build: Build) -> Build:
        TRAPS[build.__name__] = (build, message, error)
        return build

    return register


@trap("metres of a projection. Give its code; Statistics Canada's Lambert is --srid 3347")
def metres_without_a_crs(folder: Path) -> Path:
    return files.geojson(folder / "a.geojson", files.grid())


@trap("they are degrees. Its .prj is wrong")
def degrees_that_claim_to_be_metres(folder: Path) -> Path:
    return files.shape(folder, [files.region("4601", *files.in_degrees([files.cell(0)]))])


@trap("Give --srid, 3347 if it comes from Statistics Canada")
def no_prj(folder: Path) -> Path:
    return files.shape(folder, files.grid(), prj=None)


@trap("the .shp is missing; there is only")
def no_shp(folder: Path) -> Path:
    shp = files.shape(folder, files.grid())
    shp.unlink()
    return folder


@trap("ownload all files")
def no_table(folder: Path) -> Path:
    shp = files.shape(folder, files.grid())
    shp.with_suffix(".dbf").unlink()
    return shp


@trap("--field code=A")
def other_fields(folder: Path) -> Path:
    return files.shape(folder, [({"A": "4601", "B": "x"}, [files.cell(0)])])


@trap("damaged or truncated")
def half_a_zip(folder: Path) -> Path:
    path = files.zipped(files.shape(folder, files.grid()))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@trap("unsafe to read")
def a_zip_that_slips(folder: Path) -> Path:
    path = files.zipped(files.shape(folder, files.grid()))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../evil.shp", b"x")
    return path


@trap(".shp is truncated")
def half_the_boundaries(folder: Path) -> Path:
    shp = files.shape(folder, files.grid(40))
    shp.write_bytes(shp.read_bytes()[:2000])
    return shp


@trap("Row 40: the text is not utf-8")
def wrong_text_in_the_last_row(folder: Path) -> Path:
    rows = [*files.grid(39), files.region("4640", files.cell(39), name="Région")]
    return files.shape(folder, rows, encoding="cp1252", cpg="UTF-8")


@trap("gate duplicates: 1 row;", GatesFailed)
def a_code_twice_and_text_that_was_decoded_twice(folder: Path) -> Path:
    rows = [*files.grid(3), files.region("4604", files.cell(3), name="Région".encode().decode("cp1252"))]
    return files.shape(folder, [*rows, files.region("4604", files.cell(4))])


@trap("row 2 (4601): duplicate of row 1", GatesFailed)
def a_code_twice(folder: Path) -> Path:
    return files.shape(folder, [files.region("4601", files.cell(0)), files.region("4601", files.cell(1))])


@trap("row 2 (no code): the code has 0 characters", GatesFailed)
def a_row_without_a_code(folder: Path) -> Path:
    return files.shape(folder, [files.region("4601", files.cell(0)), files.region("", files.cell(1))])


@trap("the code has 21 characters", GatesFailed)
def a_code_longer_than_its_column(folder: Path) -> Path:
    return files.shape(folder, [files.region("4601", files.cell(0)), files.region("4" * 21, files.cell(1))])


@trap("holds no rows")
def no_rows(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    with shapefile.Writer(str(folder / "a"), shapeType=shapefile.POLYGON) as writer:
        writer.field("HRUID", "C", 4)
    return folder / "a.shp"


@trap("holds Point geometries")
def points(folder: Path) -> Path:
    return files.shape(folder, files.grid(), kind=shapefile.POINT)


@trap("row 3 (4603): no geometry", GatesFailed)
def a_row_without_geometry(folder: Path) -> Path:
    rows = files.grid()
    rows[2] = (rows[2][0], None)
    return files.shape(folder, rows)


@trap("holds LineString geometries; boundaries are polygons")
def lines_and_points_in_geojson(folder: Path) -> Path:
    path = files.geojson(folder / "a.geojson", files.grid(1), degrees=True)
    text = path.read_text().replace('"Polygon", "coordinates": [[[', '"LineString", "coordinates": [[').replace("]]]}", "]]}")
    point = '{"type": "Feature", "properties": {"HRUID": "4602"}, "geometry": {"type": "Point", "coordinates": [-91, 62]}}'
    path.write_text(text[:-2] + f", {point}]}}")
    return path


@trap("row 1 (4601)", GatesFailed)
def a_coordinate_that_is_no_number(folder: Path) -> Path:
    ring = files.cell(0)
    ring[2] = (math.nan, ring[2][1])
    return files.shape(folder, [files.region("4601", ring), *files.grid(3, first=2)])


@trap("row 1 (4601)", GatesFailed)
def a_coordinate_without_end(folder: Path) -> Path:
    ring = files.cell(0)
    ring[2] = (math.inf, ring[2][1])
    return files.shape(folder, [files.region("4601", ring), *files.grid(3, first=2)])


@trap("not in Canada")
def a_region_beyond_the_world(folder: Path) -> Path:
    return files.shape(folder, [files.region("4601", [(x * 1e9, y * 1e9) for x, y in files.cell(0)])])


@trap("The file is not in Canada: read as EPSG:3347, row 1 is at longitude")
def everything_in_another_country(folder: Path) -> Path:
    south = [[(x, y - 4_000_000) for x, y in files.cell(index)] for index in range(2)]
    return files.shape(folder, [files.region(f"46{index:02d}", ring) for index, ring in enumerate(south, 1)])


@trap("not in Canada")
def degrees_of_another_country(folder: Path) -> Path:
    path = files.geojson(folder / "a.geojson", files.grid(), degrees=True)
    path.write_text(path.read_text().replace("[-9", "[-4"))
    return path


@trap("not in Canada")
def another_country_under_a_header_of_canada(folder: Path) -> Path:
    path = everything_in_another_country(folder)
    # GDAL reads the extent from the header of the .shx.
    with path.with_suffix(".shx").open("r+b") as file:
        file.seek(36)
        file.write(struct.pack("<4d", 6_200_000, 2_900_000, 6_300_000, 3_000_000))
    return path


@trap("latitude comes first. Write the file again with longitude first")
def swapped_axes(folder: Path) -> Path:
    rows = [
        (values, [[(lat, lon) for lon, lat in ring] for ring in files.in_degrees(rings or [])])
        for values, rings in files.grid()
    ]
    return files.shape(folder, rows, prj=files.NAD83_PRJ)


@trap("not a boundary file")
def a_text_file(folder: Path) -> Path:
    (folder / "a.txt").write_text("hello")
    return folder / "a.txt"


@trap("its JSON ends inside a document")
def json_that_is_no_geojson(folder: Path) -> Path:
    (folder / "a.json").write_text('{"hello": [1, 2')
    return folder / "a.json"


@pytest.mark.parametrize("name", TRAPS)
def test_faulty_file_is_refused_and_changes_nothing(
    name: str, published: dict[str, tuple[int, str]], load: Callable[..., Any], tmp_path: Path
) -> None:
    build, message, error = TRAPS[name]
    (tmp_path / "trap").mkdir()
    path = build(tmp_path / "trap")
    with pytest.raises(error) as caught:
        load(path, vintage="2022")
    assert message in str(caught.value)
    assert ("was not stored" in str(caught.value)) == (error is GatesFailed)
    assert checksums() == published


@pytest.mark.real
@pytest.mark.parametrize("name", ["traps/health_regions_metres_no_crs.geojson", "traps/fsa_2021_without_shp"])
def test_real_faulty_file_is_refused_and_changes_nothing(
    name: str, published: dict[str, tuple[int, str]], load: Callable[..., Any]
) -> None:
    columns = {"code": ("hruid",), "name_en": ("name_canonical",), "name_fr": ("name_canonical_fr",)}
    with pytest.raises(FileRefused, match=r"--srid 3347|the \.shp is missing"):
        load(files.real(name), columns=columns)
    assert checksums() == published


@pytest.fixture
def rows_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that receives the number of rows read by each load."""
    seen: list[int] = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        staged = stage(*args, **kwargs)
        seen.append(staged.rows)
        return staged

    monkeypatch.setattr("loader.pipeline.stage", counted)
    return seen


def test_metres_without_crs_load_with_srid(load: Callable[..., Any], tmp_path: Path) -> None:
    outcome = load(files.geojson(tmp_path / "a.geojson", files.grid()), srid=3347)
    assert outcome.what == "published"
    region = Region.objects.get(code="4601")
    assert region.geom.coords[0][0][0] == (files.EAST, files.NORTH)
    assert -92 < region.rep_point.x < -91


def test_file_refused_for_mojibake_loads_with_right_encoding(
    load: Callable[..., Any], tmp_path: Path, rows_read: list[int]
) -> None:
    """The staged vintage of the first load comes from the same file, but with another encoding."""
    rows = [files.region("4601", files.cell(0), name="Saguenay—Lac")]
    path = files.shape(tmp_path, rows, encoding="cp1252", cpg="ISO-8859-1")
    with pytest.raises(GatesFailed, match="gate text"):
        load(path)
    assert load(path, encoding="cp1252").what == "published"
    assert (Region.objects.get().name_en, rows_read) == ("Saguenay—Lac", [1, 1])
    assert [vintage.status for vintage in Vintage.objects.all()] == [Status.PUBLISHED]


def test_values_that_do_not_fit_their_columns_are_shortened(load: Callable[..., Any], tmp_path: Path) -> None:
    row = files.region("4601", files.cell(0), DGUID="2021A0000" + "9" * 40, POPULATION=10**12, LANDAREA=1.5, PRUID="46")
    load(files.shape(tmp_path, [row]))
    region = Region.objects.get()
    assert (region.dguid, region.population, region.land_area_km2, region.pruid) == ("2021A0000" + "9" * 12, None, 1.5, "46")


@pytest.mark.parametrize(
    "name", ["tab\there", "back\\slash", "\\N", "quote\"'s", "new\\nline", "{a}", "%s", "'; DROP TABLE region; --"]
)
def test_special_characters_are_stored_unchanged(load: Callable[..., Any], tmp_path: Path, name: str) -> None:
    load(files.geojson(tmp_path / "a.geojson", [files.region("4601", files.cell(0), name=name, NOTE=name)], degrees=True))
    region = Region.objects.get()
    assert (region.name_en, region.attributes) == (" ".join(name.split()), {"NOTE": name})


def test_times_and_lists_in_geojson_are_stored(load: Callable[..., Any], tmp_path: Path) -> None:
    row = files.region("4601", files.cell(0), AT="12:30:00", ON="2022-01-02", MANY=[1, 2], DEEP={"a": None})
    load(files.geojson(tmp_path / "a.geojson", [row], degrees=True))
    stored = Region.objects.get().attributes
    assert (stored["AT"], stored["ON"]) == ("12:30:00", "2022-01-02")
    assert set(stored) == {"AT", "ON", "MANY", "DEEP"}
