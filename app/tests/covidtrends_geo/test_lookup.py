"""Lookup: one position, arrays, tables with the Arrow interface, files and addresses."""

import hashlib
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidtrends_geo import Lookup, lookup_file
from covidtrends_geo.array_file import DamagedFile
from tests.covidtrends_geo.conftest import lonlat

PACKAGE = Path(lookup_file.__file__).parent
FIRST, SECOND, SEA = lonlat(5_000, 5_000), lonlat(15_000, 5_000), lonlat(5_000, -1_000)


def test_one_position_has_region_match_and_distances(lookup):
    location = lookup.locate(*FIRST, border=True)
    assert (location.region.code, location.match, location.certain, location.status) == ("3501", "covers", True, "ok")
    assert location.neighbour.code == "3502"
    assert location.distance_to_border_m == pytest.approx(5_000, rel=0.05)
    nearest = lookup.locate(*SEA, max_distance_m=5_000)
    assert (nearest.region.code, nearest.match, nearest.certain) == ("3501", "nearest", False)
    assert lookup.locate(*SEA) == lookup.locate(*SEA)._replace(region=None, match="none", certain=True, neighbour=None)


def test_a_position_on_a_border_belongs_to_the_lowest_code_and_is_not_certain(lookup):
    location = lookup.locate(*lonlat(10_000, 5_000))
    assert (location.region.code, location.certain) == ("3501", False)
    assert not lookup.locate(*lonlat(10_050, 5_000), accuracy_m=100).certain
    assert lookup.locate(*lonlat(10_050, 5_000), accuracy_m=10).certain


@pytest.mark.parametrize("position", [(np.nan, 45), (-75, np.inf), (-75, 91), (-181, 45), (45, -75), (75, 45)])
def test_an_invalid_position_is_a_status(lookup, position):
    location = lookup.locate(*position)
    assert (location.status, location.match, location.certain, location.region) == ("coordinate-invalid", "none", False, None)


@given(positions=st.lists(st.tuples(st.floats(width=64), st.floats(width=64)), max_size=30))
def test_arrays_have_the_answers_of_their_elements(lookup, positions):
    lon, lat = np.array([*positions, FIRST, SECOND]).T
    columns = lookup.locate(lon, lat, max_distance_m=5_000, border=True)
    for index, position in enumerate(zip(lon, lat, strict=True)):
        location = lookup.locate(*position, max_distance_m=5_000, border=True)
        assert columns.code[index] == (location.region.code if location.region else "")
        assert columns.status[index] == location.status
        assert (columns.match[index], columns.certain[index]) == (location.match, location.certain)


def test_no_positions_give_no_answers(lookup):
    assert [len(column) for column in lookup.locate(np.empty(0), np.empty(0))] == [0] * 8


@pytest.mark.parametrize("options", [{"accuracy_m": -1}, {"max_distance_m": 60_000}, {"accuracy_m": np.nan}])
def test_options_out_of_range_are_refused(lookup, options):
    with pytest.raises(ValueError, match="must be 0 to 50000 metres"):
        lookup.locate(*FIRST, **options)


def test_arrays_of_two_lengths_are_refused(lookup):
    with pytest.raises(ValueError, match="same length"):
        lookup.locate(np.zeros(2), np.zeros(3))


TABLE = {"id": [1, 2, 3, 4], "lat": [FIRST[1], SECOND[1], None, 91.0], "lon": [FIRST[0], SECOND[0], -75.0, -75.0]}


class Stream:
    """A table of another library, such as polars: the Arrow interface alone, in batches."""

    def __arrow_c_stream__(self, requested_schema=None):
        batches = [pa.RecordBatch.from_pydict({name: values[part] for name, values in TABLE.items()}) for part in PARTS]
        return pa.RecordBatchReader.from_batches(batches[0].schema, batches).__arrow_c_stream__(requested_schema)


PARTS = (slice(0, 3), slice(3, 4))


