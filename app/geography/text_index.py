"""In-memory text index of names: finds entries by words, beginnings of words and words with one spelling error.

Case, accents, hyphens and apostrophes do not matter, and St, Ste and Sainte are Saint.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from geography.normalize import normalize

_SAME_WORD = {"st": "saint", "ste": "saint", "sainte": "saint", "mt": "mount", "ft": "fort"}
# Shorter words have too many neighbours.
_FORGIVEN_MIN_CHARACTERS = 4
_APOSTROPHES = str.maketrans("", "", "'’ʼ")


class Quality(IntEnum):
    """Quality of a match, best first. The quality of an entry is that of its worst matching word."""

    NAME = 0
    WORDS = 1
    BEGINNINGS = 2
    SIMILAR = 3


class Match(NamedTuple):
    """A match: its quality, whether an entry's name begins with the text, and the number of the entry."""

    quality: Quality
    begins: bool
    entry: int


class TextIndex:
    """Index of entries, each with one or more names."""

    def __init__(self, entries: Iterable[Sequence[str]]) -> None:
        """Build the index. Args: entries: the names of each entry; matches give its number, from 0."""
        self._names: list[tuple[str, ...]] = []
        self._entries_of: dict[str, set[int]] = defaultdict(set)
        for number, names in enumerate(entries):
            spellings = {" ".join(words) for name in names for words in _spellings(name)}
            self._names.append(tuple(spellings))
            for word in {word for spelling in spellings for word in spelling.split()}:
                self._entries_of[word].add(number)
        self._words = sorted(self._entries_of)
        self._by_deletion: dict[str, list[str]] = defaultdict(list)
        for word in self._words:
            if len(word) >= _FORGIVEN_MIN_CHARACTERS:
                for form in {word, *_deletions(word)}:
                    self._by_deletion[form].append(word)

    def search(self, text: str) -> list[Match]:
        """Return the entries that have every word of a text, best matches first.

        A word matches itself and longer words that begin with it. If no entry has all words, words with one letter added,
        removed or replaced, or with two adjacent letters exchanged, match too. Empty for a text without words.
        """
        words = _tokens(text)
        if not words:
            return []
        qualities = self._matches(words, forgiving=False) or self._matches(words, forgiving=True)
        joined = " ".join(words)
        matches = []
        for entry, quality in qualities.items():
            names = self._names[entry]
            exact = joined in names
            begins = any(name.startswith(joined) for name in names)
            matches.append(Match(Quality.NAME if exact else quality, begins, entry))
        return sorted(matches, key=lambda match: (match.quality, not match.begins, match.entry))

    def _matches(self, words: Sequence[str], *, forgiving: bool) -> dict[int, Quality]:
        """Return the worst quality of the words by entry, for the entries that have every word."""
        qualities = self._of_word(words[0], forgiving=forgiving)
        for word in words[1:]:
            if not qualities:
                break
            of_word = self._of_word(word, forgiving=forgiving)
            qualities = {entry: max(quality, of_word[entry]) for entry, quality in qualities.items() if entry in of_word}
        return qualities

    def _of_word(self, word: str, *, forgiving: bool) -> dict[int, Quality]:
        qualities: dict[int, Quality] = {}
        if forgiving and len(word) >= _FORGIVEN_MIN_CHARACTERS and not any(map(str.isdigit, word)):
            for form in {word, *_deletions(word)}:
                for similar in self._by_deletion.get(form, ()):
                    qualities |= dict.fromkeys(self._entries_of[similar], Quality.SIMILAR)
        for longer in self._beginning_with(word):
            qualities |= dict.fromkeys(self._entries_of[longer], Quality.BEGINNINGS)
        return qualities | dict.fromkeys(self._entries_of.get(word, ()), Quality.WORDS)

    def _beginning_with(self, word: str) -> Iterator[str]:
        position = bisect_left(self._words, word)
        while position < len(self._words) and self._words[position].startswith(word):
            yield self._words[position]
            position += 1


def _tokens(text: str) -> list[str]:
    return [_SAME_WORD.get(word, word) for word in normalize(text).split()]


def _spellings(name: str) -> set[tuple[str, ...]]:
    """Return the words of a name, with its apostrophes as gaps and without them: `st john s` and `st johns`."""
    return {tuple(_tokens(name)), tuple(_tokens(name.translate(_APOSTROPHES)))}


def _deletions(word: str) -> set[str]:
    """Return a word without one of its letters. Two words that share such a form are one or two errors apart."""
    return {word[:place] + word[place + 1 :] for place in range(len(word))}
