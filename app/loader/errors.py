"""Exceptions that stop a load. Each message names the cause and the remedy.

LoadError
├── SourceError       invalid declaration or options of a layer
│   └── DownloadError failed download
├── FileRefused       file that is invalid, unsafe or ambiguous
├── GatesFailed       vintage that failed a gate
├── PublishError      publication, rollback or lock that would leave the service in a wrong state
└── Superseded        publication that another one replaced while its files were created
"""

from collections.abc import Mapping
from typing import Any

from django.db import Error, InterfaceError, OperationalError, ProgrammingError

_MESSAGE_MAX_CHARACTERS = 1_000


class LoadError(Exception):
    """Base class of all errors that stop a load."""


class SourceError(LoadError):
    """The declaration or the options of a layer are invalid."""


class DownloadError(SourceError):
    """The file cannot be downloaded."""


class FileRefused(LoadError):
    """The file is invalid, unsafe to read or ambiguous.

    The message may quote the file: it is cut to `_MESSAGE_MAX_CHARACTERS`, and characters that are not printable (terminal
    escape sequences) are replaced.
    """

    def __init__(self, message: str) -> None:
        if len(message) > _MESSAGE_MAX_CHARACTERS:
            message = f"{message[:_MESSAGE_MAX_CHARACTERS]} …"
        super().__init__("".join(character if character.isprintable() else "\ufffd" for character in message))


class GatesFailed(LoadError):
    """The vintage failed gates. `names` are the gates that failed, `report` is the report of the load."""

    def __init__(self, message: str, names: tuple[str, ...], report: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.names = names
        self.report = report


class PublishError(LoadError):
    """Publication, rollback or another load that runs would leave the service in a wrong state."""


class Superseded(LoadError):
    """Another publication or a rollback replaced the publication whose files were to be created."""


def database_error_message(error: Error) -> str:
    """Return one line for the user about a database error: unavailable, not migrated, or refused statement."""
    reason = " ".join(str(error).split())
    if isinstance(error, OperationalError | InterfaceError):
        return f"Database unavailable: {reason}"
    if isinstance(error, ProgrammingError) and "does not exist" in reason:
        return f"The database has no tables yet: run manage.py migrate ({reason})."
    return f"The database refused a statement: {reason}"
