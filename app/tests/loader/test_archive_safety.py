"""Damaged, truncated, encrypted and unsafe archives are refused."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from loader.errors import FileRefused
from loader.source import archive
from loader.source.archive import open_layer
from tests.support import boundary_files as files
from tests.support.loading import SHAPEFILE, refusal, unpacked_names

pytestmark = pytest.mark.usefixtures("no_temporary_files_left")


def test_nested_archive_is_refused(shp: Path, tmp_path: Path) -> None:
    inner = files.zipped(shp, tmp_path / "inner.zip")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as zip_:
        zip_.write(inner, "inner.zip")
    assert "holds inner.zip, another archive: unpack it" in refusal(tmp_path / "outer.zip")


@pytest.mark.parametrize("cut", [1, 4, 22, 100, 0.25, 0.5, 0.9, 0.99])
def test_truncated_zip_is_refused(shp: Path, tmp_path: Path, cut: float) -> None:
    path = files.zipped(shp, tmp_path / "a.zip")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(cut * len(whole)) if cut < 1 else len(whole) - int(cut)])
    assert "damaged or truncated" in refusal(path)


def test_changed_byte_fails_crc32(shp: Path, tmp_path: Path) -> None:
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
def test_damaged_zip_is_refused_or_read_unchanged(shp: Path, tmp_path: Path, method: int) -> None:
    """Each of 200 zips has a few random bytes changed; the seed is fixed."""
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
def test_path_traversal_is_refused(shp: Path, tmp_path: Path, name: str) -> None:
    path = files.zipped(shp, tmp_path / "a.zip")
    with zipfile.ZipFile(path, "a") as zip_:
        zip_.writestr(zipfile.ZipInfo(name), b"x")
    assert "a path that leaves the archive (path traversal): it is unsafe to read" in refusal(path)


def test_symbolic_link_in_archive_is_not_created(shp: Path, tmp_path: Path) -> None:
    """The content of a symbolic link is its target's name, which is not a boundary file: the archive is refused."""
    path = tmp_path / "a.zip"
    link = zipfile.ZipInfo("regions.shp")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as zip_:
        zip_.writestr(link, str(shp))
        for suffix in (".shx", ".dbf"):
            zip_.write(shp.with_suffix(suffix), f"regions{suffix}")
    assert "its content is not shp" in refusal(path)


def test_zip_bomb_by_compression_ratio_is_refused(shp: Path, tmp_path: Path) -> None:
    path = files.zipped(shp, tmp_path / "a.zip", leave_out=[".shp"])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as zip_, zip_.open("regions.shp", "w") as member:
        for _ in range(60):
            member.write(bytes(1 << 20))
    assert path.stat().st_size < 100_000
    assert "zip bomb" in refusal(path)


def test_zip_bomb_by_unpacked_size_is_refused(shp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = files.zipped(shp, tmp_path / "a.zip")
    total = sum(part.stat().st_size for part in shp.parent.iterdir())
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", total)
    assert unpacked_names(path) == SHAPEFILE
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", total - 1)
    assert "zip bomb" in refusal(path)


def test_too_many_archive_members_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zip_:
        for index in range(archive.MAX_MEMBERS + 1):
            zip_.writestr(str(index), b"")
    assert "the limit is 10,000" in refusal(tmp_path / "a.zip")


def test_encrypted_zip_is_refused(shp: Path, tmp_path: Path) -> None:
    path = files.zipped(shp, tmp_path / "a.zip")
    content = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := content.find(signature, at + 1)) >= 0:
            content[at + flags] |= 1
    path.write_bytes(content)
    assert "encrypted: unpack it and load the folder" in refusal(path)
