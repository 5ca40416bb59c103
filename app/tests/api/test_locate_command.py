"""manage.py locate: files of any size."""

import csv
import io
import json
import tracemalloc

import pytest
from django.core.management import CommandError, call_command

from api.bulk import positions
from geography.models import Status
from tests.support.demo_regions import lonlat
from tests.support.lookup_index import build_indexes

HERE = lonlat(2_000, 5_000)


@pytest.fixture(autouse=True, params=["tables", "index"])
def engine(request, world):
    if request.param == "index":
        build_indexes(world.vintages.values())


@pytest.fixture
def locate(tmp_path):
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


def test_ndjson_input_gives_ndjson_output(locate, client):
    text = "\n".join(json.dumps({"id": number, "lat": HERE[1], "lon": HERE[0]}) for number in range(3))
    response = client.post("/locate", text, content_type="application/x-ndjson")
    assert locate(text, "points.ndjson") == b"".join(response)


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


def test_missing_file_raises_command_error(tmp_path):
    with pytest.raises(CommandError, match="nowhere"):
        call_command("locate", str(tmp_path / "nowhere.csv"))


def test_memory_does_not_grow_with_positions(locate, monkeypatch):
    monkeypatch.setattr(positions, "CHUNK", 100)
    monkeypatch.setattr(positions, "CHUNK_IN_MEMORY", 100)

    def peak(count):
        tracemalloc.start()
        locate("lat,lon\n" + f"{HERE[1]},{HERE[0]}\n" * count)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(200)
    # The test holds the text in memory before it writes the file.
    assert peak(2_400) - peak(400) < 3 * 2_000 * len(f"{HERE[1]},{HERE[0]}\n")


def test_no_published_vintage_raises_command_error(world, locate):
    for vintage in world.vintages.values():
        vintage.status = Status.STAGED
        vintage.save()
    with pytest.raises(CommandError, match="published"):
        locate("lat,lon\n")


def test_stdin_is_located_to_stdout(capsysbinary, monkeypatch, tmp_path):
    source = tmp_path / "stdin"
    source.write_text(f"lat,lon\n{HERE[1]},{HERE[0]}\n")
    with source.open("r") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        call_command("locate")
    out, err = capsysbinary.readouterr()
    assert b"3501" in out
    assert err == b""
