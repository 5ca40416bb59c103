"""Unpacking of files, folders and zips into one dataset, and refusal of damaged and unsafe archives."""

import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from loader.errors import FileRefused
from loader.source import archive
from loader.source.archive import open_layer
from tests.support import boundary_files as files


@pytest.fixture
def shp(tmp_path: Path) -> Path:
    return files.shape(tmp_path / "good", files.grid())


def refusal(path: Path) -> str:
    """Return the message with which a file is refused."""
    with pytest.raises(FileRefused) as caught, open_layer(path):
        pass
    return str(caught.value)


def laid_out(path: Path) -> set[str]:
    """Return the names of the files in the temporary folder of a dataset."""
    with open_layer(path) as layer:
        return {file.name for file in layer.path.parent.iterdir() if file.suffix}


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Assert that a test leaves no temporary folder."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    yield
    assert list(scratch.iterdir()) == []


SHAPEFILE = {"layer.shp", "layer.shx", "layer.dbf", "layer.prj", "layer.cpg"}


def test_a_zip_a_folder_and_a_shp_give_the_same_five_files(shp: Path, tmp_path: Path) -> None:
    assert laid_out(files.zipped(shp, tmp_path / "a.zip")) == laid_out(shp.parent) == laid_out(shp) == SHAPEFILE


def test_a_zip_with_a_folder_inside_is_read(shp: Path, tmp_path: Path) -> None:
    assert laid_out(files.zipped(shp, tmp_path / "a.zip", inside="lfsa000a21a_e/")) == SHAPEFILE


def test_a_folder_that_holds_one_zip_is_read(shp: Path, tmp_path: Path) -> None:
    folder = tmp_path / "download"
    folder.mkdir()
    files.zipped(shp, folder / "a.zip")
    (folder / "readme.txt").write_text("about")
    assert laid_out(folder) == SHAPEFILE


def test_a_shapefile_in_a_subfolder_is_found(shp: Path) -> None:
    assert laid_out(shp.parent.parent / "good") == SHAPEFILE


def test_desktop_metadata_in_zips_is_ignored(shp: Path, tmp_path: Path) -> None:
    path = files.zipped(shp, tmp_path / "a.zip", inside="x/")
    with zipfile.ZipFile(path, "a") as zip_:
        zip_.writestr("__MACOSX/x/._regions.shp", b"junk")
        zip_.writestr("x/._regions.shp", b"junk")
        zip_.writestr("x/.DS_Store", b"junk")
    assert laid_out(path) == SHAPEFILE


def test_desktop_metadata_in_folders_is_ignored(shp: Path) -> None:
    (shp.parent / "._regions.shp").write_bytes(b"junk")
    (shp.parent / "__MACOSX").mkdir()
    (shp.parent / "__MACOSX" / "regions.shp").write_bytes(b"junk")
    assert laid_out(shp.parent) == SHAPEFILE


def test_only_the_five_parts_reach_gdal(shp: Path, tmp_path: Path) -> None:
    for suffix in (".qix", ".sbn", ".shp.xml", ".qpj", ".mdb"):
        (shp.parent / f"regions{suffix}").write_bytes(b"x")
    assert laid_out(shp) == SHAPEFILE
    assert laid_out(files.zipped(shp, tmp_path / "a.zip")) == SHAPEFILE


def test_upper_case_suffixes_are_read(shp: Path, tmp_path: Path) -> None:
    for path in list(shp.parent.iterdir()):
        path.rename(path.with_suffix(path.suffix.upper()))
    assert laid_out(shp.with_suffix(".SHP")) == laid_out(shp.parent) == SHAPEFILE
    assert laid_out(files.zipped(shp.with_suffix(".SHP"), tmp_path / "A.ZIP")) == SHAPEFILE


