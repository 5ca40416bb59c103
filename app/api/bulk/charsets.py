"""Character encoding of a bulk body: by byte order mark, then by declared charset, then UTF-8."""

import codecs
import io
from collections.abc import Iterator
from email.message import Message as Headers
from typing import IO

from api.http.body_errors import BodyInvalid, MediaTypeUnknown
from covidtrends_geo.bulk.charsets import CHARSETS, codec_of
from geography.translation import Message


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
    codec = codec_of(start, charset)
    if codec is None:
        raise MediaTypeUnknown(
            Message("The charset '%(charset)s' is not supported.", charset=charset[:40]),
            hint=Message("Use one of %(supported)s.", supported=list(CHARSETS)),
        )
    return codec


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
