"""Download tables of indicators, read with independent implementations (pandas, pyarrow, csv)."""

import csv
import io
import json
from collections.abc import Callable
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest

from indicators.queries.catalogue import published_indicators
from tests.support.bodies import body
from tests.support.csvw import assert_table_is_as_described

pytestmark = pytest.mark.usefixtures("files", "db")

Get = Callable[..., Any]
Sql = Callable[..., list[tuple[Any, ...]]]
COLUMNS = [
    *("period", "place", "pruid", "kind", "coverage", "vintage", "name_en", "name_fr"),
    *("value", "new_1d", "new_7d", "rate_7d", "status", "status_7d", "population", "population_year"),
]
INDICATORS = pytest.mark.parametrize("indicator", ["cases", "deaths"])


def rows_of(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text.decode(), newline=""), strict=True))


def number(text: str) -> float | None:
    return float(text) if text else None


@INDICATORS
def test_csv_contains_every_published_value(content: Callable[..., bytes], sql: Sql, indicator: str) -> None:
    stated = {
        (str(period), place): (kind, coverage, vintage, pruid, value, status)
        for period, place, kind, coverage, vintage, pruid, value, status in sql(
            "SELECT period, place, kind, coverage, vintage, pruid, value, status FROM geo.indicator_values"
            " WHERE indicator = %s",
            indicator,
        )
    }
    rows = rows_of(content(f"{indicator}.csv"))
    assert list(rows[0]) == COLUMNS
    assert len(rows) == len(stated) > 100_000
    assert {
        (row["period"], row["place"]): (
            *(row[name] for name in ("kind", "coverage", "vintage", "pruid")),
            number(row["value"]),
            row["status"],
        )
        for row in rows
    } == stated
    assert [(row["period"], row["kind"] == "country") for row in rows] == sorted(
        (row["period"], row["kind"] == "country") for row in rows
    )


@INDICATORS
@pytest.mark.parametrize("measure", ["cumulative", "new_1d", "new_7d", "rate_7d"])
def test_csv_measures_equal_those_of_the_series_route(
    content: Callable[..., bytes], get: Get, indicator: str, measure: str
) -> None:
    rows = rows_of(content(f"{indicator}.csv"))
    column = "value" if measure == "cumulative" else measure
    status = "status" if measure in ("cumulative", "new_1d") else "status_7d"
    table = {(row["period"], row["place"]): (number(row[column]), row[status]) for row in rows}
    shown = {}
    keys = list(dict.fromkeys(row["place"] for row in rows))
    for places in (keys[at : at + 40] for at in range(0, len(keys), 40)):
        response = get(f"/indicators/{indicator}/series", place=",".join(places), measure=measure, freq="day").json()
        start = date.fromisoformat(response["start"])
        for place, series in response["places"].items():
            statuses = [response["statuses"][status]["code"] for status, length in series["status"] for _ in range(length)]
            for step, value in enumerate(series["values"]):
                shown[str(start + timedelta(days=step)), place] = (value, statuses[step])
    if measure == "new_1d":  # a day without a report has the status of the value
        assert {key: value for key, (value, _) in table.items()} == {key: shown[key][0] for key in table}
    else:
        assert table == {key: shown[key] for key in table}
    # The series has no value on days without a row.
    assert {cell for key, cell in shown.items() if key not in table} <= {(None, "not_reported")}


@INDICATORS
def test_csv_populations_are_those_of_the_rates(content: Callable[..., bytes], get: Get, indicator: str) -> None:
    for day in ("2021-01-09", "2022-11-05"):
        values = get(f"/indicators/{indicator}/map", on=day).json()["values"]
        rows = {row["place"]: row for row in rows_of(content(f"{indicator}.csv")) if row["period"] == day}
        with_rate = {place: figure for place, figure in values.items() if figure["v"] is not None}
        assert len(with_rate) > 70
        for place, figure in with_rate.items():
            shown = (rows[place]["population"], rows[place]["population_year"])
            assert shown == (str(figure["population"]), str(figure["population_year"]))
            if indicator == "cases" and rows[place]["status_7d"] != "estimated":
                rate = float(rows[place]["new_7d"]) * 100_000 / int(rows[place]["population"])
                assert float(rows[place]["rate_7d"]) == pytest.approx(rate, abs=0.006)


