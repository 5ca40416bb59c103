"""Reader of block files: attribute files and correspondence files of each census."""

import gzip
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from loader.errors import FileRefused
from loader.weights.block_file import read_blocks, read_positions
from tests.support.block_files import ATTRIBUTES, CORRESPONDENCE, written


def attributes(tmp_path: Path, *rows: str) -> Path:
    return written(tmp_path / "2021_92-151_X.csv", ATTRIBUTES, *rows)


QUEBEC = "Québec/Quebec,24230001001,40,24230001,46.8139,-71.208"
QUEBEC_2021 = "24230001001,40,24230001,7771000.5,46.8139,-71.208"
YUKON = "Yukon,60010001001,,60010001,60.7212,-135.0568"


def test_attribute_file_is_read(tmp_path: Path) -> None:
    blocks = read_blocks(attributes(tmp_path, QUEBEC, ",,,,,", QUEBEC.replace("001,40", "002,2"), YUKON, ""))
    assert (blocks.rows, blocks.without_people, blocks.without_position) == (3, 1, 0)
    assert blocks.people == {(-71.208, 46.8139): 42, (-135.0568, 60.7212): 0}
    assert blocks.by_province == {"24": 42, "60": 0}


def test_correspondence_file_takes_positions_from_the_attribute_file(tmp_path: Path) -> None:
    path = written(
        tmp_path / "corr.csv",
        CORRESPONDENCE,
        "24230001001,2423027,2403,Région de la Capitale-Nationale,Région de la Capitale-Nationale,40,,,",
        "24230001002,2423027,2403,Région de la Capitale-Nationale,Région de la Capitale-Nationale,2,,,",
        "24230009001,2423027,2403,Région de la Capitale-Nationale,Région de la Capitale-Nationale,5,,,",
        ",,,,,,,,",
    )
    blocks = read_blocks(path, read_positions(attributes(tmp_path, QUEBEC, YUKON)))
    assert (blocks.rows, blocks.without_position, blocks.region_vintage) == (3, 5, "2023")
    assert (blocks.people, blocks.by_region) == ({(-71.208, 46.8139): 42}, {"2403": 47})
    with pytest.raises(FileRefused, match="Add --positions"):
        read_blocks(path)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (
            "DBuid/IDidu, DBpop2016/IDpop2016,Dauid/Adidu,DArplamx/Adlamx,DArplat/Adlat,DArplong/ADlong",
            "24230001001,40,24230001,7771000.5,46.8139,-71.208",
        ),
        ("DBuid,DBpop2011,DAuid,DAlamx,DAlat,DAlong", "2423000101,40,24230001,7771000.5,46.8139,-71.208"),
        ("DBUID_IDIDU,DBpop_2021,DAUID_ADIDU,DARPLAMX_ADLAMX,DARPLAT_ADLAT,DARPLONG_ADLONG", QUEBEC_2021),
        ("PRUID_PRIDU,DBUID_IDIDU,DBPOP2021_IDPOP2021,DARPLAT_ADLAT,DARPLONG_ADLONG", "24,24230001001,40,46.8139,-71.208"),
    ],
)
def test_columns_are_named_as_in_each_census(tmp_path: Path, header: str, row: str) -> None:
    blocks = read_blocks(written(tmp_path / "XBB.csv", header, row))
    assert (blocks.people, blocks.by_province) == ({(-71.208, 46.8139): 40}, {"24": 40})


@pytest.mark.parametrize("suffix", [".gz", ".zip"])
def test_compressed_files_are_read(tmp_path: Path, suffix: str) -> None:
    plain = attributes(tmp_path, QUEBEC)
    packed = tmp_path / f"blocks{suffix}"
    if suffix == ".gz":
        packed.write_bytes(gzip.compress(plain.read_bytes()))
    else:
        with zipfile.ZipFile(packed, "w") as archive:
            archive.write(plain, "folder/blocks.csv")
            archive.writestr("readme.txt", "")
    assert read_blocks(packed) == read_blocks(plain)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (QUEBEC, "block 24230001001 occurs more than once"),
        (QUEBEC.replace("001,40", "002,-1"), "line 3: '-1' is not a number of people"),
        (QUEBEC.replace("001,40", "002,4 0"), "line 3: '4 0' is not a number of people"),
        (QUEBEC.replace("001,40", "002,²"), "line 3: '²' is not a number of people"),
        (QUEBEC.replace("24230001001", "2423000100"), "line 3: '2423000100' is not the code"),
        (QUEBEC.replace("24230001001", "99230001001"), "line 3: '99230001001' is not the code"),
        (QUEBEC.replace("001,40", "002,40").replace("46.8139", "4.68"), "line 3: '4.68', '-71.208' is not a position"),
        (QUEBEC.replace("001,40", "002,40").replace("-71.208", "nan"), "is not a position in Canada"),
        ("Québec", "line 3: '' is not the code"),
    ],
)
def test_bad_row_is_refused_with_its_line(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(FileRefused) as refused:
        read_blocks(attributes(tmp_path, QUEBEC, row))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no columns DBUID and DBPOP. Its columns: none"),
        (b"a,b\r\n1,2\r\n", "has no columns DBUID and DBPOP. Its columns: a, b"),
        (f"{ATTRIBUTES}\r\n".encode(), "has no blocks"),
    ],
)
def test_file_without_blocks_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "blocks.csv"
    path.write_bytes(content)
    with pytest.raises(FileRefused, match=message):
        read_blocks(path)


def test_missing_damaged_and_ambiguous_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="No such file"):
        read_blocks(tmp_path / "none.csv")
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress(attributes(tmp_path, QUEBEC).read_bytes())[:-20])
    with pytest.raises(FileRefused, match="damaged"):
        read_blocks(broken)
    both = tmp_path / "both.zip"
    with zipfile.ZipFile(both, "w") as archive:
        archive.writestr("a.csv", "")
        archive.writestr("b.csv", "")
    with pytest.raises(FileRefused, match="2 CSV files"):
        read_blocks(both)


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """A hundred times as many blocks at the same positions take the memory of their keys only: 8 bytes each, sorted twice."""

    def peak(blocks: int) -> int:
        path = attributes(
            tmp_path, *(f"Québec,2423{number:07},1,24230001,46.8,-71.{number % 100:03}" for number in range(blocks))
        )
        tracemalloc.start()
        assert read_blocks(path).rows == blocks
        result = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return result

    few, many = 2_000, 200_000
    assert peak(many) - peak(few) < 50 * (many - few)
