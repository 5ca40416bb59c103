"""Validators of single parameters: text to a typed value, or an error that names the parameter."""

import difflib
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time

from api.requests.parser import has_invalid_characters, too_long, unknown_name
from geography.codes import CODE_MAX_CHARACTERS, code_problem, is_dguid, normal_code
from geography.errors import (
    CoverageUnknown,
    DownloadUnknown,
    ParameterInvalid,
    RegionUnknown,
    TileUnknown,
)
from geography.normalize import normalize
from geography.translation import Message

SEARCH_MAX_CHARACTERS = 100
LABEL_MAX_CHARACTERS = 40

SLUG_PATTERN = "^[a-z][0-9a-z-]{0,39}$"
_SLUG = re.compile(SLUG_PATTERN)
_FILE_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,159}")
_CHECKSUM = re.compile(r"[0-9a-f]{16,64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:)([0-9]{2})((\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))")
_INTEGER = re.compile(r"[0-9]{1,7}")
# Clients print floats with full precision, and small ones with an exponent.
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")


def read_choice(parameter: str, allowed: tuple[str, ...]) -> Callable[[str], str]:
    """Return a validator of an enumeration; case is ignored."""

    def reader(text: str) -> str:
        word = text.strip().lower()
        if word not in allowed:
            raise ParameterInvalid(
                Message("%(name)s must be one of %(allowed)s.", name=parameter, allowed=allowed), parameter=parameter
            )
        return word

    return reader


