"""Validators: the text of one parameter to a value, or an error that names the parameter."""

import difflib
import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from geography.codes import CODE_MAX_CHARACTERS, code_problem, is_dguid, normal_code
from geography.errors import (
    CoverageUnknown,
    DownloadUnknown,
    InvalidInput,
    ParameterInvalid,
    RegionUnknown,
    TileUnknown,
)
from geography.normalize import normalize
from geography.translation import Message

SEARCH_MAX_CHARACTERS = 100
LABEL_MAX_CHARACTERS = 40

_SLUG = re.compile(r"[a-z][0-9a-z-]{0,39}")
_FILE_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{0,159}")
_CHECKSUM = re.compile(r"[0-9a-f]{16,64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INTEGER = re.compile(r"[0-9]{1,7}")
# Phones and languages write all the digits they have, and small numbers with an exponent.
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")


def read_with_parameter(parameter: str, read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return the reader with its errors put down to this parameter."""

    def reader(text: str) -> Any:
        try:
            return read(text)
        except InvalidInput as error:
            error.parameter = parameter
            raise

    return reader


def too_long(parameter: str, most: int) -> Message:
    """Return what is said of a value with too many characters."""
    return Message("%(name)s is longer than %(most)s characters.", name=parameter, most=most)


def read_choice(parameter: str, allowed: tuple[str, ...]) -> Callable[[str], str]:
    """Return a reader of one word of a list, in any case."""

    def reader(text: str) -> str:
        word = text.strip().lower()
        if word not in allowed:
            raise ParameterInvalid(
                Message("%(name)s is one of %(allowed)s.", name=parameter, allowed=allowed), parameter=parameter
            )
        return word

    return reader


def read_names(parameter: str, known_values: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    """Return a reader of names with commas between them, in any case; they come back once each, in the order of `known`."""

    def reader(text: str) -> tuple[str, ...]:
        names = [name.strip().lower() for name in text.split(",")]
        for name in names:
            if name not in known_values:
                raise unknown_name(
                    Message("%(name)s holds '%(given)s', which is no property here.", name=parameter, given=name[:40]),
                    parameter,
                    like=difflib.get_close_matches(name[:40], known_values, n=1),
                    names=known_values,
                )
        return tuple(name for name in known_values if name in names)

    return reader


def unknown_name(message: Message, parameter: str, *, like: Sequence[str], names: Sequence[str]) -> ParameterInvalid:
    """Return the error for a name that there is not, with what was likely meant."""
    hint = (
        Message("Did you mean %(meant)s?", meant=like[0]) if like else Message("Known here are %(known)s.", known=sorted(names))
    )
    return ParameterInvalid(message, parameter=parameter, hint=hint)


def read_whole_number(parameter: str, minimum: int, maximum: int) -> Callable[[str], int]:
    """Return a reader of a whole number, written in plain digits, between two bounds."""

    def reader(text: str) -> int:
        # int() would also read "1_0", "+1" and digits of other scripts.
        if not _INTEGER.fullmatch(text) or not minimum <= int(text) <= maximum:
            raise ParameterInvalid(
                Message(
                    "%(name)s is a whole number from %(minimum)s to %(maximum)s.",
                    name=parameter,
                    minimum=minimum,
                    maximum=maximum,
                ),
                parameter=parameter,
            )
        return int(text)

    return reader


def read_metres(parameter: str, maximum: float) -> Callable[[str], float]:
    """Return a reader of a distance in metres, written in plain digits, from 0 to a maximum."""

    def reader(text: str) -> float:
        if not _DECIMAL.fullmatch(text) or float(text) > maximum:
            raise ParameterInvalid(
                Message("%(name)s is a number of metres from 0 to %(maximum)s.", name=parameter, maximum=maximum),
                parameter=parameter,
            )
        return float(text)

    return reader


def read_day(text: str) -> date:
    """Read a calendar day, `YYYY-MM-DD` and nothing else. Raises: ParameterInvalid."""
    try:
        # fromisoformat() alone also reads "20220101" and week dates.
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise ParameterInvalid(Message("at is a calendar day, YYYY-MM-DD."), parameter="at") from None


# The same for the OpenAPI document.
_INVALID_CHARACTERS = r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufffd"
TEXT_PATTERN = rf"^[^{_INVALID_CHARACTERS}]*[^{_INVALID_CHARACTERS}\s][^{_INVALID_CHARACTERS}]*$"


def has_invalid_characters(text: str) -> bool:
    """Say whether the text holds a control character (NUL is one that PostgreSQL cannot even be asked for) or was no UTF-8.

    White space is fine: people paste it.
    """
    if text.isprintable() and "\ufffd" not in text:
        return False
    # What is no UTF-8 arrives as U+FFFD.
    return any(item == "\ufffd" or (unicodedata.category(item) in ("Cc", "Cs") and not item.isspace()) for item in text)


def read_search(text: str) -> str:
    """Read words to search for. Raises: ParameterInvalid beyond SEARCH_MAX_CHARACTERS and where there is no word."""
    if len(text) > SEARCH_MAX_CHARACTERS:
        raise ParameterInvalid(too_long("q", SEARCH_MAX_CHARACTERS), parameter="q")
    if not normalize(text):
        raise ParameterInvalid(Message("q holds no letter of English or French and no digit."), parameter="q")
    return text


def read_label(parameter: str) -> Callable[[str], str]:
    """Return a reader of a vintage's label."""

    def reader(text: str) -> str:
        # PostgreSQL cannot even be asked for text that holds a NUL.
        if len(text) > LABEL_MAX_CHARACTERS or has_invalid_characters(text):
            raise ParameterInvalid(
                Message(
                    "%(name)s is the label of a vintage, at most %(most)s characters; /vintages lists them.",
                    name=parameter,
                    most=LABEL_MAX_CHARACTERS,
                ),
                parameter=parameter,
            )
        return text.strip()

    return reader


def read_coverage(text: str) -> str:
    """Read the name of a coverage. Raises: CoverageUnknown where the text has not the form of one."""
    slug = text.strip().lower()
    if not _SLUG.fullmatch(slug):
        raise CoverageUnknown(
            Message("No coverage can have this name."),
            parameter="coverage",
            hint=Message("/coverages lists what there is."),
        )
    return slug


def read_tile_number(parameter: str) -> Callable[[str], int]:
    """Return a reader of a tile's zoom, column or row. Raises: TileUnknown for anything but plain digits."""

    def reader(text: str) -> int:
        if not _INTEGER.fullmatch(text):
            raise TileUnknown(Message("%(parameter)s is a whole number.", parameter=parameter), parameter=parameter)
        return int(text)

    return reader


def read_region_code(text: str) -> str:
    """Read a region's code or its DGUID, whatever its coverage. Raises: RegionUnknown where no region can have it."""
    key = normal_code(text)
    if code_problem(key) and not is_dguid(key):
        raise RegionUnknown(
            Message("No region can have this code."),
            parameter="code",
            hint=Message("A code has 1 to %(most)s characters.", most=CODE_MAX_CHARACTERS),
        )
    return key


def read_file_name(text: str) -> str:
    """Read the name of a file to take away. Raises: DownloadUnknown where no file is called so."""
    if not _FILE_NAME.fullmatch(text):
        raise DownloadUnknown(
            Message("No file can have this name."), parameter="file", hint=Message("/downloads lists what there is.")
        )
    return text


def read_checksum(text: str) -> str:
    """Read a checksum or how it begins. Raises: DownloadUnknown where it cannot be one."""
    if not _CHECKSUM.fullmatch(text):
        raise DownloadUnknown(
            Message("No checksum looks like this."), parameter="sha256", hint=Message("/downloads names the current one.")
        )
    return text


def read_region_id(text: str) -> str:
    """Read an HRUID or a DGUID: any code that a load accepts. Raises: RegionUnknown where no region can have it."""
    key = normal_code(text)
    if code_problem(key) and not is_dguid(key):
        raise RegionUnknown(
            Message("No health region can have this id."),
            parameter="id",
            hint=Message("A health region is named by its HRUID (four digits, such as 3595) or by its DGUID (2022A00073595)."),
        )
    return key
