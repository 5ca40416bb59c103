"""Text as people search for it, and addresses that they may be led to."""

import re
import unicodedata

_NOT_WORD = re.compile(r"[^0-9a-z]+")
# Characters that show nothing: soft hyphen, zero-width space and joiners, marks of direction, word joiner, byte order mark.
INVISIBLE = "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_PLAIN = {full: full - 0xFEE0 for full in range(0xFF01, 0xFF5F)} | dict.fromkeys(
    (0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212, 0xFE58, 0xFE63), ord("-")
)


def plain(text: str) -> str:
    """Return the text as a keyboard types it: full-width characters in ASCII, every dash and U+2212 as `-`.

    Invisible characters and white space at the ends are dropped. Digits and letters of other scripts stay as they are.
    """
    if text.isascii():
        return text.strip()
    return _INVISIBLE.sub("", text).translate(_PLAIN).strip()


def is_web_address(text: str) -> bool:
    """Return whether a text is an address that a page may link to: `javascript:` addresses are not."""
    return text.lower().startswith(("https://", "http://"))


def normalize(text: str) -> str:
    """Return the text without case, accents, hyphens, dashes and other punctuation, words parted by one space.

    `Région du Saguenay—Lac-Saint-Jean` becomes `region du saguenay lac saint jean`. Text in other scripts folds to nothing.
    """
    # NFKD parts letters from accents and ligatures from each other; œ and æ are letters of their own and stay whole.
    spelled = text.casefold().replace("œ", "oe").replace("æ", "ae")
    plain = "".join(item for item in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(item))
    return _NOT_WORD.sub(" ", plain).strip()


def spelling_variants(word: str) -> tuple[str, ...]:
    """Return the ways in which a folded word may stand in folded text: as it is, or parted where an apostrophe was.

    Who types `st johns` means `St. John's`, folded `st john s`; who types `durfe` means `D'Urfé`.
    """
    results = [word]
    if len(word) > 2 and word.endswith("s"):
        results.append(f"{word[:-1]} s")
    if len(word) > 2 and word[0] in "dl" and word[1] in "aeiouyh":
        results.append(f"{word[0]} {word[1:]}")
    return tuple(results)
