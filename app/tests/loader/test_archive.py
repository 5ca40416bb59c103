"""Opening a file, a folder or a zip as a boundary file: unpacking, choice of the layer, SHA-256."""

import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from loader.source.archive import open_layer
from tests.support import boundary_files as files
from tests.support.loading import SHAPEFILE, refusal, unpacked_names

pytestmark = pytest.mark.usefixtures("no_temporary_files_left")


def test_zip_folder_and_shp_give_the_same_files(shp: Path, tmp_path: Path) -> None:
    assert (
        unpacked_names(files.zipped(shp, tmp_path / "a.zip")) == unpacked_names(shp.parent) == unpacked_names(shp) == SHAPEFILE
    )


def test_zip_with_folder_inside_is_read(shp: Path, tmp_path: Path) -> None:
    assert unpacked_names(files.zipped(shp, tmp_path / "a.zip", inside="lfsa000a21a_e/")) == SHAPEFILE


def test_folder_with_a_zip_is_read(shp: Path, tmp_path: Path) -> None:
    folder = tmp_path / "download"
    folder.mkdir()
    files.zipped(shp, folder / "a.zip")
    (folder / "readme.txt").write_text("about")
    assert unpacked_names(folder) == SHAPEFILE


def test_shapefile_in_subfolder_is_found(shp: Path) -> None:
    assert unpacked_names(shp.parent.parent / "good") == SHAPEFILE


def test_desktop_metadata_in_zips_is_ignored(shp: Path, tmp_path: Path) -> None:
    path = files.zipped(shp, tmp_path / "a.zip", inside="x/")
    with zipfile.ZipFile(path, "a") as zip_:
        zip_.writestr("__MACOSX/x/._regions.shp", b"junk")
        zip_.writestr("x/._regions.shp", b"junk")
        zip_.writestr("x/.DS_Store", b"junk")
    assert unpacked_names(path) == SHAPEFILE


def test_desktop_metadata_in_folders_is_ignored(shp: Path) -> None:
    (shp.parent / "._regions.shp").write_bytes(b"junk")
    (shp.parent / "__MACOSX").mkdir()
    (shp.parent / "__MACOSX" / "regions.shp").write_bytes(b"junk")
    assert unpacked_names(shp.parent) == SHAPEFILE


def test_only_shapefile_parts_reach_gdal(shp: Path, tmp_path: Path) -> None:
    for suffix in (".qix", ".sbn", ".shp.xml", ".qpj", ".mdb"):
        (shp.parent / f"regions{suffix}").write_bytes(b"x")
    assert unpacked_names(shp) == SHAPEFILE
    assert unpacked_names(files.zipped(shp, tmp_path / "a.zip")) == SHAPEFILE


def test_upper_case_suffixes_are_read(shp: Path, tmp_path: Path) -> None:
    for path in list(shp.parent.iterdir()):
        path.rename(path.with_suffix(path.suffix.upper()))
    assert unpacked_names(shp.with_suffix(".SHP")) == unpacked_names(shp.parent) == SHAPEFILE
    assert unpacked_names(files.zipped(shp.with_suffix(".SHP"), tmp_path / "A.ZIP")) == SHAPEFILE


