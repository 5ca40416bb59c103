"""Text input as blocks of UTF-8 that end where a line ends, in constant memory."""

import codecs
from collections.abc import Iterator
from typing import IO

from covidtrends_geo.bulk.charsets import CHARSETS, codec_of

# Some 30,000 rows: large enough that a call of the engine fills its arrays, small enough for the memory of every core.
BLOCK_BYTES = 1 << 20
LINE_MAX_BYTES = 1 << 26


class InputInvalid(ValueError):
    """The input cannot be read, or only up to a line. The message is for users."""


class TextSource:
    """Input as UTF-8 without a byte order mark."""

    def __init__(self, stream: IO[bytes], charset: str = "") -> None:
        """Detect the encoding: `charsets.codec_of`. Raises: InputInvalid for an unsupported charset."""
        self._stream = stream
        start = stream.read(4)
        codec = codec_of(start, charset)
        if codec is None:
            raise InputInvalid(f"The charset '{charset[:40]}' is not supported. Use one of {', '.join(CHARSETS)}.")
        self._decoder: codecs.IncrementalDecoder | None = None
        if codec.startswith("utf-8"):
            self._start = start.removeprefix(codecs.BOM_UTF8)
        else:
            self._name = codec.upper().replace("CP1252", "Windows-1252")
            self._decoder = codecs.getincrementaldecoder(codec)()
            self._start = self._decoded(start, final=len(start) < 4, line=0)

    def blocks(self) -> Iterator[bytes]:
        """Yield blocks that end with LF; where there is none, with CR; the last as it ends.

        Raises: InputInvalid for bytes that are invalid in the encoding (other than UTF-8, which is checked later), and for a
        line longer than `LINE_MAX_BYTES`.
        """
        rest, line = self._start, 0
        while True:
            raw = self._stream.read(BLOCK_BYTES)
            block = rest + (self._decoded(raw, final=not raw, line=line) if self._decoder else raw)
            if not raw:
                if block:
                    yield block
                return
            # A CR at the end may be half a CRLF.
            end = block.rfind(b"\n") + 1 or block.rfind(b"\r", 0, len(block) - 1) + 1
            if not end and len(block) > LINE_MAX_BYTES:
                raise InputInvalid(f"A line is longer than {LINE_MAX_BYTES} bytes.")
            rest = block[end:]
            if end:
                if self._decoder:
                    line += block.count(b"\n", 0, end)
                yield block[:end]

    def _decoded(self, raw: bytes, *, final: bool, line: int) -> bytes:
        try:
            return self._decoder.decode(raw, final).encode() if self._decoder else raw
        except UnicodeError:
            raise InputInvalid(f"The file is not valid {self._name} after line {line}.") from None
