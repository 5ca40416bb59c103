"""Validation of CSV tables against their CSVW (CSV on the Web) descriptions."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any


def assert_table_is_as_described(rows: list[dict[str, str]], described: dict[str, Any], units: Mapping[str, str]) -> None:
    """Assert that columns match a description in name, order, datatype and unit, and that its primary key is unique."""
    columns = {column["titles"]: column for column in described["tableSchema"]["columns"]}
    assert list(columns) == list(rows[0])
    read: dict[str, Callable[[str], object]] = {
        "string": str,
        "integer": int,
        "number": float,
        "date": date.fromisoformat,
    }
    for row in rows:
        for name, text in row.items():
            assert text == "" or read[columns[name]["datatype"]](text) is not None
    key = described["tableSchema"]["primaryKey"]
    assert len({tuple(row[name] for name in ([key] if isinstance(key, str) else key)) for row in rows}) == len(rows)
    stated = {name: column["schema:unitText"] for name, column in columns.items() if "schema:unitText" in column}
    assert stated == {name: unit for name, unit in units.items() if name in columns}
