"""Byte ranges of a file: the Range and If-Range headers (RFC 9110, section 14)."""

import re

_SINGLE_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)


class RangeUnsatisfiable(Exception):
    """The range begins after the end of the file."""


def requested_part(header: str | None, *, if_range: str | None, etag: str, size: int) -> range | None:
    """Return the requested range of bytes, None for the whole file.

    The whole file answers a header that is invalid or names several ranges (allowed by section 14.2), and an If-Range of
    another version (section 13.1.5). Files have no Last-Modified, so a date in If-Range never matches.

    Args:
        header: value of Range.
        if_range: value of If-Range.
        etag: strong ETag of the file, in its quotes.
        size: length of the file in bytes.

    Raises: RangeUnsatisfiable.
    """
    if header is None or (if_range is not None and if_range.strip() != etag):
        return None
    match = _SINGLE_RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        # Suffix range: the last bytes.
        if int(last) == 0 or size == 0:
            raise RangeUnsatisfiable
        return range(max(size - int(last), 0), size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise RangeUnsatisfiable
    return range(int(first), min(int(last) + 1, size) if last else size)
