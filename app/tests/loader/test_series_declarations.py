"""Errors in the declaration of a series, with the table and key."""

import re
from pathlib import Path

import pytest

from loader.errors import SourceError
from loader.series.declarations import read_series
from tests.support.series_file import TOML


@pytest.mark.parametrize(
    ("paragraph", "message"),
    [
        ("colour = 1", "series.test: unknown key 'colour'"),
        ("totals = 1", "series.test: totals must be true or false"),
        ('shape = "tall"', "series.test: shape is one of long, wide"),
        ("limits = { height = 1 }", "series.test: no gate 'height' with a limit. Gates with limits: negatives, cadence"),
        ("limits = { text = 1 }", "series.test: no gate 'text' with a limit"),
        ('overdispersion = "2"', "series.test: overdispersion must be a number, not '2'"),
        ("overdispersion = true", "series.test: overdispersion must be a number, not True"),
        ("overdispersion = 0.9", "series.test: overdispersion must be a number of 1 or more, not 0.9"),
        ("overdispersion = nan", "series.test: overdispersion must be a number of 1 or more, not nan"),
        ('limits = { sums = "1" }', "series.test: limits.sums must be a number, not '1'"),
        ('delimiter = "||"', "series.test: delimiter must be one character, not '||'"),
        ("first_line = 0", "series.test: first_line must be 1 or more"),
        ("notes = 1", "series.test: unknown key 'notes'"),
        ('cadence = [{ from = 2022-01-01, every = "year" }]', "every is one of day, week"),
        ('cadence = [{ from = 2022-01-01, every = "week", on = "monday" }]', "is a saturday, not a monday"),
        ("issued_at = 2022-01-01T00:00:00", "issued_at needs a time zone"),
    ],
)
def test_declaration_error_names_table_and_key(tmp_path: Path, paragraph: str, message: str) -> None:
    toml = tmp_path / "series.toml"
    toml.write_text(TOML + paragraph + "\n", encoding="utf-8")
    with pytest.raises(SourceError, match=re.escape(message)):
        read_series(toml)
