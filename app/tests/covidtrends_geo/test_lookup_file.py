"""Lookup files: round trip of write and read, and refusal of damaged and foreign files."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import shapely

from covidtrends_geo import array_file, lookup_file
from covidtrends_geo.array_file import DamagedFile
from covidtrends_geo.lookup_file import NewerFormat, Region
from tests.covidtrends_geo.conftest import cells_about_points

REGIONS = [Region(f"{3500 + number}", None, f"Region {number}", f"Région {number}", "35", 1.5) for number in range(60)]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lookup") / "regions-lookup.safetensors"
    shapes = zip(REGIONS, cells_about_points(1, 60, 30_000.0), strict=True)
    lookup_file.write(path, regions=shapes, metadata={"coverage": "health-regions", "source_sha256": "0" * 64})
    return path


def test_regions_and_metadata_are_read_as_written(path: Path) -> None:
    file = lookup_file.open_file(path)
    assert list(file.regions) == REGIONS
    assert (file.metadata["coverage"], file.metadata["crs"], file.metadata["format"]) == (
        "health-regions",
        "EPSG:3347",
        lookup_file.FORMAT,
    )
    assert file.engine.misfits.tolist() == [1.5] * 60
    array_file.verify(path)


def test_same_regions_give_the_same_bytes(path: Path, tmp_path: Path) -> None:
    again = tmp_path / path.name
    shapes = zip(REGIONS, cells_about_points(1, 60, 30_000.0), strict=True)
    lookup_file.write(again, regions=shapes, metadata={"coverage": "health-regions", "source_sha256": "0" * 64})
    assert again.read_bytes() == path.read_bytes()


def test_progress_counts_every_vertex_twice(tmp_path: Path) -> None:
    shapes = cells_about_points(1, 60, 30_000.0)
    advanced: list[int] = []
    lookup_file.write(tmp_path / "x", regions=zip(REGIONS, shapes, strict=True), metadata={}, advance=advanced.append)
    vertices = int(shapely.get_num_coordinates(shapes).sum())
    assert sum(advanced) == pytest.approx(2 * vertices, rel=0.05)


def test_no_temporary_file_remains(path: Path) -> None:
    assert [item.name for item in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("size", [0, 7, 8, 100, 5_000, -1])
def test_truncated_file_is_refused(path: Path, tmp_path: Path, size: int) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(path.read_bytes()[:size])
    with pytest.raises(DamagedFile):
        lookup_file.open_file(cut)


def test_longer_file_is_refused(path: Path, tmp_path: Path) -> None:
    longer = tmp_path / "longer"
    longer.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(DamagedFile, match="bytes instead of"):
        lookup_file.open_file(longer)


@pytest.mark.parametrize("offset", [12, 200, -1, -5_000, 50_000])
def test_changed_byte_fails_the_checksum(path: Path, tmp_path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x01
    changed = tmp_path / "changed"
    changed.write_bytes(content)
    with pytest.raises(DamagedFile):
        array_file.verify(changed)


@pytest.mark.parametrize(
    "content", [b"", b"x" * 5_000, b"PK\x03\x04" + b"\0" * 99, struct.pack("<Q", 2**63) + b"{}", struct.pack("<Q", 2) + b"[]"]
)
def test_other_file_is_refused(tmp_path: Path, content: bytes) -> None:
    other = tmp_path / "other"
    other.write_bytes(content)
    with pytest.raises(DamagedFile):
        lookup_file.open_file(other)


def header_changed(path: Path, target: Path, change: dict[str, object]) -> Path:
    """Write a copy of a file with other metadata."""
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] |= change
    text = json.dumps(header).encode()
    target.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
    return target


def test_newer_version_is_refused_by_name(path: Path, tmp_path: Path) -> None:
    newer = header_changed(path, tmp_path / "newer", {"version": "99"})
    with pytest.raises(NewerFormat, match="format version 99; this version reads 3"):
        lookup_file.open_file(newer)


@pytest.mark.parametrize("change", [{"format": "other"}, {"regions": "[[1]]"}, {"regions": "{"}, {"version": "x"}])
def test_foreign_metadata_is_refused(path: Path, tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(DamagedFile):
        lookup_file.open_file(header_changed(path, tmp_path / "foreign", change))


def test_arrays_are_mapped_and_not_writable(path: Path) -> None:
    _, arrays = array_file.open_mapped(path)
    assert not any(array.flags.writeable for array in arrays.values())
    assert not any(array.flags.owndata for array in arrays.values())
    # Six or four bytes a coordinate, not eight.
    assert arrays["vertex_low"].dtype == np.uint32


def test_region_outside_the_area_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="outside the area"):
        lookup_file.write(tmp_path / "x", regions=[(REGIONS[0], shapely.box(2e7, 0, 2.1e7, 10))], metadata={})
