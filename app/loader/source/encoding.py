"""Text encoding of a shapefile's table. Most files declare none, some the wrong one."""

import codecs
import re
from pathlib import Path

from loader.errors import FileRefused

_HEADER_BYTES = 32
_LANGUAGE_BYTE = 29
# Language drivers of dBASE that occur in practice; the byte is 0 where the writer did not care.
_LANGUAGES = {0x03: "cp1252", 0x57: "cp1252", 0x01: "cp437", 0x02: "cp850", 0x64: "cp852", 0xC8: "cp1250"}
_CHUNK = 1 << 20


def table_encoding(dbf: Path, *, wanted: str, declared: str | None) -> str:
    """Return the Python name of the encoding to read a .dbf with.

    In this order: what the layer says, the .cpg, the table's language byte; where none says anything, UTF-8 if the
    whole table is valid UTF-8, else Windows-1252, which is what Statistics Canada's older files are in.

    Args:
        wanted: the layer's encoding, empty where it states none.
        declared: the content of the .cpg, None where there is none.

    Raises: FileRefused for a name that nobody knows.
    """
    if wanted:
        return encoding_named(wanted, "The layer")
    if declared:
        return encoding_named(declared, "The .cpg file")
    with dbf.open("rb") as file:
        header = file.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES:
            raise FileRefused("The .dbf is cut short: get the whole download.")
        by_language = _LANGUAGES.get(header[_LANGUAGE_BYTE])
        if by_language:
            return by_language
        file.seek(int.from_bytes(header[8:10], "little"))
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


def encoding_named(name: str, who: str) -> str:
    """Return the Python name of an encoding. Raises: FileRefused for a name that nobody knows, saying who gave it."""
    # ".cpg" files hold 1252, ANSI 1252, UTF-8, ISO 88591, ISO-8859-1, 88591 …
    key = re.sub(r"[^0-9a-z]", "", name.lower())
    key = re.sub(r"^(ansi|oem|windows|cp)(?=\d)", "", key)
    # Windows numbers ISO 8859-1 as 28591, and UTF-8 as 65001.
    if match := re.fullmatch(r"(?:(?:iso)?8859|2859(?=\d$))(\d{1,2})", key):
        key = f"iso8859-{match[1]}"
    elif re.fullmatch(r"\d{3,5}", key):
        key = f"cp{key}"
    try:
        name_in_python = codecs.lookup(key).name
        # Python knows codecs that are no encodings of text (hex, rot13, undefined): those fail here.
        b" ".decode(name_in_python)
    except (LookupError, UnicodeError):
        raise FileRefused(f"{who} names the encoding {name[:40]!r}, which nobody knows: give one with --encoding.") from None
    return name_in_python
