"""Text normalisation: input typed by people, and names that are compared."""

import re
import unicodedata

_NOT_WORD = re.compile(r"[^0-9a-z]+")
# Invisible characters: soft hyphen, zero-width space and joiners, directional marks, word joiner, byte order mark.
INVISIBLE = "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_PLAIN = {full: full - 0xFEE0 for full in range(0xFF01, 0xFF5F)} | dict.fromkeys(
    (0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212, 0xFE58, 0xFE63), ord("-")
)


def plain(text: str) -> str:
    """Return the text with full-width characters converted to ASCII and every dash and U+2212 converted to `-`.

    Removes invisible characters, and white space at the ends. Digits and letters of other scripts do not change.
    """
    if text.isascii():
        return text.strip()
    return _INVISIBLE.sub("", text).translate(_PLAIN).strip()


def normalize(text: str) -> str:
    """Return the text in lower case, without accents, hyphens, dashes and other punctuation, with single spaces between words.

    `Région du Saguenay—Lac-Saint-Jean` becomes `region du saguenay lac saint jean`. Characters of other scripts are removed.
    """
    # NFKD separates accents from letters and splits ligatures, but does not split the letters œ and æ.
    spelled = text.casefold().replace("œ", "oe").replace("æ", "ae")
    plain = "".join(character for character in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(character))
    return _NOT_WORD.sub(" ", plain).strip()
