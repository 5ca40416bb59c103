"""Reader of Statistics Canada's files of dissemination blocks: people by position, and by health region where named."""

import csv
import gzip
import hashlib
import io
import re
import zipfile
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np

from geography.codes import PROVINCE_BY_PRUID
from loader.errors import FileRefused

# Names as in Statistics Canada's files, which differ by census. Attribute files: DBUID_IDIDU, DBPOP2021_IDPOP2021,
# DARPLAT_ADLAT in 2021; DBuid/IDidu, DBpop2016/IDpop2016, DArplat/Adlat in 2016, some after a space; DBuid, DBpop2011, DAlat in
# 2011. Correspondence files: DBUID2016, HRUID2018, DBPOP2016. The French twin of a name is not read.
_ENDING = r"(_?\d{4})?([_/].*)?"
_COLUMNS = {
    "block": re.compile(rf"DB_?UID{_ENDING}", re.IGNORECASE),
    "area": re.compile(rf"DA_?UID{_ENDING}", re.IGNORECASE),
    "people": re.compile(rf"DB_?POP{_ENDING}", re.IGNORECASE),
    "region": re.compile(rf"HR_?UID{_ENDING}", re.IGNORECASE),
    "lat": re.compile(rf"D[AB](RP)?LAT{_ENDING}", re.IGNORECASE),
    "lon": re.compile(rf"D[AB](RP)?LONG{_ENDING}", re.IGNORECASE),
}
# Province, census division, dissemination area and block: 2 digits of the block until 2011, 3 since.
_BLOCK = re.compile(r"\d{10,11}")
_AREA_DIGITS = 8
_ERRORS_MAX = 5
# Degrees around Canada: west, south, east, north.
_WEST, _SOUTH, _EAST, _NORTH = -142.0, 41.0, -52.0, 84.0

Position = tuple[float, float]


@dataclass
class Blocks:
    """Content of a block file.

    Attributes:
        rows: number of blocks.
        people: inhabitants by position (longitude, latitude).
        by_region: inhabitants by code of the health region; empty if the file names none.
        by_province: inhabitants by PRUID.
        region_vintage: year of the region codes, from the header; empty if it has none.
        without_people: number of blocks with an empty population, counted as 0.
        without_position: inhabitants of blocks without a position.
    """

    rows: int = 0
    people: Counter[Position] = field(default_factory=Counter)
    by_region: Counter[str] = field(default_factory=Counter)
    by_province: Counter[str] = field(default_factory=Counter)
    region_vintage: str = ""
    without_people: int = 0
    without_position: int = 0


class _Header(NamedTuple):
    """Column numbers by meaning; None for a column that the file lacks."""

    block: int | None
    area: int | None
    people: int | None
    region: int | None
    lat: int | None
    lon: int | None
    names: Sequence[str]


def digest(paths: Sequence[Path]) -> str:
    """Return the SHA-256 of the contents of files, one after the other. Raises: FileRefused."""
    total = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as file:
                while part := file.read(1 << 20):
                    total.update(part)
        except OSError as error:
            raise FileRefused(f"{path.name} cannot be read: {error.strerror}.") from error
    return total.hexdigest()


def read_positions(path: Path) -> dict[str, Position]:
    """Return the position of each dissemination area of a file, by its 8 digits; the first row of an area counts.

    Raises: FileRefused.
    """
    positions: dict[str, Position] = {}
    with _rows(path) as (header, rows):
        if header.lat is None or header.lon is None or header.block is header.area is None:
            raise FileRefused(
                f"{path.name} has no columns DBUID or DAUID, DARPLAT and DARPLONG. Its columns: {_list(header.names)}."
            )
        key = header.area if header.area is not None else header.block
        errors: list[str] = []
        for line, row in rows:
            area = _cell(row, key)[:_AREA_DIGITS]
            if area not in positions:
                position = _position(row, header, line, errors)
                if position is not None:
                    positions[area] = position
        _refuse(path, errors)
    return positions