@INDICATORS
def test_parquet_and_arrow_equal_csv(content: Callable[..., bytes], indicator: str) -> None:
    texts = [name for name in COLUMNS if name not in KINDS]
    expected = pd.read_csv(io.BytesIO(content(f"{indicator}.csv")), dtype=dict.fromkeys(texts, "str"))
    for table in (
        pa.parquet.read_table(io.BytesIO(content(f"{indicator}.parquet"))),
        pa.ipc.open_file(content(f"{indicator}.arrow")).read_all(),
    ):
        assert table.column_names == COLUMNS
        for name in COLUMNS:
            kind = table.schema.field(name).type
            assert (kind.value_type if pa.types.is_dictionary(kind) else kind) == KINDS.get(name, pa.string())
        read = table.set_column(0, "period", table["period"].cast(pa.string())).to_pandas(strings_to_categorical=False)
        for name in COLUMNS:
            assert table[name].null_count == expected[name].isna().sum()
            pd.testing.assert_series_equal(
                read[name].astype(expected[name].dtype), expected[name], check_names=False, rtol=1e-12
            )


KINDS = {
    "period": pa.date32(),
    **dict.fromkeys(("value", "new_1d", "new_7d", "rate_7d"), pa.float64()),
    **dict.fromkeys(("population", "population_year"), pa.int64()),
}


def test_metadata_name_source_licence_and_vintage(content: Callable[..., bytes]) -> None:
    parquet = pa.parquet.ParquetFile(io.BytesIO(content("cases.parquet")))
    metadata = {key.decode(): text.decode() for key, text in parquet.schema_arrow.metadata.items()}
    assert metadata["title"] == "Cases"
    assert metadata["title_fr"] == "Cas"
    assert (metadata["coverage"], metadata["vintage"]) == ("covid-reporting-regions", "2020-08")
    assert (metadata["source"], metadata["issued_at"]) == ("covid-cases", "2022-11-16T23:08:20+00:00")
    assert metadata["loaded_at"] == published_indicators().indicators["cases"].issue.loaded_at.isoformat()
    assert metadata["licence"] == "CC BY 4.0"
    assert "COVID-19 Canada Open Data Working Group" in metadata["attribution_en"]
    assert json.loads(parquet.metadata.metadata[b"about"]) == metadata
    arrow = pa.ipc.open_file(content("cases.arrow")).schema.metadata
    assert {key.decode(): text.decode() for key, text in arrow.items()} == metadata


@INDICATORS
def test_pandas_reads_tables_without_arguments(content: Callable[..., bytes], indicator: str) -> None:
    table = pd.read_csv(io.BytesIO(content(f"{indicator}.csv")))
    assert list(table) == COLUMNS
    # Codes are text in every row, although most consist of digits.
    assert {"3595", "ON", "CA", "NS-9999"} <= set(table["place"])
    assert {type(place) for place in table["place"]} == {str}
    parquet = pd.read_parquet(io.BytesIO(content(f"{indicator}.parquet")))
    for name in ("value", "new_1d", "new_7d", "rate_7d", "population"):
        pd.testing.assert_series_equal(table[name], parquet[name], check_dtype=False)
    for measure in ("rate_7d", "new_7d", "new_1d", "cumulative"):
        wide = pd.read_csv(io.BytesIO(content(f"{indicator}-{measure}-wide.csv"))).set_index("period")
        pivoted = table.pivot(index="period", columns="place", values="value" if measure == "cumulative" else measure)
        pd.testing.assert_frame_equal(wide, pivoted[list(wide)], check_names=False, check_dtype=False)
        assert set(wide) == set(table["place"])


