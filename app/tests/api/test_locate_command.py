"""manage.py locate: files of any size."""

import csv
import io
import json
import tracemalloc

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covidtrends_geo.bulk import text_source
from geography.constants import COVERAGE_FSA, COVERAGE_HEALTH_REGIONS
from geography.lookup.compile import write_index
from geography.models import Status
from geography.vintages.resolve import vintage_in_force
from tests.support.demo_regions import lonlat

HERE = lonlat(2_000, 5_000)


@pytest.fixture
def lookup_paths(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lookup")
    paths = []
    for slug in (COVERAGE_HEALTH_REGIONS, COVERAGE_FSA):
        vintage = vintage_in_force(coverage=slug)
        paths.append(folder / f"{slug}.safetensors")
        write_index(vintage, paths[-1], {"coverage": slug, "vintage": vintage.label})
    return [str(path) for path in paths]


@pytest.fixture
def locate(tmp_path, world):
    def run(text, name="points.csv", **options):
        source, out = tmp_path / name, tmp_path / "out"
        source.write_bytes(text if isinstance(text, bytes) else text.encode())
        call_command("locate", str(source), out=str(out), verbosity=0, **options)
        assert not (tmp_path / "out.part").exists()
        return out.read_bytes()

    return run


def test_output_equals_the_api_response(locate, client):
    text = f"id,lat,lon\n1,{HERE[1]},{HERE[0]}\n2,95,0\n3,45.0,-60.0\n"
    response = client.post("/locate", text, content_type="text/csv")
    assert locate(text) == b"".join(response)


# Rows that only the csv module reads, rows that are taken as they are, and both in one file.
_ROWS = st.lists(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    *(
                        f"{HERE[1]}",
                        f"{HERE[0]}",
                        f" {HERE[1]} ",
                        f"+{HERE[1]}",
                        f"{-HERE[0]}",
                        "-0.0",
                        "1e2",
                        "91",
                        "inf",
                        "nan",
                    ),
                    *(
                        "",
                        " ",
                        "45,5",
                        "45.1.2",
                        "1_0",
                        "４５",
                        "−75",
                        "--1",
                        ".",
                        "-",
                        "nan",
                        "45.123456789012345678",
                        "0" * 41,
                    ),
                    *("é", 'a "quoted"', '"', "two\nlines", "cr\rlf\r\n", ";", "\u200b45", "\x00", "x" * 300),
                ]
            ),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        ),
        max_size=5,
    ),
    max_size=12,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows=_ROWS, delimiter=st.sampled_from(",;\t|"), ends=st.sampled_from(["\n", "\r\n"]), quoting=st.sampled_from([0, 1]))
def test_output_of_any_rows_equals_the_api_response(locate, lookup_paths, client, rows, delimiter, ends, quoting):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ends, quoting=quoting)
    writer.writerow(["id", "lat", "lon"])
    writer.writerows([number, HERE[1], HERE[0], *row[:1]] if len(row) < 2 else row for number, row in enumerate(rows))
    body = text.getvalue().encode()
    response = client.post("/locate", body, content_type="text/csv")
    assert response.status_code == 200
    assert locate(body, lookup=lookup_paths) == b"".join(response)


@pytest.mark.parametrize(
    "text",
    [
        "lat,lon\n",
        "\ufefflat,lon\n1,2",
        "sep=;\nLatitude;Longitude;status\n45,5;-75,5;a\n",
        "\n\nlon,lat\r\n\r\n-75.5,45.5\r\n\r\n",
        "lat,lon\r45.5,-75.5\r45.5,-75.5,\r1",
        'lat,lon,"a\nb"\n45.5,-75.5,"c\n""d"\n45.5,-75.5,e\n',
        "lat,lon\n45.5,-75.5,surplus,more\n45.5\n 45.5 , -75.5 \n-75.5,45.5\n",
        "y,x,match\n45.5,-75.5,\n",
        'lat,lon\n45.5,-75.5,"a,b"',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_output_of_dirty_files_equals_the_api_response(locate, lookup_paths, client, text, encoding):
    body = text.encode(encoding)
    assert locate(body, lookup=lookup_paths) == b"".join(client.post("/locate", body, content_type="text/csv"))


def test_ndjson_input_gives_ndjson_output(locate):
    positions = [{"id": 7, "lat": HERE[1], "lon": HERE[0]}, list(HERE), {"lat": 95, "lon": 0}]
    text = "\n".join([*map(json.dumps, positions), "", "{"])
    rows = [json.loads(line) for line in locate(text, "points.ndjson").splitlines()]
    assert [row["status"] for row in rows] == ["ok", "ok", "coordinate-invalid", "parameter-invalid"]
    assert (rows[0]["id"], rows[0]["hruid"], rows[0]["certain"]) == (7, "3501", rows[1]["certain"])
    assert set(rows[2]) == {"status"}


def test_options_vintage_lang_and_max_distance(locate):
    lon, lat = lonlat(-1_000, 5_000)
    text = f"lat,lon\n{lat},{lon}\n"
    row = list(csv.reader(io.StringIO(locate(text, lang="fr", vintage="2018").decode())))[1]
    assert row[2:4] == ["3501", "Circonscription entière"]
    assert list(csv.reader(io.StringIO(locate(text, max_distance=0).decode())))[1][6] == "none"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a,b\n", {}, "Its columns are a, b"),
        ("lat,lon\n", {"lat_column": "north"}, "no column 'north'"),
        ("lat,lon\n", {"charset": "klingon"}, "klingon"),
        ("", {}, "lat"),
        (b"lat,lon\n\xff,1\n", {}, "UTF-8: line 2"),
        ('lat,lon\n"1', {}, "CSV"),
        ("lat,lon\n", {"vintage": "1999"}, "1999"),
        ("lat,lon\n", {"accuracy": 5_000}, "range"),
    ],
)
def test_error_leaves_no_output_file(locate, tmp_path, text, options, message):
    with pytest.raises(CommandError, match=message):
        locate(text, **options)
    assert not (tmp_path / "out").exists()


def test_missing_file_raises_command_error(world, tmp_path):
    with pytest.raises(CommandError, match="nowhere"):
        call_command("locate", str(tmp_path / "nowhere.csv"))


def test_memory_does_not_grow_with_positions(locate, monkeypatch):
    monkeypatch.setattr(text_source, "BLOCK_BYTES", 4_000)

    def peak(count):
        tracemalloc.start()
        locate("lat,lon\n" + f"{HERE[1]},{HERE[0]}\n" * count, processes=1)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(200)
    # The test holds the text in memory before it writes the file.
    assert peak(4_400) - peak(400) < 3 * 4_000 * len(f"{HERE[1]},{HERE[0]}\n")


def test_no_published_vintage_raises_command_error(world, locate):
    for vintage in world.vintages.values():
        vintage.status = Status.STAGED
        vintage.save()
    with pytest.raises(CommandError, match="published"):
        locate("lat,lon\n")


def test_stdin_is_located_to_stdout(world, capsysbinary, monkeypatch, tmp_path):
    source = tmp_path / "stdin"
    source.write_text(f"lat,lon\n{HERE[1]},{HERE[0]}\n")
    with source.open("r") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        call_command("locate")
    out, err = capsysbinary.readouterr()
    assert b"3501" in out
    assert err == b""
