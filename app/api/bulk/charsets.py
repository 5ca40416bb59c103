"""Character encoding of a bulk body: by byte order mark, then by declared charset, then UTF-8."""

import codecs
import io
from collections.abc import Iterator
from email.message import Message as Headers
from typing import IO

from api.http.body_errors import BodyInvalid, MediaTypeUnknown
from geography.translation import Message

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark is a prefix of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# By Python's codec name. ISO 8859-1 is decoded as Windows-1252, as in the WHATWG Encoding Standard.
_DECLARED = {
    "utf-8": "utf-8",
    "ascii": "utf-8",
    "utf-16": "utf-16",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "utf-32": "utf-32",
    "cp1252": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-15": "iso8859-15",
    "cp850": "cp850",
    "cp863": "cp863",
    "mac-roman": "mac-roman",
}
CHARSETS = ("utf-8", "utf-16", "utf-32", "windows-1252", "iso-8859-1", "iso-8859-15", "cp850", "cp863", "macintosh")


def charset_of(content_type: str) -> str:
    """Return the charset parameter of a Content-Type header, or an empty text."""
    headers = Headers()
    headers["Content-Type"] = content_type
    return str(headers.get_param("charset", "")).strip().lower()


def encoding_of(start: bytes, charset: str = "") -> str:
    """Return the name of the codec.

    Args:
        start: the first four bytes. A byte order mark takes precedence over the charset; without either, NUL bytes indicate
            UTF-16.
        charset: the declared charset, or an empty text.

    Raises: MediaTypeUnknown for an unsupported charset.
    """
    for bom, encoding in _BOMS:
        if start.startswith(bom):
            return encoding
    if charset:
        try:
            return _DECLARED[codecs.lookup(charset).name]
        except (LookupError, ValueError):
            raise MediaTypeUnknown(
                Message("The charset '%(charset)s' is not supported.", charset=charset[:40]),
                hint=Message("Use one of %(supported)s.", supported=list(CHARSETS)),
            ) from None
    if len(start) > 1 and (start[0] == 0) != (start[1] == 0):
        return "utf-16-be" if start[0] == 0 else "utf-16-le"
    return "utf-8"


def text_lines(source: IO[bytes], encoding: str, *, newline: str = "") -> Iterator[str]:
    """Yield the lines with their line ends, in constant memory.

    Args:
        newline: empty for lines that end with LF, CR or CRLF (CSV); LF for lines that end with LF only (NDJSON).

    Raises: BodyInvalid, with the line number, for bytes that are invalid in the encoding.
    """
    # The codecs of UTF-16 and UTF-32 do not support surrogateescape: they fail when a block is decoded, some lines ahead.
    errors = "strict" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
    name = encoding.removesuffix("-sig").upper().replace("CP1252", "Windows-1252")
    number = 0
    text = io.TextIOWrapper(source, encoding=encoding, errors=errors, newline=newline)
    try:
        for line in text:
            number += 1
            if not line.isascii():
                line.encode()
            yield line
    except UnicodeDecodeError:
        raise BodyInvalid(
            Message("The body is not valid %(encoding)s after line %(line)s.", encoding=name, line=number)
        ) from None
    except UnicodeEncodeError:
        raise BodyInvalid(
            Message("The body is not valid %(encoding)s: line %(line)s cannot be decoded.", encoding=name, line=number),
            hint=Message("Save the file as UTF-8, or declare its charset in Content-Type, such as charset=windows-1252."),
        ) from None


def to_utf8(body: bytes, charset: str) -> bytes:
    """Return JSON text as UTF-8 without a byte order mark. Raises: BodyInvalid, MediaTypeUnknown."""
    encoding = encoding_of(body[:4], charset)
    if encoding in ("utf-8", "utf-8-sig"):
        return body.removeprefix(codecs.BOM_UTF8)
    try:
        return body.decode(encoding).encode()
    except UnicodeError:
        raise BodyInvalid(Message("The body is not valid %(encoding)s.", encoding=encoding.upper())) from None
