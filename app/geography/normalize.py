"""Text normalisation for search and input, and a check of web addresses."""

from covidtrends_geo.bulk.text import INVISIBLE, normalize, plain

__all__ = ["INVISIBLE", "is_web_address", "normalize", "plain", "spelling_variants"]


def is_web_address(text: str) -> bool:
    """Return whether a text is an `http:` or `https:` address, which a page can link to; `javascript:` is not."""
    return text.lower().startswith(("https://", "http://"))


def spelling_variants(word: str) -> tuple[str, ...]:
    """Return the forms of a normalised word in normalised text: unchanged, or split at the place of an apostrophe.

    A search for `st johns` finds `St. John's`, normalised `st john s`; a search for `durfe` finds `D'Urfé`.
    """
    variants = [word]
    if len(word) > 2 and word.endswith("s"):
        variants.append(f"{word[:-1]} s")
    if len(word) > 2 and word[0] in "dl" and word[1] in "aeiouyh":
        variants.append(f"{word[0]} {word[1:]}")
    return tuple(variants)
