"""Columnar POST /locate with CSV from the indexes: byte for byte equal to the response by items from the tables."""

import pytest

from covidtrends_geo.bulk import csv_rows
from tests.support.demo_regions import lonlat
from tests.support.lookup_index import build_indexes

HERE, BORDER, SEA = lonlat(2_000, 5_000), lonlat(10_000, 5_000), lonlat(-40_000, 5_000)
FEW = "".join(f"{number},{lat},{lon}\n" for number, (lon, lat) in enumerate((HERE, BORDER, SEA, (0.0, 0.0))))
TEXTS = {
    "plain": "id,lat,lon\n" + FEW,
    "no line end": "id,lat,lon\n" + FEW.rstrip(),
    "CRLF": ("id,lat,lon\n" + FEW).replace("\n", "\r\n"),
    "CR": ("id,lat,lon\n" + FEW).replace("\n", "\r"),
    "byte order mark": "\ufeffid,lat,lon\n" + FEW,
    "quotes": f'note,lat,lon\n"a, ""b""",{HERE[1]},{HERE[0]}\n"two\nlines",{SEA[1]},{SEA[0]}\n',
    "empty lines": "\n\nid,lat,lon\n\n" + FEW.replace("\n", "\n\n"),
    "declared delimiter": "sep=;\n" + ("id,lat,lon\n" + FEW).replace(",", ";"),
    "decimal commas": ("id,lat,lon\n" + FEW).replace(",", "\t").replace(".", ","),
    "wrong widths": f"lat,lon,note\n1\n{HERE[1]},{HERE[0]}\n{HERE[1]},{HERE[0]},a,b\n{HERE[1]},{HERE[0]},a,,\n,,\n",
    "wrong numbers": "lat,lon\nx,y\n43.6\n91,-79\n43,-181\nNaN,-79\n1e400,1\n43.6,79.4\n-79.4,43.6\n٤٣,-79\n1_0,-79\n",
    "spaces": "lat,lon\n 43.6 , -79\n",
    "taken names": f"hruid,status,lat,lon\n1,2,{HERE[1]},{HERE[0]}\n",
    "header alone": "lat,lon\n",
    "header only, no line end": "lat,lon",
    "French": f"nom,latitude,longitude\nMontréal,{HERE[1]},{HERE[0]}\n",
    "no columns": "a,b\n1,2\n",
    "nothing": "",
    "open quote": f'lat,lon,note\n{HERE[1]},{HERE[0]},"open\n',
    "two of a name": "lat,lat,lon\n1,2,3\n",
    "NUL": "lat,lon\n1,\x00\n43,-79\n",
}
QUERIES = (
    "",
    "fields=certain,hruid",
    "fields=distance_to_border_m",
    "lang=fr&max_distance=50000",
    "accuracy=500",
    "lon_column=LON",
)


@pytest.fixture
def send(client):
    def post(query, body, content_type="text/csv"):
        response = client.generic("POST", f"/locate?{query}", body, content_type=content_type)
        content = b"".join(response) if response.streaming else response.content
        headers = {name: response.headers.get(name) for name in ("Content-Type", "Content-Length", "Link")}
        # The request id differs between problems.
        return response.status_code, content if response.status_code == 200 else content[:300], headers

    return post


def test_responses_by_columns_equal_those_by_items(world, send):
    requests = [(query, text.encode()) for text in TEXTS.values() for query in QUERIES]
    requests += [("", b"lat,lon,n\n43,-79,\xe9\n"), ("", TEXTS["French"].encode("utf-16"))]
    by_items = [send(*request) for request in requests]
    build_indexes(world.vintages.values())
    for request, response in zip(requests, by_items, strict=True):
        assert send(*request) == response, request
    assert {status for status, _, _ in by_items} == {200, 400, 415}


def test_declared_charset_applies(world, send):
    build_indexes(world.vintages.values())
    body = TEXTS["French"].encode("windows-1252")
    status, content, _ = send("", body, "text/csv; charset=windows-1252")
    assert (status, "Montréal" in content.decode()) == (200, True)
    assert send("", body, "text/csv; charset=klingon")[0] == 415


def test_limits_apply(world, send, settings, monkeypatch):
    build_indexes(world.vintages.values())
    monkeypatch.setattr("api.bulk.csv_columns.ITEMS_MAX", 3)
    monkeypatch.setattr("api.bulk.parsers.ITEMS_MAX", 3)
    assert send("", TEXTS["plain"])[0] == 413
    monkeypatch.undo()
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 3_000
    # Rows that lack fields, which the response has to contain.
    wide = "lat,lon," + ",".join("c" * 10 for _ in range(100)) + "\n"
    for end in ("\n", "\r", "\r\n"):
        assert send("", (wide + "43,-79\n" * 40).replace("\n", end))[0] == 413
        assert send("", (wide + "43,-79\n" * 5).replace("\n", end))[0] == 200


def test_body_that_lacks_many_fields_is_not_padded(world, send, settings, monkeypatch):
    """Memory: padded to the width of the header, the rows of a small body would take a gigabyte."""
    build_indexes(world.vintages.values())
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 3_000
    padded = []

    def counted(fields, header):
        padded.append(len(header.names) - len(fields))
        return row(fields, header)

    row = csv_rows._row
    monkeypatch.setattr(csv_rows, "_row", counted)
    wide = "lat,lon," + ",".join("c" * 10 for _ in range(100)) + "\n"
    for end in ("\n", "\r", "\r\n"):
        padded.clear()
        assert send("", (wide + "43,-79\n" * 400).replace("\n", end))[0] == 413
        assert sum(padded) <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE
