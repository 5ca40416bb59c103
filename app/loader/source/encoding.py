"""Text encoding of a shapefile's attribute table (.dbf): detection and names of encodings."""

import codecs
import re
from pathlib import Path

from loader.errors import FileRefused

_HEADER_BYTES = 32
_LANGUAGE_BYTE = 29
# dBASE language drivers in use; 0 where the writer set none.
_LANGUAGE_DRIVERS = {0x03: "cp1252", 0x57: "cp1252", 0x01: "cp437", 0x02: "cp850", 0x64: "cp852", 0xC8: "cp1250"}
_CHUNK = 1 << 20


def table_encoding(dbf: Path, *, wanted: str, declared: str | None) -> str:
    """Return the Python name of the encoding of a .dbf.

    Order of precedence: the layer's declaration, the .cpg, the table's language byte, UTF-8 if the whole table is valid UTF-8,
    else Windows-1252 (Statistics Canada's older files).

    Args:
        wanted: encoding that the layer declares; empty for none.
        declared: content of the .cpg; None without one.

    Raises: FileRefused for an unknown encoding, and for a table that is truncated.
    """
    if wanted:
        return encoding_named(wanted, "The layer")
    if declared:
        return encoding_named(declared, "The .cpg file")
    with dbf.open("rb") as file:
        header = file.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES:
            raise FileRefused("The .dbf is truncated: download the file again.")
        by_language_byte = _LANGUAGE_DRIVERS.get(header[_LANGUAGE_BYTE])
        if by_language_byte:
            return by_language_byte
        file.seek(int.from_bytes(header[8:10], "little"))
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


def encoding_named(name: str, declared_by: str) -> str:
    """Return the Python name of an encoding. Raises: FileRefused for an unknown name, with the place that declares it."""
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
        # Codecs that are no text encodings (hex, rot13, undefined) fail here.
        b" ".decode(name_in_python)
    except (LookupError, UnicodeError):
        raise FileRefused(
            f"{declared_by} declares the encoding {name[:40]!r}, which is unknown: give one with --encoding."
        ) from None
    return name_in_python
