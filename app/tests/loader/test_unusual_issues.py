"""Issues in unusual forms: each is published with the right values, or refused with a clear error that loses nothing."""

import gzip
import lzma
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from indicators.models import Indicator, Issue
from loader.errors import FileRefused, GatesFailed
from loader.series import pipeline, storage
from loader.series.declarations import Source
from tests.loader.test_issues import blobs, published, state, values_as_of
from tests.support.issue_history import ALL_GATES, State, changes_text, declared, small_history

pytestmark = pytest.mark.django_db

# The issue before, and the values of the unusual one, a correction and a new day.
BEFORE = small_history()[:3]
VALUES = BEFORE[-1].state | {("QC2406", "2022-01-03"): 460, ("ON3595", "2022-01-12"): 300}
LATER = BEFORE[-1].issued_at + timedelta(days=1)

Load = Callable[..., str]


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Return the source of the small history, with three issues loaded."""
    source, toml = declared(tmp_path)
    path = tmp_path / "before.csv"
    path.write_text(changes_text(BEFORE), encoding="utf-8")
    list(pipeline.load_issues(source, path, declarations=toml))
    return source


@pytest.fixture
def load(source: Source, tmp_path: Path) -> Load:
    """Return a function that loads bytes as the next issue, and returns what became of it."""

    def run(content: bytes, name: str = "next.csv", *, at: datetime = LATER, accept: frozenset[str] = frozenset()) -> str:
        path = tmp_path / name
        path.write_bytes(content)
        acceptance = pipeline.Acceptance(accept, "as published")
        return pipeline.load(source, path=path, issued_at=at, acceptance=acceptance, declarations=tmp_path / "series.toml").what

    return run


def written(
    values: State,
    *,
    columns: tuple[str, ...] = ("date", "region", "code", "value"),
    more: tuple[str, ...] = (),
    end: str = "\n",
) -> str:
    """Return values as a file; `more` are columns that the declaration does not name."""
    lines = [",".join([*columns, *more])]
    for (key, day), value in sorted(values.items()):
        row = {"date": day, "region": key[:2], "code": key[2:], "value": str(value)}
        lines.append(",".join([*(row[column] for column in columns), *("x" for _ in more)]))
    return end.join([*lines, ""])


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(written(VALUES, columns=("value", "code", "date", "region")).encode(), id="columns in another order"),
        pytest.param(written(VALUES, more=("name", "value_daily")).encode(), id="more columns"),
        pytest.param(written(VALUES).encode("utf-8-sig"), id="byte order mark"),
        pytest.param(written(VALUES, end="\r\n").encode(), id="CRLF"),
        pytest.param(written(VALUES, end="\r\n").encode("utf-8-sig"), id="byte order mark and CRLF"),
        pytest.param(written(VALUES).rstrip("\n").encode(), id="no end of the last line"),
        pytest.param((written(VALUES) + "\n\n").encode(), id="empty lines"),
        pytest.param((written(VALUES) + "2022-01-12,ON,3595,300\n").encode(), id="a row twice"),
        pytest.param(gzip.compress(written(VALUES).encode()), id="gzip without its suffix"),
        pytest.param(lzma.compress(written(VALUES).encode()), id="xz without its suffix"),
    ],
)
def test_another_form_of_the_same_rows_has_the_same_values(load: Load, content: bytes) -> None:
    assert load(content) == "published"
    issues = published()
    assert len(issues) == len(BEFORE) + 1
    assert values_as_of(issues[-1]) == VALUES
    assert (issues[-1].report["changes"]["new"], issues[-1].report["changes"]["changed"]) == ({"3595": 1}, {"2406": 1})
    for issue, expected in zip(issues, BEFORE, strict=False):
        assert values_as_of(issue) == expected.state


_WHOLE = written(VALUES).encode()
_GZIP = gzip.compress(_WHOLE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"\n\n", "has no column 'date'", id="only empty lines"),
        pytest.param(lzma.compress(_WHOLE)[:-20], "is damaged", id="xz cut short"),
        pytest.param(lzma.compress(_WHOLE)[:4], "is damaged", id="xz without more than its beginning"),
        pytest.param(gzip.compress(_WHOLE)[:-20], "is damaged", id="gzip cut short"),
        pytest.param(
            gzip.compress(_WHOLE)[:40] + b"\0\0" + gzip.compress(_WHOLE)[42:], "is damaged", id="gzip with other bytes"
        ),
        pytest.param(written(VALUES, columns=("date", "region", "value")).encode(), "has no column 'code'", id="a column less"),
        pytest.param(written(VALUES, more=("value",)).encode(), "more than one column 'value'", id="a column twice"),
        pytest.param(_WHOLE + b"2022-01-12,ON\n", "2 fields where the header has 4", id="last line cut short"),
        pytest.param(_WHOLE + b"2022-01-12,ON,\xff,1\n", "is not utf-8", id="other bytes than UTF-8"),
        pytest.param(_WHOLE.decode().encode("utf-16"), "is not utf-8", id="UTF-16"),
    ],
)
def test_unreadable_file_is_refused_and_nothing_is_lost(load: Load, content: bytes, message: str) -> None:
    before = state()
    with pytest.raises(FileRefused, match=message):
        load(content)
    assert (state(), Issue.objects.count()) == (before, len(BEFORE))


def test_command_names_the_damage(source: Source, tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.xz"
    for option, text in (("--file", _WHOLE), ("--issues", changes_text(BEFORE).encode())):
        path.write_bytes(lzma.compress(text)[:-20])
        with pytest.raises(CommandError, match=r"cut\.csv\.xz is damaged"):
            call_command("load_series", "history", option, str(path), "--sources", str(tmp_path / "series.toml"))


@pytest.mark.parametrize(
    ("more", "gate", "listed"),
    [
        pytest.param("2022-01-12,ON,3595,301\n", "duplicates", "3595 2022-01-12 again, with '301'", id="two values"),
        pytest.param("2022-13-01,ON,3595,301\n", "text", "'2022-13-01' is not a date", id="no date"),
        pytest.param("2022-01-13,ON,3595,1e999\n", "text", "'1e999' is not a number up to 1e15", id="infinite"),
        pytest.param("2022-01-13,ON,3595,-1e16\n", "text", "'-1e16' is not a number up to 1e15", id="too large"),
        pytest.param("2022-01-13,ON,3595,NaN\n", "text", "'NaN' is not a number", id="not a number"),
    ],
)
def test_contradictory_rows_cannot_be_accepted(load: Load, more: str, gate: str, listed: str) -> None:
    before = state()
    with pytest.raises(GatesFailed) as caught:
        load(_WHOLE + more.encode(), accept=ALL_GATES | {gate})
    failed = {gate["name"]: gate["listed"] for gate in caught.value.report["gates"] if not gate["passed"]}
    assert listed in failed[gate][0]
    assert (state(), Issue.objects.count()) == (before, len(BEFORE))


def test_rows_without_values_are_refused(load: Load) -> None:
    before = state()
    with pytest.raises(GatesFailed, match="columns"):
        load(b"date,region,code,value\n", accept=ALL_GATES | {"columns"})
    assert (state(), Issue.objects.count()) == (before, len(BEFORE))


def test_rows_of_unknown_regions_are_held_and_left_out_when_accepted(load: Load) -> None:
    content = _WHOLE + b"2022-01-12,ON,9998,5\n2022-01-12,XX,1,5\n"
    before = state()
    with pytest.raises(GatesFailed, match="codes"):
        load(content)
    assert state() == before
    assert Issue.objects.get(status="staged").report["values"] == len(VALUES)
    assert load(content, accept=frozenset({"codes"})) == "published"
    assert values_as_of(published()[-1]) == VALUES


def test_negative_values_are_kept(load: Load) -> None:
    values = VALUES | {("ON9999", "2022-01-12"): -7}
    with pytest.raises(GatesFailed, match="national_falls"):
        load(written(values).encode())
    assert load(written(values).encode(), accept=ALL_GATES) == "published"
    assert values_as_of(published()[-1]) == values


def test_withdrawal_and_return_to_former_values(load: Load) -> None:
    """An issue withdraws values, the next states those of the first issue again: each is as it was, under its own issue."""
    withdrawn = {place: value for place, value in VALUES.items() if place[0] != "ON9999"}
    assert load(written(withdrawn).encode(), accept=ALL_GATES) == "published"
    assert load(BEFORE[0].raw().encode(), at=LATER + timedelta(days=1), accept=ALL_GATES) == "published"
    issues = published()
    expected = [*(issue.state for issue in BEFORE), withdrawn, BEFORE[0].state]
    assert [values_as_of(issue) for issue in issues] == expected
    stored = blobs()
    # The arrays are those of the returned values.
    storage.derive(Indicator.objects.get(slug="history"))
    assert blobs() == stored


def test_same_issue_again_does_nothing(load: Load) -> None:
    assert load(_WHOLE) == "published"
    before = state()
    assert load(_WHOLE) == "unchanged"
    assert load(_WHOLE, at=LATER + timedelta(days=3)) == "unchanged"
    assert (state(), Issue.objects.count()) == (before, len(BEFORE) + 1)


def test_of_two_issues_with_the_same_instant_the_later_load_answers(load: Load) -> None:
    corrected = VALUES | {("QC2406", "2022-01-03"): 461}
    assert load(_WHOLE) == "published"
    assert load(written(corrected).encode()) == "published"
    first, second = published()[-2:]
    assert first.issued_at == second.issued_at
    assert (values_as_of(first), values_as_of(second)) == (VALUES, corrected)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT value FROM geo.indicator_values_at('history', %s) WHERE place = '2406' AND period = '2022-01-03'", [LATER]
        )
        assert cursor.fetchall() == [(461.0,)]


def test_instants_of_far_away_are_stored(load: Load) -> None:
    assert load(_WHOLE, at=datetime(2029, 12, 31, 23, 59, 59, tzinfo=UTC)) == "published"


def test_checksum_is_the_same_in_every_process() -> None:
    """Texts and dates have other hashes in each process, and sets therefore another order: files would be loaded again."""
    program = "import django; django.setup(); from loader.series.declarations import read_series; print(read_series())"
    printed = set()
    for seed in ("1", "2", "3", "5"):
        env = os.environ | {"PYTHONHASHSEED": seed, "DJANGO_SETTINGS_MODULE": "config.settings"}
        printed.add(subprocess.check_output([sys.executable, "-c", program], cwd=settings.APP_DIR, env=env))
    assert len(printed) == 1
