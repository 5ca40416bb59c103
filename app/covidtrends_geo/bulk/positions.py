"""Validity of positions, and numbers in text."""

import numpy as np
import numpy.typing as npt

from covidtrends_geo.bulk.text import plain
from covidtrends_geo.constants import CANADA_EAST, CANADA_NORTH, CANADA_SOUTH, CANADA_WEST

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

_MAX_DIGITS = 40
# Significant digits that every float64 holds exactly, so that one division by a power of ten is rounded once, as by float().
_EXACT_DIGITS = 15
_EXACT_LENGTH = 20
_POWERS = 10.0 ** np.arange(_EXACT_LENGTH + 1)
_DIGITS_AND_MARKS = frozenset(b"0123456789.+-")


def plausible(lon: Floats, lat: Floats) -> Booleans:
    """Return whether positions are finite, in range, and not in Canada only with degrees swapped or a sign changed (arrays)."""
    good = _in_canada(lon, lat)
    if good.all():
        return good
    with np.errstate(invalid="ignore"):
        good |= (
            (np.abs(lat) <= 90)
            & (np.abs(lon) <= 180)
            & ~(_in_canada(-lon, lat) | _in_canada(lat, lon) | _in_canada(lat, -lon) | _in_canada(-lat, lon))
        )
    return good


def _in_canada(lon: Floats, lat: Floats) -> Booleans:
    with np.errstate(invalid="ignore"):
        inside: Booleans = (lat >= CANADA_SOUTH) & (lat <= CANADA_NORTH) & (lon >= CANADA_WEST) & (lon <= CANADA_EAST)
    return inside


def number(text: str) -> float:
    """Return the decimal degrees in a text; NaN for a text that is not a number. A decimal comma is accepted."""
    if text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    stripped = plain(text)
    # float() also accepts "1_000" and digits of other scripts, which are not coordinates.
    if not stripped or len(stripped) > _MAX_DIGITS or not stripped.isascii() or "_" in stripped:
        return float("nan")
    try:
        return float(stripped)
    except ValueError:
        return float("nan")


def numbers(block: bytes, content: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> Floats:
    """Return the numbers in fields of a block, as float() reads them; NaN for a field that `number` has to read.

    Args:
        content: the bytes of the block.
        starts, ends: of each field in the block.
    """
    last = len(content) - 1
    starts, ends = starts.copy(), ends.copy()
    while (spaces := (content[np.minimum(starts, last)] == 32) & (starts < ends)).any():
        starts += spaces
    while (spaces := (content[np.maximum(ends - 1, 0)] == 32) & (starts < ends)).any():
        ends -= spaces
    lengths = ends - starts
    first = content[np.minimum(starts, last)]
    negative = (first == 45) & (lengths > 0)
    signed = negative | ((first == 43) & (lengths > 0))
    mantissa = np.zeros(len(starts), dtype=np.int64)
    digits, decimals, dots = (np.zeros(len(starts), dtype=np.int8) for _ in range(3))
    exact = lengths <= _EXACT_LENGTH
    for place in range(min(int(lengths.max(initial=0)), _EXACT_LENGTH)):
        active = lengths > place
        character = content[np.minimum(starts + place, last)]
        digit = character - np.uint8(48)
        is_digit = (digit <= 9) & active
        is_dot = (character == 46) & active
        exact &= is_digit | is_dot | ~active | (signed if place == 0 else False)
        # Digits beyond the 15th overflow nothing: 20 digits are less than 2**67, and such fields are read again below.
        mantissa = np.where(is_digit, mantissa * 10 + digit, mantissa)
        dots += is_dot
        digits += is_digit
        decimals += is_digit & (dots > 0)
    clean = exact & (dots <= 1) & (digits > 0)
    short = clean & (digits <= _EXACT_DIGITS)
    values = np.where(short, mantissa / _POWERS[decimals], np.nan)
    values[negative] *= -1
    # More digits than a float64 holds, as programs write them: all are digits with one dot, so float() reads them.
    for index in np.flatnonzero(~short & (lengths > 0) & (lengths <= _MAX_DIGITS)).tolist():
        field = block[starts[index] : ends[index]]
        if _DIGITS_AND_MARKS.issuperset(field):
            values[index] = _float(field)
    return values


def _float(field: bytes) -> float:
    try:
        return float(field)
    except ValueError:
        return float("nan")
