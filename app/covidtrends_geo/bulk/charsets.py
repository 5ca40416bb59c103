"""Character encodings of files and bodies: by byte order mark, then as declared, then UTF-8."""

import codecs

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


def codec_of(start: bytes, charset: str = "") -> str | None:
    """Return the name of the codec; None for an unsupported charset.

    Args:
        start: the first four bytes. A byte order mark takes precedence over the charset; without either, NUL bytes indicate
            UTF-16.
        charset: the declared charset, or an empty text.
    """
    for bom, encoding in _BOMS:
        if start.startswith(bom):
            return encoding
    if charset:
        try:
            return _DECLARED.get(codecs.lookup(charset).name)
        except (LookupError, ValueError):
            return None
    if len(start) > 1 and (start[0] == 0) != (start[1] == 0):
        return "utf-16-be" if start[0] == 0 else "utf-16-le"
    return "utf-8"
