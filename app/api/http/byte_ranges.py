"""Byte ranges of a file (RFC 9110, section 14)."""

import re

_ONE_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)


class RangeUnsatisfiable(Exception):
    """The part asked for begins where the file has ended."""


def requested_part(header: str | None, *, if_range: str | None, etag: str, size: int) -> range | None:
    """Return which bytes are asked for, None for all of them.

    What cannot be read, or names several parts, is answered by the whole: section 14.2 allows that. So is a part of another
    version than this one (section 13.1.5; nothing here has a date, so a date is another version).

    Args:
        header: Range. if_range: If-Range.
        etag: of this version, strong, in its quotes.

    Raises: RangeUnsatisfiable.
    """
    if header is None or (if_range is not None and if_range.strip() != etag):
        return None
    match = _ONE_RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        # The last so many bytes.
        if int(last) == 0 or size == 0:
            raise RangeUnsatisfiable
        return range(max(size - int(last), 0), size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise RangeUnsatisfiable
    return range(int(first), min(int(last) + 1, size) if last else size)