def read_blocks(path: Path, positions: dict[str, Position] | None = None) -> Blocks:
    """Return the people of a block file. Reads row by row; memory grows with the number of positions, not with the file.

    Args:
        path: CSV, plain, gzipped, or the only CSV of a zip; Latin-1 or UTF-8. Empty rows and columns are skipped.
        positions: of dissemination areas, for a file without positions.

    Raises: FileRefused for a file without the columns, with rows that cannot be used (the first with line numbers), with a
        block twice, or without a block.
    """
    blocks, errors, keys = Blocks(), [], array("Q")
    with _rows(path) as (header, rows):
        if header.block is None or header.people is None:
            raise FileRefused(f"{path.name} has no columns DBUID and DBPOP. Its columns: {_list(header.names)}.")
        if positions is None and (header.lat is None or header.lon is None):
            raise FileRefused(
                f"{path.name} has no positions (DARPLAT, DARPLONG). Add --positions with Statistics Canada's geographic "
                f"attribute file (92-151-X), which has them. Its columns: {_list(header.names)}."
            )
        if header.region is not None:
            blocks.region_vintage = "".join(re.findall(r"\d{4}", header.names[header.region])[:1])
        digits = 0  # those of the first block: a file has codes of one census
        for line, row in rows:
            block, people = _cell(row, header.block), _cell(row, header.people)
            digits = digits or len(block)
            if not _BLOCK.fullmatch(block) or len(block) != digits or block[:2] not in PROVINCE_BY_PRUID:
                errors.append(f"line {line}: {block[:20]!r} is not the code of a dissemination block")
            elif people and not (people.isascii() and people.isdigit()):
                errors.append(f"line {line}: {people[:20]!r} is not a number of people")
            else:
                number = int(people or 0)
                keys.append(int(block))
                blocks.rows += 1
                blocks.without_people += not people
                blocks.by_province[block[:2]] += number
                if region := _cell(row, header.region):
                    blocks.by_region[region] += number
                position = positions.get(block[:_AREA_DIGITS]) if positions else _position(row, header, line, errors)
                if position is not None:
                    blocks.people[position] += number
                else:
                    blocks.without_position += number
            if len(errors) >= _ERRORS_MAX:
                break
    _refuse(path, errors)
    _refuse(path, _repeated(keys))
    if not blocks.rows:
        raise FileRefused(f"{path.name} has no blocks.")
    return blocks


@contextmanager
def _rows(path: Path) -> Iterator[tuple[_Header, Iterator[tuple[int, list[str]]]]]:
    """Open a file; yield its columns, and its rows that are not empty with their line numbers. Raises: FileRefused."""
    try:
        with _open(path) as text:
            reader = csv.reader(text)
            names = [name.strip().removeprefix("\u00ef\u00bb\u00bf") for name in next(reader, [])]
            numbers = {
                meaning: next((number for number, name in enumerate(names) if pattern.fullmatch(name)), None)
                for meaning, pattern in _COLUMNS.items()
            }
            full_rows = ((reader.line_num, row) for row in reader if any(cell.strip() for cell in row))
            yield _Header(**numbers, names=[name for name in names if name]), full_rows
    except OSError as error:
        raise FileRefused(f"{path.name} cannot be read: {error.strerror or error}.") from error
    except (csv.Error, EOFError, zipfile.BadZipFile) as error:
        raise FileRefused(f"{path.name} is damaged or not a CSV file: {error}.") from error


@contextmanager
def _open(path: Path) -> Iterator[TextIO]:
    # Latin-1 decodes every byte, and the columns that are read are digits in both encodings.
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
            if len(names) != 1:
                raise FileRefused(f"{path.name} has {len(names)} CSV files instead of one: {_list(names)}.")
            with archive.open(names[0]) as file, io.TextIOWrapper(file, "latin-1", newline="") as text:
                yield text
    elif path.suffix.lower() == ".gz":
        with gzip.open(path, "rt", encoding="latin-1", newline="") as text:
            yield text
    else:
        with path.open(encoding="latin-1", newline="") as text:
            yield text


def _position(row: Sequence[str], header: _Header, line: int, errors: list[str]) -> Position | None:
    """Return the position of a row; None if its cells are empty. Appends to `errors` if it is not in Canada."""
    lat, lon = _cell(row, header.lat), _cell(row, header.lon)
    if not lat and not lon:
        return None
    try:
        position = float(lon), float(lat)
    except ValueError:
        position = 0.0, 0.0
    if not (_WEST <= position[0] <= _EAST and _SOUTH <= position[1] <= _NORTH):
        errors.append(f"line {line}: {lat[:20]!r}, {lon[:20]!r} is not a position in Canada")
        return None
    return position


def _cell(row: Sequence[str], number: int | None) -> str:
    return row[number].strip() if number is not None and number < len(row) else ""


def _repeated(keys: "array[int]") -> list[str]:
    ordered = np.sort(np.array(keys, dtype=np.uint64))
    repeated = np.unique(ordered[1:][np.diff(ordered) == 0])
    return [f"block {block} occurs more than once" for block in repeated[:_ERRORS_MAX]]


def _refuse(path: Path, errors: Sequence[str]) -> None:
    if errors:
        raise FileRefused(f"{path.name}: {'; '.join(errors[:_ERRORS_MAX])}. Nothing was loaded.")


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) or "none"
