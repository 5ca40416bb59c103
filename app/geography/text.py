"""Text as people search for it, and addresses that they may be led to."""

import re
import unicodedata

_NOT_WORD = re.compile(r"[^0-9a-z]+")


def is_web_address(text: str) -> bool:
    """Say whether somebody may be led there: `javascript:` is an address, too."""
    return text.lower().startswith(("https://", "http://"))


def fold(text: str) -> str:
    """Return the text without case, accents, hyphens, dashes and other punctuation, words parted by one space.

    `Région du Saguenay—Lac-Saint-Jean` becomes `region du saguenay lac saint jean`. Text in other scripts folds to nothing.
    """
    # NFKD parts letters from accents and ligatures from each other; œ and æ are letters of their own and stay whole.
    spelled = text.casefold().replace("œ", "oe").replace("æ", "ae")
    plain = "".join(one for one in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(one))
    return _NOT_WORD.sub(" ", plain).strip()


def spellings(word: str) -> tuple[str, ...]:
    """Return the ways in which a folded word may stand in folded text: as it is, or parted where an apostrophe was.

    Who types `st johns` means `St. John's`, folded `st john s`; who types `durfe` means `D'Urfé`.
    """
    found = [word]
    if len(word) > 2 and word.endswith("s"):
        found.append(f"{word[:-1]} s")
    if len(word) > 2 and word[0] in "dl" and word[1] in "aeiouyh":
        found.append(f"{word[0]} {word[1:]}")
    return tuple(found)
