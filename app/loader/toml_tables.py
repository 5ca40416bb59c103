"""TOML declarations: parsing of a file, and checks of the keys and types of its tables."""

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from types import UnionType
from typing import Any

from loader.errors import SourceError

# Type of a key with a number, whole or not.
NUMBER = int | float
_TYPE_NAMES: Mapping[type | UnionType, str] = {
    NUMBER: "a number",
    str: "text in quotes",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "given as KEY.NAME = … or {…}",
    date: "a date such as 2022-12-01",
    datetime: "a time such as 2022-11-16T23:08:20Z",
}


def read_document(path: Path) -> dict[str, Any]:
    """Return the parsed TOML. Raises: SourceError for a file that cannot be read or is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} is not valid TOML: {error}.") from error


def tables_of(document: Mapping[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Return the tables `[kind.NAME]` by name, none for a document without them. Raises: SourceError for other content."""
    tables = document.get(kind, {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise SourceError(f"{kind}: it must consist of tables such as [{kind}.NAME].")
    return tables


def check_keys(where: str, table: Mapping[str, Any], allowed: Iterable[str]) -> None:
    """Raise SourceError for a key that is not allowed."""
    unknown = sorted(set(table) - set(allowed))
    if unknown:
        raise SourceError(f"{where}: unknown key {unknown[0]!r}. Allowed keys: {', '.join(sorted(allowed))}.")


def check_types(where: str, table: Mapping[str, Any], types: Mapping[str, type | UnionType]) -> None:
    """Raise SourceError for a value of another type than declared; keys without a declared type are not checked."""
    for key, expected in types.items():
        if key in table and not _is(table[key], expected):
            raise SourceError(f"{where}: {key} must be {_TYPE_NAMES[expected]}, not {table[key]!r}.")


def _is(value: Any, expected: type | UnionType) -> bool:
    # In Python a bool is an int, and a datetime is a date.
    subclass = (isinstance(value, bool) and expected is not bool) or (isinstance(value, datetime) and expected is not datetime)
    return isinstance(value, expected) and not subclass


def required_text(where: str, table: Mapping[str, Any], key: str) -> str:
    """Return a text that a table must have. Raises: SourceError for a missing, empty or other value."""
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise SourceError(f"{where}: {key} is missing.")
    return value
