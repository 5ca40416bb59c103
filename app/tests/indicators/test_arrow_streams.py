"""Figures as Arrow IPC streams, read by pyarrow."""

import csv
from collections.abc import Callable
from io import BytesIO, StringIO
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pytest

from tests.support.bodies import body

pytestmark = pytest.mark.usefixtures("embedded", "db")

Get = Callable[..., Any]
MEDIA_TYPE = "application/vnd.apache.arrow.stream"
PATHS = pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/indicators/cases/series", {"place": "3595,4711,ON,CA,NS-9999", "from": "2022-05-01"}),
        ("/indicators/deaths/series", {"place": "CA", "measure": "cumulative"}),
        ("/indicators/cases/cube", {}),
        ("/indicators/cases/cube", {"measure": "new_1d"}),
        ("/indicators/cases/map", {"on": "2022-11-05"}),
        ("/indicators/cases/map", {"on": "2022-11-05", "coverage": "health-regions", "vintage": "2022"}),
    ],
)


def table_of(response: Any) -> pa.Table:
    assert response.status_code == 200, response.content
    assert response.headers["Content-Type"] == MEDIA_TYPE
    return pa.ipc.open_stream(body(response)).read_all()


@PATHS
def test_arrow_stream_equals_csv(get: Get, world: Any, path: str, options: dict[str, str]) -> None:
    table = table_of(get(f"{path}.arrow", **options))
    rows = list(csv.DictReader(StringIO(body(get(f"{path}.csv", **options)).decode())))
    assert table.column_names == list(rows[0])
    assert table.num_rows == len(rows) > 10
    for name in table.column_names:
        column = table[name].combine_chunks()
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        read: Callable[[str], Any] = str
        if name in ("date", "from", "to", "reported_on"):
            assert kind == pa.date32()
            column = column.cast(pa.string())
        elif name in ("value", "count", "population", "population_year", "misplaced_share"):
            assert kind == (pa.int64() if name.startswith("population") else pa.float64())
            read = float
        else:
            assert kind == pa.string()
        assert column.to_pylist() == [read(row[name]) if row[name] else None for row in rows], name


def test_accept_header_selects_arrow(get: Get) -> None:
    by_header = get("/indicators/cases/series", headers={"Accept": MEDIA_TYPE}, place="CA")
    by_suffix = get("/indicators/cases/series.arrow", place="CA")
    assert by_header.content == by_suffix.content
    assert by_header.headers["ETag"] == by_suffix.headers["ETag"]
    assert "Accept" in by_header.headers["Vary"]
    not_modified = get("/indicators/cases/series.arrow", headers={"If-None-Match": by_suffix.headers["ETag"]}, place="CA")
    assert not_modified.status_code == 304
    packed = get("/indicators/cases/series.arrow", headers={"Accept-Encoding": "gzip"}, place="CA")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.content) < len(by_suffix.content) / 2


@pytest.mark.parametrize(("lang", "title"), [("en", "Cases"), ("fr", "Cas")])
def test_arrow_schema_names_source_and_licence(get: Get, lang: str, title: str) -> None:
    metadata = table_of(get("/indicators/cases/cube.arrow", lang=lang)).schema.metadata
    assert metadata[b"title"].decode() == title
    assert metadata[b"licence_url"] == b"https://creativecommons.org/licenses/by/4.0/"
    assert metadata[b"source"] == b"covid-cases"
    assert metadata[b"vintage"] == b"2020-08"
    assert {b"attribution", b"issued_at", b"loaded_at"} <= set(metadata)


@pytest.mark.parametrize(
    ("path", "status", "slug"),
    [
        ("/indicators/casses/cube.arrow", 404, "indicator-unknown"),
        ("/indicators/cases/series.arrow?place=9999", 404, "place-unknown"),
        ("/indicators/cases/series.arrow?place=ON&from=0001-01-01&to=9999-12-31", 400, "parameter-invalid"),
    ],
)
def test_errors_are_problem_documents(get: Get, assert_problem: Callable[..., Any], path: str, status: int, slug: str) -> None:
    assert_problem(get(path), status, slug)
    assert_problem(get(path.replace(".arrow", ""), headers={"Accept": MEDIA_TYPE}), status, slug)


def test_pandas_reads_csv_without_arguments(get: Get) -> None:
    for path in ("cube.csv?measure=cumulative", "series.csv?place=3595,ON,CA&measure=new_1d"):
        table = pd.read_csv(BytesIO(body(get(f"/indicators/cases/{path}"))))
        assert {type(place) for place in table["place"]} == {str}