def read_names(parameter: str, allowed: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    """Return a validator of a comma-separated list of names.

    Case is ignored. The result has no duplicates and is in the order of `allowed`.
    """

    def reader(text: str) -> tuple[str, ...]:
        names = [name.strip().lower() for name in text.split(",")]
        for name in names:
            if name not in allowed:
                raise unknown_name(
                    Message("%(name)s contains an unknown property '%(property)s'.", name=parameter, property=name[:40]),
                    parameter,
                    suggestions=difflib.get_close_matches(name[:40], allowed, n=1),
                    names=allowed,
                )
        return tuple(name for name in allowed if name in names)

    return reader


def read_whole_number(parameter: str, minimum: int, maximum: int) -> Callable[[str], int]:
    """Return a validator of an integer in decimal digits, `minimum` to `maximum` inclusive."""

    def reader(text: str) -> int:
        # int() also accepts "1_0", "+1" and digits of other scripts.
        if not _INTEGER.fullmatch(text) or not minimum <= int(text) <= maximum:
            raise ParameterInvalid(
                Message(
                    "%(name)s must be an integer from %(minimum)s to %(maximum)s.",
                    name=parameter,
                    minimum=minimum,
                    maximum=maximum,
                ),
                parameter=parameter,
            )
        return int(text)

    return reader


def read_metres(parameter: str, maximum: float) -> Callable[[str], float]:
    """Return a validator of a distance in metres, a plain decimal number from 0 to `maximum` inclusive."""

    def reader(text: str) -> float:
        if not _DECIMAL.fullmatch(text) or float(text) > maximum:
            raise ParameterInvalid(
                Message("%(name)s must be a distance in metres from 0 to %(maximum)s.", name=parameter, maximum=maximum),
                parameter=parameter,
            )
        return float(text)

    return reader


def read_day(parameter: str) -> Callable[[str], date]:
    """Return a validator of a date, `YYYY-MM-DD` and no other form."""

    def reader(text: str) -> date:
        try:
            # fromisoformat() also accepts "20220101" and week dates.
            return date.fromisoformat(text if _DAY.fullmatch(text) else "")
        except ValueError:
            raise ParameterInvalid(
                Message("%(name)s must be a date, YYYY-MM-DD.", name=parameter), parameter=parameter
            ) from None

    return reader


def read_instant(parameter: str) -> Callable[[str], datetime]:
    """Return a validator of an instant (RFC 3339) in UTC, or of a date, which is the end of that day in UTC.

    A leap second is the second before it; an instant outside the years 1 to 9999 in UTC is the first or last one inside.
    """

    def reader(text: str) -> datetime:
        try:
            if _DAY.fullmatch(text):
                return datetime.combine(date.fromisoformat(text), time.max, UTC)
            parts = _INSTANT.fullmatch(text.upper())
            if parts is None:
                raise ValueError
            minute, second, rest, *_ = parts.groups()
            return _in_utc(datetime.fromisoformat(f"{minute}{'59' if second == '60' else second}{rest}"))
        except ValueError:
            raise ParameterInvalid(
                Message("%(name)s must be an instant with a time zone, or a date.", name=parameter),
                parameter=parameter,
                hint=Message("Write 2022-10-07T18:00:00Z or 2022-10-07. In a URL, a plus sign means a space."),
            ) from None

    return reader


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        return (datetime.min if instant.year == 1 else datetime.max).replace(tzinfo=UTC)


# `has_invalid_characters` and `str.isspace` as regular expressions, for the OpenAPI document. ECMA 262's \s, unlike Python's,
# does not match the separators U+001C to U+001F and U+0085.
_INVALID_CHARACTERS = r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufffd"
_SPACES = r"\s\x1c-\x1f\x85"


def _text(excluded: str = "") -> str:
    """Return a pattern without anchors: valid characters, at least one of them not a space, none of them in `excluded`."""
    valid = f"[^{_INVALID_CHARACTERS}{excluded}]*"
    return f"{valid}[^{_INVALID_CHARACTERS}{_SPACES}{excluded}]{valid}"


TEXT_PATTERN = f"^{_text()}$"


def list_pattern(most: int) -> str:
    """Return the pattern of a comma-separated list of 1 to `most` texts."""
    return f"^{_text(',')}(,{_text(',')}){{0,{most - 1}}}$"


def read_search(text: str) -> str:
    """Return the search text. Raises: ParameterInvalid beyond SEARCH_MAX_CHARACTERS, or without a letter or digit."""
    if len(text) > SEARCH_MAX_CHARACTERS:
        raise ParameterInvalid(too_long("q", SEARCH_MAX_CHARACTERS), parameter="q")
    if not normalize(text):
        raise ParameterInvalid(Message("q must contain a letter of English or French, or a digit."), parameter="q")
    return text


def read_label(parameter: str) -> Callable[[str], str]:
    """Return a validator of a vintage label."""

    def reader(text: str) -> str:
        # PostgreSQL rejects text with NUL.
        if len(text) > LABEL_MAX_CHARACTERS or has_invalid_characters(text):
            raise ParameterInvalid(
                Message(
                    "%(name)s must be the label of a vintage, at most %(most)s characters; /vintages lists them.",
                    name=parameter,
                    most=LABEL_MAX_CHARACTERS,
                ),
                parameter=parameter,
            )
        return text.strip()

    return reader


def read_coverage(text: str) -> str:
    """Return the name of a coverage. Raises: CoverageUnknown if the text is not a valid name."""
    slug = text.strip().lower()
    if not _SLUG.fullmatch(slug):
        raise CoverageUnknown(
            Message("This is not a valid coverage name."),
            parameter="coverage",
            hint=Message("/coverages lists the coverages."),
        )
    return slug


def read_tile_number(parameter: str) -> Callable[[str], int]:
    """Return a validator of a tile's zoom, column or row, which raises TileUnknown for anything but decimal digits."""

    def reader(text: str) -> int:
        if not _INTEGER.fullmatch(text):
            raise TileUnknown(Message("%(parameter)s must be an integer.", parameter=parameter), parameter=parameter)
        return int(text)

    return reader


def read_region_code(text: str) -> str:
    """Return the code or DGUID of a region of any coverage. Raises: RegionUnknown if the text is not a valid code."""
    key = normal_code(text)
    if code_problem(key) and not is_dguid(key):
        raise RegionUnknown(
            Message("This is not a valid region code."),
            parameter="code",
            hint=Message("A code has 1 to %(most)s characters.", most=CODE_MAX_CHARACTERS),
        )
    return key


def read_file_name(text: str) -> str:
    """Return the name of a download. Raises: DownloadUnknown if the text is not a valid file name."""
    if not _FILE_NAME.fullmatch(text):
        raise DownloadUnknown(
            Message("This is not a valid file name."), parameter="file", hint=Message("/downloads lists the files.")
        )
    return text


def read_checksum(text: str) -> str:
    """Return a SHA-256 checksum or a prefix of 16 digits or more. Raises: DownloadUnknown for any other text."""
    if not _CHECKSUM.fullmatch(text):
        raise DownloadUnknown(
            Message("This is not a valid SHA-256 checksum."),
            parameter="sha256",
            hint=Message("/downloads has the current checksum."),
        )
    return text


def read_region_id(text: str) -> str:
    """Return the HRUID or DGUID of a health region. Raises: RegionUnknown if the text is not a valid code."""
    key = normal_code(text)
    if code_problem(key) and not is_dguid(key):
        raise RegionUnknown(
            Message("This is not a valid health region id."),
            parameter="id",
            hint=Message("Use an HRUID (four digits, such as 3595) or a DGUID (such as 2022A00073595)."),
        )
    return key
