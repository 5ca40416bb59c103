"""Errors that stop a load. Each message names the fault and the remedy.

LoadError
├── SourceError       the layer's declaration, or the way to its file, is wrong
│   └── DownloadError the file cannot be fetched
├── FileRefused       the file is no boundary file that can be read safely and without guessing
├── GatesFailed       it was read, but what it holds must not be published as it is
└── PublishError      publishing or rolling back would leave the service in a wrong state
"""

from collections.abc import Mapping
from typing import Any

from django.db import Error, InterfaceError, OperationalError, ProgrammingError

_LONGEST_MESSAGE = 1_000


class LoadError(Exception):
    """Base of the tree."""


class SourceError(LoadError):
    """The layer's declaration, or the way to its file, is wrong."""


class DownloadError(SourceError):
    """The file cannot be fetched."""


class FileRefused(LoadError):
    """The file is no boundary file that can be read safely and without guessing.

    The message often repeats what stands in the file: of that no more is shown than a person reads, and nothing that a
    terminal would obey.
    """

    def __init__(self, message: str) -> None:
        shown = message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]} …"
        super().__init__("".join(item if item.isprintable() else "\ufffd" for item in shown))


class GatesFailed(LoadError):
    """What the file holds must not be published as it is. `names` are the gates that failed, `report` is that of the load."""

    def __init__(self, message: str, names: tuple[str, ...], report: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.names = names
        self.report = report


class PublishError(LoadError):
    """Publishing or rolling back would leave the service in a wrong state."""


def database_error_message(error: Error) -> str:
    """Return one line about a database that does not do what it should."""
    said = " ".join(str(error).split())
    if isinstance(error, OperationalError | InterfaceError):
        return f"The database does not answer: {said}"
    if isinstance(error, ProgrammingError) and "does not exist" in said:
        return f"The database has no tables yet: run manage.py migrate ({said})."
    return f"The database refuses: {said}"
