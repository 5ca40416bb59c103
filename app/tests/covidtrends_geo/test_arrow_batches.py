"""Answers as Arrow columns: equal to those of the search, with a status for rows without a position; no row is lost."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from covidtrends_geo.array_file import DamagedFile
from covidtrends_geo.arrow_batches import DISTANCE_MAX_M, Options, added_schema, chosen, located, open_verified
from tests.support.lookup_files import NO_PLACES, plain_answers, positions_at_borders, write_lookup_file


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("lookup")
    return {
        "hruid": write_lookup_file(folder / "regions.safetensors", "health-regions", regions=12),
        "cfsauid": write_lookup_file(folder / "fsa.safetensors", "fsa", regions=80, seed=3),
    }


@pytest.mark.parametrize("options", [{}, {"accuracy_m": 20.0}, {"max_distance_m": 5_000.0, "border": True}])
def test_answers_are_those_of_the_search(paths: dict[str, Path], options: dict[str, Any]) -> None:
    lon, lat = positions_at_borders(list(paths.values()), 4_000)
    batch = pa.record_batch({"id": range(len(lon)), "x": lon, "y": lat, "note": ["é"] * len(lon)})
    files = {code: open_verified(path) for code, path in paths.items()}
    (result,) = located([batch], files, Options("x", "y", **options))
    assert result.select(batch.schema.names).to_pandas().equals(batch.to_pandas())
    for code, path in paths.items():
        expected = plain_answers(path, lon, lat, **options)
        assert result[code].to_pylist() == expected["code"]
        prefix = "cfsauid_" if code == "cfsauid" else ""
        for name in ("match", "certain", *(["distance_to_border_m"] if options.get("border") else [])):
            assert result[prefix + name].to_pylist() == expected[name]
        assert result["status"].to_pylist() == expected["status"]
        assert {"covers", "none"} <= set(expected["match"])
        assert len(set(expected["certain"])) == 2
    assert result["status"].to_pylist().count("coordinate-invalid") == len(NO_PLACES)


def test_missing_numbers_have_a_status_and_are_never_certain(paths: dict[str, Path]) -> None:
    batch = pa.record_batch({"lon": pa.array([-80.0, None, -80.0]), "lat": pa.array([None, 45.0, 45.0])})
    (located_batch,) = located([batch], {"hruid": open_verified(paths["hruid"])}, Options())
    result = located_batch.to_pydict()
    assert result["status"] == ["coordinate-invalid", "coordinate-invalid", "ok"]
    assert result["certain"][:2] == [False, False]
    assert result["hruid"][:2] == [None, None]


@pytest.mark.parametrize("kind", [pa.int8(), pa.int64(), pa.uint16(), pa.float32(), pa.decimal128(9, 3)])
def test_every_numeric_type_is_read(paths: dict[str, Path], kind: pa.DataType) -> None:
    number = Decimal(45) if pa.types.is_decimal(kind) else 45
    batch = pa.record_batch({"lon": pa.array([number, None], kind), "lat": pa.array([number, number], kind)})
    (result,) = located([batch], {"hruid": open_verified(paths["hruid"])}, Options())
    assert result["status"].to_pylist() == ["ok", "coordinate-invalid"]
    assert result.schema.field("lon").type == kind


def test_empty_batch_has_all_columns(paths: dict[str, Path]) -> None:
    batch = pa.record_batch({"lon": pa.array([], pa.float64()), "lat": pa.array([], pa.float64())})
    options = Options(border=True)
    (result,) = located([batch], {"hruid": open_verified(paths["hruid"])}, options)
    assert result.num_rows == 0
    assert result.schema == pa.schema([*batch.schema, *added_schema(["hruid"], ["lon", "lat"], options)])


@pytest.mark.parametrize(
    ("codes", "columns", "options", "message"),
    [
        (["hruid"], ["lon", "lat"], Options(accuracy_m=-1), "accuracy_m is -1"),
        (["hruid"], ["lon", "lat"], Options(accuracy_m=float("nan")), "accuracy_m is nan"),
        (["hruid"], ["lon", "lat"], Options(max_distance_m=DISTANCE_MAX_M + 1), "max_distance_m is 50001"),
        ([], ["lon", "lat"], Options(), "no lookup file"),
        (["hruid"], ["lon", "latitude"], Options(), "0 columns are named 'lat'"),
        (["hruid"], ["lon", "lat", "lat"], Options(), "2 columns are named 'lat'"),
        (["hruid"], ["lon", "lat", "HRUID"], Options(), "'hruid' already"),
        (["hruid"], ["lon", "lat", "match"], Options(), "'match' already"),
        (["hruid"], ["lon", "lat", "Status"], Options(), "'status' already"),
        (["a", "b", "b_match"], ["lon", "lat"], Options(), "'b_match' already"),
    ],
)
def test_wrong_arguments_are_refused_at_the_call(codes: list[str], columns: list[str], options: Options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        added_schema(codes, columns, options)


@pytest.mark.parametrize("rows", [1, 7, 1_000, 60_000])
def test_batches_that_are_looked_up_together_keep_their_rows(paths: dict[str, Path], rows: int) -> None:
    count = min(150_000, rows * 400)
    lon, lat = positions_at_borders(list(paths.values()), count)
    whole = pa.record_batch({"id": range(len(lon)), "lon": lon, "lat": lat})
    empty = whole.slice(0, 0)
    batches = [empty, *(whole.slice(first, rows) for first in range(0, len(lon), rows)), empty]
    files = {code: open_verified(path) for code, path in paths.items()}
    results = list(located(iter(batches), files, Options()))
    assert [result.num_rows for result in results] == [batch.num_rows for batch in batches]
    table = pa.Table.from_batches(results)
    assert table.select(["id", "lon", "lat"]).to_pandas().equals(whole.to_pandas())
    for code, path in paths.items():
        expected = plain_answers(path, lon, lat)
        assert table[code].to_pylist() == expected["code"]
        assert table["cfsauid_certain" if code == "cfsauid" else "certain"].to_pylist() == expected["certain"]


@pytest.mark.parametrize(("rows", "note", "held"), [(10_000, "", 5), (100, "x" * 100_000, 7), (200_000, "", 1)])
def test_rows_and_bytes_that_are_held_are_limited(paths: dict[str, Path], rows: int, note: str, held: int) -> None:
    read = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal read
        for _ in range(3 * held):
            read += 1
            yield pa.record_batch({"lon": [-80.0] * rows, "lat": [50.0] * rows, "note": [note] * rows})

    results = located(batches(), {"hruid": open_verified(paths["hruid"])}, Options())
    for number, _ in enumerate(results):
        assert read == (number // held + 1) * held
    assert number == 3 * held - 1


def test_only_the_columns_that_are_named_are_returned_in_their_order(paths: dict[str, Path]) -> None:
    lon, lat = positions_at_borders(list(paths.values()), 1_000)
    batch = pa.record_batch({"id": range(len(lon)), "lon": lon, "lat": lat, "a.b": range(len(lon))})
    files = {code: open_verified(path) for code, path in paths.items()}
    (whole,) = located([batch], files, Options())
    columns = ("cfsauid_certain", "a.b", "hruid", "lat")
    (result,) = located([batch], files, Options(columns=columns))
    assert result.schema.names == list(columns)
    assert result.to_pandas().equals(whole.select(columns).to_pandas())


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((), "columns is empty"),
        (("lon", "HRUID"), "'HRUID' 1 times, and 0 columns have this name"),
        (("id", "hruid", "id"), "'id' 2 times"),
        (("twice",), "2 columns have this name"),
    ],
)
def test_wrong_columns_are_refused(columns: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chosen(["id", "lon", "lat", "twice", "twice", "hruid"], Options(columns=columns))


def test_file_is_opened_once_until_it_is_replaced(tmp_path: Path) -> None:
    path = write_lookup_file(tmp_path / "a.safetensors", "fsa", regions=5)
    first = open_verified(path)
    assert open_verified(path) is first
    write_lookup_file(tmp_path / "b.safetensors", "fsa", regions=6).replace(path)
    second = open_verified(path)
    assert first.metadata["sha256"] != second.metadata["sha256"]
    with pytest.raises(DamagedFile, match="checksum"):
        open_verified(path, first.metadata["sha256"])


def test_changed_byte_is_refused(tmp_path: Path) -> None:
    path = write_lookup_file(tmp_path / "a.safetensors", "fsa", regions=5)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match="checksum"):
        open_verified(path)
