"""manage.py locate: files of any size."""

import csv
import io
import json
import tracemalloc

import pytest
from django.core.management import CommandError, call_command

from api.bulk import positions
from geography.lookup import registry
from geography.models import Status
from tests.support.demo_regions import lonlat

HERE = lonlat(2_000, 5_000)


@pytest.fixture(autouse=True, params=[0, 1_000_000])
def memory(request, world, settings):
    settings.LOOKUP_MEMORY_VERTICES = request.param
    if request.param:  # a thread that reads them later would not see what a test has put there
        for vintage in world.vintages.values():
            registry.load(vintage)


@pytest.fixture
def locate(tmp_path):
    def run(text, name="points.csv", **options):
        source, out = tmp_path / name, tmp_path / "out"
        source.write_bytes(text if isinstance(text, bytes) else text.encode())
        call_command("locate", str(source), out=str(out), verbosity=0, **options)
        assert not (tmp_path / "out.part").exists()
        return out.read_bytes()

    return run


def test_writes_what_the_api_answers(locate, client):
    text = f"id,lat,lon\n1,{HERE[1]},{HERE[0]}\n2,95,0\n3,45.0,-60.0\n"
    response = client.post("/locate", text, content_type="text/csv")
    assert locate(text) == b"".join(response)


def test_writes_lines_for_lines(locate, client):
    text = "\n".join(json.dumps({"id": number, "lat": HERE[1], "lon": HERE[0]}) for number in range(3))
    response = client.post("/locate", text, content_type="application/x-ndjson")
    assert locate(text, "points.ndjson") == b"".join(response)


def test_takes_vintage_language_and_distance(locate):
    lon, lat = lonlat(-1_000, 5_000)
    text = f"lat,lon\n{lat},{lon}\n"
    row = list(csv.reader(io.StringIO(locate(text, lang="fr", vintage="2018").decode())))[1]
    assert row[2:4] == ["3501", "Circonscription entière"]
    assert list(csv.reader(io.StringIO(locate(text, max_distance=0).decode())))[1][6] == "none"


@pytest.mark.parametrize(
    ("text", "options", "says"),
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
def test_says_what_is_wrong_and_leaves_no_half_file(locate, tmp_path, text, options, says):
    with pytest.raises(CommandError, match=says):
        locate(text, **options)
    assert not (tmp_path / "out").exists()


def test_says_that_a_file_is_not_there(tmp_path):
    with pytest.raises(CommandError, match="nowhere"):
        call_command("locate", str(tmp_path / "nowhere.csv"))


def test_needs_no_more_memory_for_more_positions(locate, monkeypatch):
    monkeypatch.setattr(positions, "CHUNK", 100)
    monkeypatch.setattr(positions, "CHUNK_IN_MEMORY", 100)

    def peak(count):
        tracemalloc.start()
        locate("lat,lon\n" + f"{HERE[1]},{HERE[0]}\n" * count)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(200)
    # The text itself is in memory here, before it is a file.
    assert peak(2_400) - peak(400) < 3 * 2_000 * len(f"{HERE[1]},{HERE[0]}\n")


def test_nothing_published_is_said(world, locate):
    for vintage in world.vintages.values():
        vintage.status = Status.STAGED
        vintage.save()
    with pytest.raises(CommandError, match="published"):
        locate("lat,lon\n")


def test_reads_standard_input_and_writes_standard_output(capsysbinary, monkeypatch, tmp_path):
    source = tmp_path / "stdin"
    source.write_text(f"lat,lon\n{HERE[1]},{HERE[0]}\n")
    with source.open("r") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        call_command("locate")
    out, err = capsysbinary.readouterr()
    assert b"3501" in out
    assert err == b""