@pytest.mark.parametrize("name", ["a b", "régions", "a\nb", 'it\'s "so"', "-rf", "$(id)", "%s%n", "a?b#c", "🍁"])
def test_any_name_a_file_system_allows_is_read(shp: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    for path in shp.parent.iterdir():
        shutil.copy(path, folder / f"{name}{path.suffix}")
    assert laid_out(folder / f"{name}.shp") == SHAPEFILE
    assert laid_out(files.zipped(folder / f"{name}.shp", folder / f"{name}.zip")) == SHAPEFILE


def test_links_are_followed(shp: Path, tmp_path: Path) -> None:
    (tmp_path / "link.zip").symlink_to(files.zipped(shp, tmp_path / "a.zip"))
    (tmp_path / "links").symlink_to(shp.parent)
    assert laid_out(tmp_path / "link.zip") == laid_out(tmp_path / "links") == SHAPEFILE


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").symlink_to(tmp_path / "gone.zip")
    assert "does not exist" in refusal(tmp_path / "a.zip")


def test_a_part_that_is_a_link_to_nothing_is_refused(shp: Path) -> None:
    shp.with_suffix(".dbf").unlink()
    shp.with_suffix(".dbf").symlink_to(shp.parent / "gone.dbf")
    assert "regions.dbf cannot be read: No such file" in refusal(shp)


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """Run as a user to whom file permissions apply."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.mark.parametrize("suffix", [".zip", ".shp", ".dbf", ".geojson"])
def test_a_file_without_read_permission_is_refused(
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
    request.getfixturevalue("as_nobody")
    assert f"{locked} cannot be read: Permission denied" in refusal(shp if suffix == ".dbf" else locked)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "none.zip")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no boundary file: expected a shapefile (.shp), .gpkg" in refusal(tmp_path / "empty")


@pytest.mark.parametrize("as_zip", [True, False])
def test_a_table_without_boundaries_is_refused(shp: Path, tmp_path: Path, as_zip: bool) -> None:
    path = files.zipped(shp, tmp_path / "a.zip", leave_out=[".shp"]) if as_zip else shp.parent
    if not as_zip:
        shp.unlink()
    message = refusal(path)
    assert "the .shp is missing; there is only" in message
    assert "Download all files" in message


@pytest.mark.parametrize("missing", [".shx", ".dbf"])
@pytest.mark.parametrize("as_zip", [True, False])
def test_a_shapefile_without_one_of_its_parts_is_refused(shp: Path, tmp_path: Path, missing: str, as_zip: bool) -> None:
    path = files.zipped(shp, tmp_path / "a.zip", leave_out=[missing])
    shp.with_suffix(missing).unlink()
    assert f"{missing} of the shapefile is missing" in refusal(path if as_zip else shp)


def test_several_layers_in_a_zip_are_refused_by_name(shp: Path, tmp_path: Path) -> None:
    path = files.zipped(shp, tmp_path / "a.zip")
    with zipfile.ZipFile(path, "a") as zip_:
        zip_.write(shp, "other/second.shp")
    assert "several layers (other/second.shp, regions.shp)" in refusal(path)


def test_two_formats_of_one_name_are_two_layers(shp: Path, tmp_path: Path) -> None:
    path = files.zipped(shp, tmp_path / "a.zip")
    with zipfile.ZipFile(path, "a") as zip_:
        zip_.writestr("regions.geojson", '{"type": "FeatureCollection", "features": []}')
    assert "several layers (regions.geojson, regions.shp)" in refusal(path)


def test_several_layers_in_a_folder_are_refused_by_name(shp: Path) -> None:
    shutil.copy(shp, shp.with_name("second.shp"))
    assert "several layers (regions.shp, second.shp): name the one to load with --layer-name" in refusal(shp.parent)


def test_an_archive_in_an_archive_is_refused(shp: Path, tmp_path: Path) -> None:
    inner = files.zipped(shp, tmp_path / "inner.zip")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as zip_:
        zip_.write(inner, "inner.zip")
    assert "holds inner.zip, another archive: unpack it" in refusal(tmp_path / "outer.zip")


@pytest.mark.parametrize("cut", [1, 4, 22, 100, 0.25, 0.5, 0.9, 0.99])
def test_a_zip_that_was_cut_short_is_refused(shp: Path, tmp_path: Path, cut: float) -> None:
    path = files.zipped(shp, tmp_path / "a.zip")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(cut * len(whole)) if cut < 1 else len(whole) - int(cut)])
    assert "damaged or truncated" in refusal(path)


def test_a_changed_byte_fails_the_checksum(shp: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as zip_:
        for part in sorted(shp.parent.iterdir()):
            zip_.write(part, part.name)
    with zipfile.ZipFile(path) as zip_:
        at = zip_.getinfo("regions.shp").header_offset + 200
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)
    assert "Bad CRC-32" in refusal(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_zip_is_refused_or_read_unchanged(shp: Path, tmp_path: Path, method: int) -> None:
    """Two hundred zips with a few random bytes changed; the seed is fixed."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as zip_:
        for part in sorted(shp.parent.iterdir()):
            zip_.write(part, part.name)
    whole, chance = path.read_bytes(), np.random.default_rng(method)
    refused = 0
    for _ in range(200):
        content = bytearray(whole)
        for _ in range(chance.choice([1, 1, 4, 40])):
            content[chance.integers(len(content))] = chance.integers(256)
        path.write_bytes(content)
        try:
            with open_layer(path) as layer:
                assert layer.path.read_bytes() == shp.read_bytes()
        except FileRefused:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize(
    "name",
    [
        "../regions.shp",
        "a/../../regions.shp",
        "/etc/regions.shp",
        "..\\regions.shp",
        "C:\\regions.shp",
        "c:/regions.shp",
        "\\\\h\\a.shp",
    ],
)
def test_a_path_that_leaves_the_archive_is_refused(shp: Path, tmp_path: Path, name: str) -> None:
    path = files.zipped(shp, tmp_path / "a.zip")
    with zipfile.ZipFile(path, "a") as zip_:
        zip_.writestr(zipfile.ZipInfo(name), b"x")
    assert "a path that leaves the archive (path traversal): it is unsafe to read" in refusal(path)


def test_a_symbolic_link_in_an_archive_is_not_created(shp: Path, tmp_path: Path) -> None:
    """A member that is a symbolic link holds the name it points to: no boundary file, so it is refused."""
    path = tmp_path / "a.zip"
    link = zipfile.ZipInfo("regions.shp")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as zip_:
        zip_.writestr(link, str(shp))
        for suffix in (".shx", ".dbf"):
            zip_.write(shp.with_suffix(suffix), f"regions{suffix}")
    assert "its content is not shp" in refusal(path)


def test_a_member_above_the_compression_ratio_is_refused(shp: Path, tmp_path: Path) -> None:
    path = files.zipped(shp, tmp_path / "a.zip", leave_out=[".shp"])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as zip_, zip_.open("regions.shp", "w") as member:
        for _ in range(60):
            member.write(bytes(1 << 20))
    assert path.stat().st_size < 100_000
    assert "zip bomb" in refusal(path)


def test_a_zip_above_the_unpacked_size_is_refused(shp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = files.zipped(shp, tmp_path / "a.zip")
    total = sum(part.stat().st_size for part in shp.parent.iterdir())
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", total)
    assert laid_out(path) == SHAPEFILE
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", total - 1)
    assert "zip bomb" in refusal(path)


def test_more_than_ten_thousand_members_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zip_:
        for index in range(archive.MAX_MEMBERS + 1):
            zip_.writestr(str(index), b"")
    assert "the limit is 10,000" in refusal(tmp_path / "a.zip")


def test_an_encrypted_zip_is_refused(shp: Path, tmp_path: Path) -> None:
    path = files.zipped(shp, tmp_path / "a.zip")
    content = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := content.find(signature, at + 1)) >= 0:
            content[at + flags] |= 1
    path.write_bytes(content)
    assert "encrypted: unpack it and load the folder" in refusal(path)


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
def test_other_files_than_boundary_files_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(NO_BOUNDARIES[name])
    reason = "damaged or truncated" if path.suffix == ".zip" else "is not a boundary file"
    assert refusal(path).startswith(f"{name} {'is ' if path.suffix == '.zip' else ''}{reason}")


@pytest.mark.parametrize("content", [b"", b"<OGRVRTDataSource></OGRVRTDataSource>" + bytes(100), bytes(10 << 20), b"PNG"])
def test_a_shp_that_is_something_else_is_refused(shp: Path, content: bytes) -> None:
    shp.write_bytes(content)
    assert ("its content is not shp" if content else "it is empty (.shp of 0 bytes)") in refusal(shp)


def test_a_zip_without_any_layer_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zip_:
        zip_.writestr("readme.txt", "hello")
    assert "holds no boundary file: expected a shapefile (.shp), .gpkg" in refusal(tmp_path / "a.zip")


def test_the_sha256_is_that_of_the_archive(shp: Path, tmp_path: Path) -> None:
    import hashlib

    path = files.zipped(shp, tmp_path / "a.zip")
    with open_layer(path) as layer:
        assert layer.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert layer.display_name == "a.zip"


def test_the_sha256_of_a_shapefile_covers_every_part(shp: Path) -> None:
    def sha256() -> str:
        with open_layer(shp) as layer:
            return layer.sha256

    seen = {sha256()}
    for suffix in (".prj", ".cpg", ".dbf"):
        with shp.with_suffix(suffix).open("ab") as part:
            part.write(b" ")
        seen.add(sha256())
    assert len(seen) == 4


def test_a_cpg_is_never_read_as_a_whole(shp: Path) -> None:
    shp.with_suffix(".cpg").write_bytes(b"UTF-8" + b" " * (5 << 20))
    with open_layer(shp) as layer:
        assert layer.declared_encoding == "UTF-8"


@pytest.mark.real
def test_the_real_table_without_boundaries_is_refused(tmp_path: Path) -> None:
    folder = files.copied(files.real("traps/fsa_2021_without_shp"), tmp_path / "fsa_2021_without_shp")
    assert "the .shp is missing; there is only .dbf, .prj, .shx" in refusal(folder)
    assert "the .shp is missing; there is only" in refusal(files.zipped(folder / "lfsa000b21a_e.shp", tmp_path / "real.zip"))