def test_csv_is_utf_8_without_bom(content: Callable[..., bytes]) -> None:
    text = content("cases.csv")
    assert not text.startswith(b"\xef\xbb\xbf")
    assert text.count(b"\r\n") == text.count(b"\n") == len(rows_of(text)) + 1 < 1_048_576  # the rows of an Excel sheet
    assert "Montréal" in text.decode()


@pytest.mark.parametrize("name", ["cases.csv", "deaths.csv", "cases-rate_7d-wide.csv", "deaths-cumulative-wide.csv"])
def test_csv_matches_its_csvw_description(content: Callable[..., bytes], client: Any, name: str) -> None:
    described = json.loads(content(f"{name}-metadata.json"))
    assert described["url"] == name
    assert described["dc:license"] == {"@id": "https://creativecommons.org/licenses/by/4.0/"}
    assert [title["@language"] for title in described["dc:title"]] == ["en", "fr"]
    assert described["dc:source"]["dc:identifier"].startswith("covid-")
    rows = rows_of(content(name))
    unit = name[:5] if name.startswith("cases") else "deaths"
    rate = f"{unit} per 100,000 inhabitants"
    if "wide" in name:
        units = dict.fromkeys([key for key in rows[0] if key != "period"], rate if "rate" in name else unit)
        columns = {column["titles"]: column["name"] for column in described["tableSchema"]["columns"]}
        assert columns["NS-9999"] == "NS%2D9999"
    else:
        units = {"value": unit, "new_1d": unit, "new_7d": unit, "rate_7d": rate}
    assert_table_is_as_described(rows, described, units)
    path = f"/downloads/indicators/{name[: len(unit)]}/{name}"
    response = client.get(path)
    body(response)
    assert f'<{path}-metadata.json>; rel="describedby"; type="application/csvm+json"' in response.headers["Link"]


def test_regions_that_stopped_are_empty_and_not_zero(content: Callable[..., bytes]) -> None:
    rows = [row for row in rows_of(content("cases.csv")) if row["period"] == "2022-11-05" and row["kind"] == "region"]
    stopped = [row for row in rows if row["pruid"] in ("10", "12", "47")]
    assert len(stopped) == 21
    for row in stopped:
        assert (row["new_1d"], row["new_7d"], row["rate_7d"]) == ("", "", "")
        assert (row["status"], row["status_7d"]) == ("not_reported", "not_reported")
    wide = next(row for row in rows_of(content("cases-new_7d-wide.csv")) if row["period"] == "2022-11-05")
    assert {wide[row["place"]] for row in stopped} == {""}


class RemoteFile(io.RawIOBase):
    """A file of the service that is read by byte ranges."""

    def __init__(self, client: Any, path: str) -> None:
        self.client, self.path_name, self.position, self.received = client, path, 0, 0
        self.size = int(client.head(path).headers["Content-Length"])

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = 0) -> int:
        self.position = (0, self.position, self.size)[whence] + offset
        return self.position

    def read(self, size: int = -1) -> bytes:
        last = self.size - 1 if size < 0 else min(self.position + size, self.size) - 1
        response = self.client.get(self.path_name, headers={"Range": f"bytes={self.position}-{last}"})
        assert response.status_code == 206
        assert response.headers["Content-Range"] == f"bytes {self.position}-{last}/{self.size}"
        part = body(response)
        self.position += len(part)
        self.received += len(part)
        return part


def test_parquet_is_read_by_byte_ranges(client: Any, content: Callable[..., bytes]) -> None:
    remote = RemoteFile(client, "/downloads/indicators/cases/cases.parquet")
    table = pa.parquet.read_table(
        pa.PythonFile(remote, mode="r"), columns=["place", "value"], filters=[("period", "=", date(2022, 1, 8))]
    )
    rows = {row["place"]: row["value"] for row in rows_of(content("cases.csv")) if row["period"] == "2022-01-08"}
    assert dict(zip(table["place"].to_pylist(), table["value"].to_pylist(), strict=True)) == {
        place: number(value) for place, value in rows.items()
    }
    assert remote.received < remote.size / 3
