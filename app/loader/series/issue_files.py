"""Issues of a source in files: one file, a folder with a file for each issue, or one file with the changes of many issues.

Issues are in the order of their instants, not of the text: 2022-10-11T21:17-04:00 is after 2022-10-11T22:07+00:00.
"""

import csv
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from sys import intern

from loader.errors import FileRefused
from loader.series.declarations import Source
from loader.series.reader import Cell, cells, checksum, form_of

# Instant in a file name: cases_2022-05-29T0003Z.csv.gz, cases_20220529T000319Z.csv.
_INSTANT = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})T(\d{2})[:-]?(\d{2})(?:[:-]?(\d{2}))?Z")
_INDEX, _INDEX_TIMES = "INDEX.csv", ("issued_at", "committed_at")
# Suffixes of files that are read from a folder, compressed or not.
_SUFFIXES = (".csv", ".csv.gz", ".csv.xz")


@dataclass(frozen=True, slots=True)
class IssueContent:
    """Content of one issue.

    Attributes:
        source: the source, in the form that the file has.
        sha256: of the content and the declaration; of a file with changes, also of all changes before.
        read: returns all values of the issue; call it before the next issue is taken from the iterator.
    """

    name: str
    issued_at: datetime
    sha256: str
    source: Source
    read: Callable[[], list[Cell]]


def file_content(path: Path, source: Source, issued_at: datetime) -> IssueContent:
    """Return the content of a file with one issue. Raises: FileRefused for an unreadable file, or one with many issues."""
    form = form_of(path, source)
    if "issue" in form.columns:
        raise FileRefused(f"{path.name} has a column {form.columns['issue']!r}, so many issues: load it with --issues.")
    return IssueContent(path.name, issued_at, checksum(path, form), form, lambda: list(cells(path, form)))


def issue_contents(path: Path, source: Source) -> Iterator[IssueContent]:
    """Yield the issues of a folder, or of a file with changes, in the order of their instants.

    A folder has an INDEX.csv that lists the files (columns `file`, and `issued_at` or `committed_at`), and no other file is
    read; or every CSV file in it has its instant in its name, such as 2022-05-29T0003Z.

    Raises: FileRefused for a file without an instant, and for a file that cannot be read.
    """
    if path.is_dir():
        for issued_at, file in sorted(_instants(path).items()):
            yield file_content(file, source, issued_at)
        return
    form = form_of(path, source)
    if "issue" not in form.columns:
        raise FileRefused(f"{path.name} has no column of issues: load it with --file and --issued-at.")
    yield from _from_changes(path, form)


def parse_instant(text: str) -> datetime | None:
    """Return an instant with a time zone in UTC; None for another text."""
    try:
        instant = datetime.fromisoformat(text)
        return None if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _instants(folder: Path) -> dict[datetime, Path]:
    indexed = _index(folder)
    files: dict[datetime, Path] = {}
    for file in sorted(folder.iterdir()):
        if not file.name.lower().endswith(_SUFFIXES) or (file.name not in indexed and (indexed or file.name == _INDEX)):
            continue
        instant = indexed.get(file.name) or _instant_in(file.name)
        if instant is None:
            raise FileRefused(f"{file.name}: no time in the file name, such as 2022-05-29T0003Z, nor in {_INDEX}.")
        if instant in files:
            raise FileRefused(f"{file.name} and {files[instant].name} have the same time, {instant:%Y-%m-%d %H:%M:%S} UTC.")
        files[instant] = file
    if not files:
        raise FileRefused(f"{folder} has no CSV files of issues.")
    return files


def _index(folder: Path) -> dict[str, datetime]:
    """Return the instants of INDEX.csv by file name; empty without one."""
    path = folder / _INDEX
    if not path.exists():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as text:
        rows = list(csv.DictReader(text))
    column = next((name for name in _INDEX_TIMES if rows and name in rows[0]), None)
    if column is None or "file" not in rows[0]:
        raise FileRefused(f"{_INDEX} needs the columns file and {_INDEX_TIMES[0]}.")
    instants = {}
    for line, row in enumerate(rows, 2):
        instant = parse_instant(row[column] or "")
        if instant is None or not (folder / row["file"]).is_file():
            raise FileRefused(f"{_INDEX}, line {line}: no file {row['file']!r}, or no time with a time zone: {row[column]!r}.")
        instants[row["file"]] = instant
    return instants


def _instant_in(name: str) -> datetime | None:
    match = _INSTANT.search(name)
    try:
        return datetime(*(int(part or 0) for part in match.groups()), tzinfo=UTC) if match else None  # type: ignore[arg-type,misc]
    except ValueError:
        return None


def _from_changes(path: Path, source: Source) -> Iterator[IssueContent]:
    """Yield the issues of a file in which each row states a value from its issue on; an empty value withdraws it."""
    rows_by_issue: dict[datetime, list[Cell]] = {}
    instants: dict[str, datetime] = {}
    for cell in cells(path, source):
        if cell.issue not in instants:
            instant = parse_instant(cell.issue)
            if instant is None:
                raise FileRefused(f"{path.name}, line {cell.line}: {cell.issue!r} is not a time with a time zone.")
            instants[cell.issue] = instant
        # Each day, place and issue occurs many times.
        shared = cell._replace(
            period=intern(cell.period), province=intern(cell.province), place=intern(cell.place), issue=intern(cell.issue)
        )
        rows_by_issue.setdefault(instants[cell.issue], []).append(shared)
    values: dict[tuple[str, str, str], Cell] = {}
    sha256 = hashlib.sha256(repr(source).replace(str(source.path), "").encode()).hexdigest()
    for instant in sorted(rows_by_issue):
        digest = hashlib.sha256(f"{sha256} {instant.isoformat()}".encode())
        changed: set[tuple[str, str, str]] = set()
        for cell in rows_by_issue.pop(instant):
            key = (cell.province, cell.place, cell.period)
            if key in changed:
                raise FileRefused(f"{path.name}, line {cell.line}: a second change of the same value in the same issue.")
            changed.add(key)
            digest.update(f"\n{cell.province},{cell.place},{cell.period},{cell.value}".encode())
            if cell.value:
                values[key] = cell
            else:
                values.pop(key, None)
        sha256 = digest.hexdigest()
        yield IssueContent(path.name, instant, sha256, source, lambda: list(values.values()))
