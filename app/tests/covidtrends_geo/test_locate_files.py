"""`python -m covidtrends_geo locate`: files, folders and pipes in every format, interrupted, damaged and resumed."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import covidtrends_geo
from covidtrends_geo.__main__ import main
from covidtrends_geo.bulk import text_source
from covidtrends_geo.bulk.csv_header import Header
from covidtrends_geo.bulk.csv_rows import PADDING_MAX, _rows, read_rows, whole_rows
from covidtrends_geo.bulk.positions import numbers
from tests.covidtrends_geo.conftest import lonlat
from tests.support.processes import wait_until

FIRST, SECOND, SEA = lonlat(5_000, 5_000), lonlat(15_000, 5_000), lonlat(5_000, -1_000)
PROVINCES_DIFFER = lonlat(25_000, 5_000)
FOLDER = Path(covidtrends_geo.__file__).parents[1]


@pytest.fixture
def locate(lookup_paths, tmp_path, capsys):
    """Run the command on a file of a name and content; return the content of the output of a name."""

    def run(content, *options, name="in.csv", out="out.csv", status=0):
        source, target = tmp_path / name, tmp_path / out
        if content is not None:
            source.write_bytes(content if isinstance(content, bytes) else content.encode())
        lookups = [argument for path in lookup_paths for argument in ("--lookup", str(path))]
        assert main(["locate", *lookups, str(source), "--out", str(target), *options]) == status
        if status:
            return capsys.readouterr().err
        return None if target.is_dir() else target.read_bytes()

    return run


def rows_of(content):
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def positions_csv(count, line_end="\n"):
    """Return a CSV file of positions in and around the regions."""
    rng = np.random.default_rng(1)
    lon, lat = np.array([lonlat(*xy) for xy in rng.uniform(-5_000, 35_000, (min(count, 500), 2))]).T
    rows = (f"{number},{lon[number % len(lon)]},{lat[number % len(lat)]}{line_end}" for number in range(count))
    return f"id,lon,lat{line_end}" + "".join(rows)


def test_a_position_has_the_columns_of_the_documentation(locate):
    positions = [FIRST, SECOND, SEA, PROVINCES_DIFFER, (0, 95)]
    rows = rows_of(locate("lon,lat\n" + "".join(f"{lon},{lat}\n" for lon, lat in positions)))
    assert [*rows[0]] == [
        *("lon", "lat", "hruid", "hr_name", "cfsauid", "pruid", "match", "certain", "distance_to_border_m", "status"),
    ]
    assert [(row["hruid"], row["cfsauid"], row["pruid"], row["match"], row["certain"], row["status"]) for row in rows] == [
        ("3501", "K1A", "35", "covers", "true", "ok"),
        ("3502", "K1A", "35", "covers", "true", "ok"),
        ("3501", "K1A", "35", "nearest", "false", "ok"),
        ("2401", "K2B", "24", "covers", "false", "ok"),
        ("", "", "", "", "", "coordinate-invalid"),
    ]
    assert rows[0]["hr_name"] == 'East, "old" Unit'
    assert float(rows[0]["distance_to_border_m"]) == pytest.approx(5_000, rel=0.05)


@pytest.mark.parametrize("options", [(), ("--no-border",), ("--accuracy", "300"), ("--max-distance", "0"), ("--lang", "fr")])
def test_every_format_has_the_same_answers(locate, tmp_path, options):
    text = positions_csv(300)
    expected = rows_of(locate(text, *options))
    border = "distance_to_border_m" in expected[0]
    table = pd.read_csv(io.StringIO(text))
    table.to_parquet(tmp_path / "in.parquet")
    pyarrow.feather.write_feather(pa.Table.from_pandas(table), tmp_path / "in.arrow", compression="lz4")
    table.to_json(tmp_path / "in.ndjson", orient="records", lines=True, double_precision=15)
    chosen = (*options, "--border") if border else options
    for source in ("in.csv", "in.parquet", "in.arrow", "in.ndjson"):
        for out in ("out.csv", "out.parquet", "out.arrow", "out.ndjson"):
            content = locate(None, *chosen, name=source, out=out)
            read = {
                "out.csv": lambda content: pd.DataFrame(rows_of(content)),
                "out.parquet": lambda content: pq.read_table(io.BytesIO(content)).to_pandas(),
                "out.arrow": lambda content: pa.ipc.open_file(content).read_all().to_pandas(),
                "out.ndjson": lambda content: pd.DataFrame([json.loads(line) for line in content.splitlines()]),
            }[out](content)
            assert len(read) == len(expected)
            for name in ("hruid", "hr_name", "cfsauid", "pruid", "match", "certain", "status"):
                got = ["" if pd.isna(value) else str(value) for value in read[name]]
                wanted = [row[name] if name != "certain" or out == "out.csv" else row[name].title() for row in expected]
                assert [value.lower() for value in got] == [value.lower() for value in wanted], (source, out, name)
            if border:
                got_metres = pd.to_numeric(read["distance_to_border_m"].replace("", None)).to_numpy(dtype=float)
                metres = np.array([float(row["distance_to_border_m"] or "nan") for row in expected])
                np.testing.assert_allclose(got_metres, metres, atol=0.051)


def test_arrow_is_read_from_a_pipe_and_parquet_is_not(lookup_paths, tmp_path):
    table = pa.table({"lat": [FIRST[1]], "lon": [FIRST[0]]})
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    done = piped(lookup_paths, stream.getvalue(), "--format", "arrow")
    assert pa.ipc.open_stream(done.stdout).read_all()["hruid"].to_pylist() == ["3501"]
    done = piped(lookup_paths, b"PAR1", "--format", "parquet")
    assert (done.returncode, b"pipe" in done.stderr) == (1, True)


def piped(lookup_paths, content, *options):
    lookups = [argument for path in lookup_paths for argument in ("--lookup", str(path))]
    command = [sys.executable, "-m", "covidtrends_geo", "locate", *lookups, *options]
    return subprocess.run(command, input=content, capture_output=True, cwd=FOLDER, check=False)


def test_processes_keep_the_order(locate, monkeypatch):
    monkeypatch.setattr(text_source, "BLOCK_BYTES", 20_000)
    text = positions_csv(5_000)
    assert locate(text, "--processes", "2") == locate(text, "--processes", "1")


def test_a_pipe_that_is_closed_early_ends_the_command_without_a_traceback(lookup_paths, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text(positions_csv(200_000))
    lookups = " ".join(f"--lookup {path}" for path in lookup_paths)
    command = f"{sys.executable} -m covidtrends_geo locate {lookups} --no-border --processes 1 {source} | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=FOLDER, check=True)  # noqa: S602
    assert done.stdout.startswith("id,lon,lat,hruid")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no column with one of these names: lat"),
        (b"a,b\n1,2\n", "Its columns are a, b"),
        (b"lat,lat,lon\n", "more than one column 'lat'"),
        (b'lat,lon\n"1', "line 2 cannot be parsed"),
        (b"lat,lon\n1,2\n\xff,1\n", "line 3 cannot be decoded"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_message(locate, tmp_path, content, message):
    assert message in locate(content, status=1)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("end", ["\n", "\r"])
def test_rows_that_lack_many_fields_are_a_message_and_not_padded(locate, quote, end):
    # Padded, the rows of a chunk would have 50 times the bytes.
    columns, rows = 50_000, PADDING_MAX // 50_000 + 2
    header = f"{quote}lat{quote},lon" + ",c" * columns + end
    message = locate(header + f"{quote}45{quote},-75{end}" * rows, status=1)
    # Plain rows are counted together, others one by one.
    last = rows + 1 if end == "\n" and not quote else rows
    assert f"Too many rows have fewer fields than the header, up to line {last}." in message


def test_empty_lines_lack_no_fields():
    rows = read_rows(b"\n" * 100 + b"45,-75,\n45,-75\n", Header(["lat", "lon", "c"], ",", 0, 1, 1), padding_max=1)
    assert (rows.texts, rows.padding, rows.failure) == ([b"45,-75,"] * 2, 1, None)


def test_a_header_alone_and_a_byte_order_mark(locate):
    assert locate("\ufefflat;lon;Status\r\n").decode() == (
        "lat;lon;Status;geo_hruid;geo_hr_name;geo_cfsauid;geo_pruid;geo_match;geo_certain;geo_distance_to_border_m;geo_status\r\n"
    )


def test_a_file_that_is_damaged_in_the_middle_is_resumed_when_it_is_mended(locate, tmp_path, monkeypatch):
    monkeypatch.setattr(text_source, "BLOCK_BYTES", 2_000)
    good = positions_csv(1_000).encode()
    middle = good.index(b"\n", len(good) // 2) + 1
    error = locate(good[:middle] + b'"\n' + good[middle:], "--processes", "1", status=1)
    assert "cannot be parsed" in error
    part = (tmp_path / "out.csv.part").stat().st_size
    assert part > 10_000
    # Whole rows only.
    assert (tmp_path / "out.csv.part").read_bytes().endswith(b"\r\n")
    journal = json.loads((tmp_path / "out.csv.part.json").read_text())
    assert journal["written"] == part
    resumed = locate(good, "--processes", "1", "--resume")
    assert resumed == locate(good, "--processes", "1")
    assert not list(tmp_path.glob("*.part*"))


def test_resuming_refuses_another_input_and_other_options(locate, monkeypatch):
    monkeypatch.setattr(text_source, "BLOCK_BYTES", 2_000)
    good = positions_csv(1_000).encode()
    damaged = good + b'"'
    locate(damaged, "--processes", "1", status=1)
    assert "options differ" in locate(good, "--resume", "--no-border", status=1)
    changed = good.replace(b"\n7,", b"\n8,")
    assert "input is another one" in locate(changed, "--resume", status=1)
    assert len(rows_of(locate(changed))) == 1_000


def test_a_killed_run_is_resumed(lookup_paths, tmp_path):
    """The output of a killed and resumed run equals that of an uninterrupted run, without duplicate or partial rows."""
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(positions_csv(400_000))
    lookups = [argument for path in lookup_paths for argument in ("--lookup", str(path))]
    command = [
        sys.executable,
        "-m",
        "covidtrends_geo",
        "locate",
        *lookups,
        "--processes",
        "1",
        str(source),
        "--out",
        str(target),
    ]
    process = subprocess.Popen(command, cwd=FOLDER)
    journal = tmp_path / "out.csv.part.json"
    wait_until(lambda: journal.exists() or process.poll() is not None, "the first checkpoint")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert json.loads(journal.read_text())["written"] <= (tmp_path / "out.csv.part").stat().st_size
    assert not target.exists()
    with (tmp_path / "out.csv.part").open("ab") as part:
        part.write(b"half a r")
    subprocess.run([*command, "--resume", "--report", str(tmp_path / "report.json")], cwd=FOLDER, check=True)
    resumed = target.read_bytes()
    subprocess.run(command, cwd=FOLDER, check=True)
    assert target.read_bytes() == resumed
    assert json.loads((tmp_path / "report.json").read_text())["positions"] == 400_000


def test_a_folder_is_located_file_by_file_and_resumed(locate, tmp_path, monkeypatch):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "a.csv").write_text(positions_csv(20))
    (folder / "b.csv").write_text('lat,lon\n"')
    pd.DataFrame({"lat": [FIRST[1]], "lon": [FIRST[0]]}).to_parquet(folder / "c.parquet")
    (folder / "d.parquet").write_bytes((folder / "c.parquet").read_bytes()[:100])
    error = locate(None, name="in", out="out", status=1)
    assert "2 of 4 files" in error
    assert "b.csv" in error
    assert "d.parquet" in error
    assert sorted(path.name for path in out.iterdir() if path.suffix in {".csv", ".parquet"}) == ["a.csv", "c.parquet"]
    first = (out / "a.csv").stat().st_mtime_ns
    (folder / "b.csv").write_text("lat,lon\n1,2\n")
    (folder / "d.parquet").unlink()
    locate(None, "--resume", "--report", str(tmp_path / "report.json"), name="in", out="out")
    assert (out / "a.csv").stat().st_mtime_ns == first
    assert sorted(path.name for path in out.iterdir()) == ["a.csv", "b.csv", "c.parquet"]
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["positions"] == 22
    assert report["vintages"][0]["licence"] == "Open"


def test_the_report_counts_every_position(locate, tmp_path):
    text = "lat,lon\n" + "".join(f"{lat},{lon}\n" for lon, lat in (FIRST, FIRST, SEA, (0, 95))) + "1\n"
    locate(text, "--report", str(tmp_path / "report.json"))
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["status"] == {"parameter-invalid": 1, "coordinate-invalid": 1, "ok": 3}
    assert report["match"] == {"covers": 2, "nearest": 1}
    assert report["certain"] == {"true": 2, "false": 1}
    assert report["hruid"] == {"3501": 3}


# Fields that are numbers for float(), and others.
FIELDS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(-200, 200, places=7).map(str),
    st.text("0123456789.+- e", max_size=22),
)


@given(fields=st.lists(FIELDS.filter(lambda text: "," not in text), min_size=1, max_size=20))
def test_numbers_are_those_of_float(fields):
    block = ",".join(fields).encode() + b"\n"
    ends = np.cumsum([len(field) + 1 for field in fields]) - 1
    starts = np.concatenate([[0], ends[:-1] + 1])
    for field, value in zip(fields, numbers(block, np.frombuffer(block, dtype=np.uint8), starts, ends), strict=True):
        # NaN: the field is read once more, character by character.
        assert np.isnan(value) or value == float(field)
    short = [field for field in fields if len(field) < 15 and field.replace(".", "", 1).isdigit()]
    if short:
        block = short[0].encode()
        (value,) = numbers(block, np.frombuffer(block, dtype=np.uint8), np.array([0]), np.array([len(block)]))
        assert value == float(short[0])


@given(
    text=st.text(st.sampled_from('12.5,"\n\r é;'), max_size=60),
    width=st.integers(2, 3),
    size=st.integers(1, 20),
)
def test_rows_that_are_taken_as_they_are_equal_those_of_the_csv_module(text, width, size):
    header = Header(["lat", "lon", "c"][:width], ",", 0, 1, 1)
    content = text.encode()
    blocks = iter(content.splitlines(keepends=True))
    chunks = list(whole_rows(blocks, ","))
    assert b"".join(chunks) == content
    expected = _rows(content, header, PADDING_MAX)
    chunk_rows = [read_rows(chunk, header) for chunk in chunks]
    texts = [row for rows in chunk_rows for row in rows.texts]
    assert texts[: len(expected.texts)] == list(expected.texts)
    assert any(rows.failure for rows in chunk_rows) == bool(expected.failure)
    if not expected.failure:
        assert len(texts) == len(expected.texts)
        assert sum(rows.lines for rows in chunk_rows) == expected.lines
        np.testing.assert_array_equal(np.concatenate([np.empty(0), *(rows.lon for rows in chunk_rows)]), expected.lon)