@pytest.mark.parametrize("table", [pa.table(TABLE), pa.RecordBatch.from_pydict(TABLE), pd.DataFrame(TABLE), Stream()])
def test_a_table_gets_the_columns_of_the_answers(lookup, table):
    located = pa.table(lookup.locate_batch(table, border=True))
    assert located.column_names[3:] == ["hruid", "hr_name", "pruid", "match", "certain", "distance_to_border_m", "status"]
    assert located["hruid"].to_pylist() == ["3501", "3502", None, None]
    assert located["certain"].to_pylist() == [True, True, None, None]
    assert located["status"].to_pylist() == ["ok", "ok", "coordinate-invalid", "coordinate-invalid"]
    assert located["distance_to_border_m"].null_count == 2
    assert located.schema.metadata[b"covidtrends-geo:health-regions:vintage"] == b"2021"


def test_taken_names_get_a_prefix_and_missing_columns_are_named(lookup):
    table = pa.table({**TABLE, "Match": ["a"] * 4})
    assert pa.table(lookup.locate_batch(table)).column_names[4] == "geo_hruid"
    with pytest.raises(ValueError, match="columns are id, lat, lon"):
        lookup.locate_batch(pa.table(TABLE), lon="x")
    with pytest.raises(ValueError, match="not numbers"):
        lookup.locate_batch(pa.table({"lat": [True], "lon": [-75.0]}))


def test_a_damaged_a_truncated_and_a_newer_file_are_refused(lookup_paths, tmp_path, monkeypatch):
    content = lookup_paths[0].read_bytes()
    damaged = tmp_path / "damaged"
    damaged.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DamagedFile, match="checksum"):
        Lookup.read(damaged)
    Lookup.read(damaged, verify=False)
    damaged.write_bytes(content[:-1])
    with pytest.raises(DamagedFile, match="damaged"):
        Lookup.read(damaged, verify=False)
    monkeypatch.setattr(lookup_file, "VERSION", 0)
    with pytest.raises(lookup_file.NewerFormat):
        Lookup.read(lookup_paths[0])


@pytest.fixture
def address(lookup_paths):
    handler = partial(SimpleHTTPRequestHandler, directory=str(lookup_paths[0].parent))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/{lookup_paths[0].name}"
    server.shutdown()
    server.server_close()


def test_an_address_is_downloaded_and_verified(address, lookup_paths, monkeypatch):
    digest = hashlib.sha256(lookup_paths[0].read_bytes()).hexdigest()
    assert Lookup.read(address, sha256=digest).locate(*FIRST).region.code == "3501"
    with pytest.raises(DamagedFile, match="SHA-256"):
        Lookup.read(address, sha256="0" * 64)
    with pytest.raises(OSError, match="404"):
        Lookup.read(address + "x")
    monkeypatch.setattr("covidtrends_geo.lookup.DOWNLOAD_MAX_BYTES", 10)
    with pytest.raises(DamagedFile, match="more than 10 bytes"):
        Lookup.read(address)


def test_the_wheel_works_without_django(lookup_paths, tmp_path):
    """Only what the wheel declares is importable: the dependencies are linked, one by one, into an empty environment."""
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(PACKAGE)]
    built = subprocess.run(build, capture_output=True, text=True, cwd=tmp_path, check=False)
    if "No matching distribution found for hatchling" in built.stderr:
        pytest.skip("the build backend (hatchling) is neither installed nor within reach")
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    clean = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(clean)], check=True)
    site = next(clean.glob("lib/python*/site-packages"))
    for name in ("numpy", "numpy.libs", "pyproj", "pyproj.libs", "shapely", "shapely.libs", "arro3", "certifi"):
        installed = Path(np.__file__).parents[1] / name
        if installed.exists():
            (site / name).symlink_to(installed)
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel)], check=True)
    program = (
        "import sys; from covidtrends_geo import Lookup; "
        f"print(Lookup.read(sys.argv[1]).locate({FIRST[0]}, {FIRST[1]}).region.code); "
        "print(sorted(name for name in ('django', 'api', 'geography') if name in sys.modules))"
    )
    run = subprocess.run(
        [str(clean / "bin" / "python"), "-c", program, str(lookup_paths[0])],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert run.stdout.split("\n")[:2] == ["3501", "[]"]
    missing = subprocess.run([str(clean / "bin" / "python"), "-c", "import django"], capture_output=True, check=False)
    assert missing.returncode == 1