@pytest.mark.parametrize("name", ["a b", "régions", "a\nb", 'it\'s "so"', "-rf", "$(id)", "%s%n", "a?b#c", "🍁"])
def test_unusual_file_name_is_read(shp: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    for path in shp.parent.iterdir():
        shutil.copy(path, folder / f"{name}{path.suffix}")
    assert unpacked_names(folder / f"{name}.shp") == SHAPEFILE
    assert unpacked_names(files.zipped(folder / f"{name}.shp", folder / f"{name}.zip")) == SHAPEFILE


def test_symbolic_links_are_followed(shp: Path, tmp_path: Path) -> None:
    (tmp_path / "link.zip").symlink_to(files.zipped(shp, tmp_path / "a.zip"))
    (tmp_path / "links").symlink_to(shp.parent)
    assert unpacked_names(tmp_path / "link.zip") == unpacked_names(tmp_path / "links") == SHAPEFILE


def test_dangling_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").symlink_to(tmp_path / "gone.zip")
    assert "does not exist" in refusal(tmp_path / "a.zip")


def test_shapefile_part_as_dangling_link_is_refused(shp: Path) -> None:
    shp.with_suffix(".dbf").unlink()
    shp.with_suffix(".dbf").symlink_to(shp.parent / "gone.dbf")
    assert "regions.dbf cannot be read: No such file" in refusal(shp)


@pytest.fixture
def as_ordinary_user() -> Iterator[None]:
    """Run as a user to whom file permissions apply."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.mark.parametrize("suffix", [".zip", ".shp", ".dbf", ".geojson"])
def test_file_without_read_permission_is_refused(
    shp: Path, tmp_path: Path, suffix: str, request: pytest.FixtureRequest
) -> None:
    files.zipped(shp)
    files.geojson(shp.with_suffix(".geojson"), files.grid())
    locked = shp.with_suffix(suffix)
    locked.chmod(0)
    for folder in (*tmp_path.parents, tmp_path, shp.parent, tmp_path / "scratch"):
        if tmp_path.is_relative_to(folder) and folder.stat().st_mode & 0o005 != 0o005 and folder.owner() == "root":
            folder.chmod(folder.stat().st_mode | 0o055)
    (tmp_path / "scratch").chmod(0o777)
    shp.parent.chmod(0o777)
    request.getfixturevalue("as_ordinary_user")
    assert f"{locked} cannot be read: Permission denied" in refusal(shp if suffix == ".dbf" else locked)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "none.zip")


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no boundary file: expected a shapefile (.shp), .gpkg" in refusal(tmp_path / "empty")


@pytest.mark.parametrize("as_zip", [True, False])
def test_dbf_without_shp_is_refused(shp: Path, tmp_path: Path, as_zip: bool) -> None:
    path = files.zipped(shp, tmp_path / "a.zip", leave_out=[".shp"]) if as_zip else shp.parent
    if not as_zip:
        shp.unlink()
    message = refusal(path)
    assert "the .shp is missing; there is only" in message
    assert "Download all files" in message


@pytest.mark.parametrize("missing", [".shx", ".dbf"])
@pytest.mark.parametrize("as_zip", [True, False])
def test_shapefile_without_shx_or_dbf_is_refused(shp: Path, tmp_path: Path, missing: str, as_zip: bool) -> None:
    path = files.zipped(shp, tmp_path / "a.zip", leave_out=[missing])
    shp.with_suffix(missing).unlink()
    assert f"{missing} of the shapefile is missing" in refusal(path if as_zip else shp)


def test_several_layers_in_zip_are_refused_by_name(shp: Path, tmp_path: Path) -> None:
    path = files.zipped(shp, tmp_path / "a.zip")
    with zipfile.ZipFile(path, "a") as zip_:
        zip_.write(shp, "other/second.shp")
    assert "several layers (other/second.shp, regions.shp)" in refusal(path)


def test_same_name_in_two_formats_counts_as_two_layers(shp: Path, tmp_path: Path) -> None:
    path = files.zipped(shp, tmp_path / "a.zip")
    with zipfile.ZipFile(path, "a") as zip_:
        zip_.writestr("regions.geojson", '{"type": "FeatureCollection", "features": []}')
    assert "several layers (regions.geojson, regions.shp)" in refusal(path)


def test_several_layers_in_folder_are_refused_by_name(shp: Path) -> None:
    shutil.copy(shp, shp.with_name("second.shp"))
    assert "several layers (regions.shp, second.shp): name the one to load with --layer-name" in refusal(shp.parent)


NO_BOUNDARIES = {
    "page.zip": b"<!DOCTYPE html><html><body>Sorry</body></html>",
    "empty.zip": b"",
    "garbage.zip": np.random.default_rng(1).bytes(10 << 20),
    "readme.txt": b"hello",
    "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "picture.geojson": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "empty.geojson": b"",
    "empty.gpkg": b"",
    "list.json": b"[1, 2]",
    "garbage.geojson": np.random.default_rng(2).bytes(10 << 20),
    "virtual.geojson": b'<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>',
    "virtual.gpkg": b"<OGRVRTDataSource></OGRVRTDataSource>",
    "name": b"anything",
}


@pytest.mark.parametrize("name", NO_BOUNDARIES)
def test_file_without_boundaries_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(NO_BOUNDARIES[name])
    reason = "damaged or truncated" if path.suffix == ".zip" else "is not a boundary file"
    assert refusal(path).startswith(f"{name} {'is ' if path.suffix == '.zip' else ''}{reason}")


@pytest.mark.parametrize("content", [b"", b"<OGRVRTDataSource></OGRVRTDataSource>" + bytes(100), bytes(10 << 20), b"PNG"])
def test_shp_with_other_content_is_refused(shp: Path, content: bytes) -> None:
    shp.write_bytes(content)
    assert ("its content is not shp" if content else "it is empty (.shp of 0 bytes)") in refusal(shp)


def test_zip_without_layer_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zip_:
        zip_.writestr("readme.txt", "hello")
    assert "holds no boundary file: expected a shapefile (.shp), .gpkg" in refusal(tmp_path / "a.zip")


def test_sha256_of_zip_is_that_of_the_archive(shp: Path, tmp_path: Path) -> None:
    import hashlib

    path = files.zipped(shp, tmp_path / "a.zip")
    with open_layer(path) as layer:
        assert layer.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert layer.display_name == "a.zip"


def test_sha256_of_shapefile_covers_every_part(shp: Path) -> None:
    def sha256() -> str:
        with open_layer(shp) as layer:
            return layer.sha256

    seen = {sha256()}
    for suffix in (".prj", ".cpg", ".dbf"):
        with shp.with_suffix(suffix).open("ab") as part:
            part.write(b" ")
        seen.add(sha256())
    assert len(seen) == 4


def test_oversized_cpg_is_read_in_part(shp: Path) -> None:
    shp.with_suffix(".cpg").write_bytes(b"UTF-8" + b" " * (5 << 20))
    with open_layer(shp) as layer:
        assert layer.declared_encoding == "UTF-8"


@pytest.mark.real
def test_real_dbf_without_shp_is_refused(tmp_path: Path) -> None:
    folder = files.copied(files.real("traps/fsa_2021_without_shp"), tmp_path / "fsa_2021_without_shp")
    assert "the .shp is missing; there is only .dbf, .prj, .shx" in refusal(folder)
    assert "the .shp is missing; there is only" in refusal(files.zipped(folder / "lfsa000b21a_e.shp", tmp_path / "real.zip"))
