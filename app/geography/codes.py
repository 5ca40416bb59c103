"""Codes of provinces, health regions, FSAs and DGUIDs: syntax, parsing, and the province of an FSA."""

import re
import unicodedata
from dataclasses import dataclass

from geography.errors import FsaMalformed, ParameterInvalid
from geography.normalize import INVISIBLE, plain
from geography.translation import Message


@dataclass(frozen=True, slots=True)
class Province:
    """A province or territory: `pruid` is Statistics Canada's two digits, `abbreviation` Canada Post's two letters."""

    pruid: str
    abbreviation: str
    name_en: str
    name_fr: str


PROVINCES: tuple[Province, ...] = (
    Province("10", "NL", "Newfoundland and Labrador", "Terre-Neuve-et-Labrador"),
    Province("11", "PE", "Prince Edward Island", "Île-du-Prince-Édouard"),
    Province("12", "NS", "Nova Scotia", "Nouvelle-Écosse"),
    Province("13", "NB", "New Brunswick", "Nouveau-Brunswick"),
    Province("24", "QC", "Quebec", "Québec"),
    Province("35", "ON", "Ontario", "Ontario"),
    Province("46", "MB", "Manitoba", "Manitoba"),
    Province("47", "SK", "Saskatchewan", "Saskatchewan"),
    Province("48", "AB", "Alberta", "Alberta"),
    Province("59", "BC", "British Columbia", "Colombie-Britannique"),
    Province("60", "YT", "Yukon", "Yukon"),
    Province("61", "NT", "Northwest Territories", "Territoires du Nord-Ouest"),
    Province("62", "NU", "Nunavut", "Nunavut"),
)
PROVINCE_BY_PRUID = {province.pruid: province for province in PROVINCES}
_PROVINCE_BY_KEY = PROVINCE_BY_PRUID | {province.abbreviation: province for province in PROVINCES}

_PRUID_BY_LETTER = {
    **dict.fromkeys("GHJ", "24"),
    **dict.fromkeys("KLMNP", "35"),
    **{"A": "10", "B": "12", "C": "11", "E": "13", "R": "46", "S": "47", "T": "48", "V": "59", "Y": "60"},
}
# Two territories share the letter X. These are all the FSAs in use with it.
_PRUID_BY_X_FSA = {"X0A": "62", "X0B": "62", "X0C": "62", "X0E": "61", "X0G": "61", "X1A": "61"}

_FIRST_LETTERS = "ABCEGHJKLMNPRSTVXY"
_LETTERS = "ABCEGHJKLMNPRSTVWXYZ"
_DIGITS = "0123456789"
# Look-alike characters that people and OCR confuse. Copies of these and of the letters: web/assets/js/parse.js.
_LOOKALIKE_LETTER = {"0": "O", "1": "I", "5": "S", "8": "B", "2": "Z"}
_LOOKALIKE_DIGIT = {"O": "0", "Q": "0", "D": "0", "I": "1", "L": "1", "S": "5", "B": "8", "Z": "2"}

_SEPARATORS = re.compile(r"[\s\-]+")
_FSA = re.compile(rf"[{_FIRST_LETTERS}][0-9][{_LETTERS}]")
# Input that `parse_fsa` accepts, as a pattern for the OpenAPI document.
_GAP = rf"[\s\-\u00a0\u2010-\u2015{INVISIBLE.encode('unicode-escape').decode()}]*"
FSA_PATTERN = (
    f"^{_GAP}[{_FIRST_LETTERS}{_FIRST_LETTERS.lower()}]{_GAP}[0-9]{_GAP}[{_LETTERS}{_LETTERS.lower()}]"
    f"({_GAP}[0-9]{_GAP}[{_LETTERS}{_LETTERS.lower()}]{_GAP}[0-9])?{_GAP}$"
)
_DGUID = re.compile(r"[0-9]{4}[A-Z][0-9]{4}[0-9A-Z.\-]{1,12}")


@dataclass(frozen=True, slots=True)
class FsaInput:
    """An FSA read from text.

    Attributes:
        code: the FSA, three characters, upper case.
        from_postal_code: True if the text was a full postal code; its last three characters are ignored.
    """

    code: str
    from_postal_code: bool


def parse_fsa(text: str) -> FsaInput:
    """Read an FSA or a full postal code in any spelling: `m5v`, `M5V 3L9`, `m5v-3l9`; full-width and invisible characters too.

    Raises: FsaMalformed, with the first impossible character and, if a look-alike fits, a suggestion.
    """
    code = _SEPARATORS.sub("", plain(text)).upper()
    if len(code) not in (3, 6):
        raise FsaMalformed(
            Message("An FSA has three characters (letter, digit, letter) and a postal code six."),
            parameter="code",
        )
    for position, character in enumerate(code):
        allowed = _DIGITS if position % 2 else (_FIRST_LETTERS if position == 0 else _LETTERS)
        if character not in allowed:
            raise FsaMalformed(
                _cannot_be(code, position, character),
                parameter="code",
                hint=_suggestion(code),
            )
    return FsaInput(code[:3], from_postal_code=len(code) == 6)


_ORDINALS = (
    Message("first"),
    Message("second"),
    Message("third"),
    Message("fourth"),
    Message("fifth"),
    Message("sixth"),
)


def _cannot_be(code: str, position: int, character: str) -> Message:
    ordinal = _ORDINALS[position]
    if position % 2:
        return Message(
            "The %(ordinal)s character of a postal code is a digit; it cannot be '%(character)s'.",
            ordinal=ordinal,
            character=character,
        )
    if character.isalpha() and character.isascii():
        if position == 0:
            return Message("No postal code begins with the letter '%(letter)s'.", letter=character)
        return Message(
            "No postal code has as its %(ordinal)s character the letter '%(letter)s'.", ordinal=ordinal, letter=character
        )
    return Message(
        "The %(ordinal)s character of a postal code is a letter; it cannot be '%(character)s'.",
        ordinal=ordinal,
        character=character,
    )


def _suggestion(code: str) -> Message | None:
    """Return a suggestion with look-alike characters replaced, None if the result is not a possible FSA."""
    guess = "".join(
        (_LOOKALIKE_DIGIT if position % 2 else _LOOKALIKE_LETTER).get(character, character)
        for position, character in enumerate(code)
    )
    fits = guess != code and all(
        character in (_DIGITS if position % 2 else _LETTERS) for position, character in enumerate(guess)
    )
    return Message("Did you mean %(meant)s?", meant=guess[:3]) if fits and _FSA.fullmatch(guess[:3]) else None


def is_fsa(code: str) -> bool:
    """Return whether a code is a possible FSA in the spelling of Statistics Canada."""
    return _FSA.fullmatch(code) is not None


# The width of region.code.
CODE_MAX_CHARACTERS = 20
# Not \s, which matches U+0085: in text read as Latin-1, that is the ellipsis of Windows-1252.
SPACES = re.compile(r"[ \t\r\n\u00a0\u2000-\u200a\u2028-\u202f\u3000]+")


def normal_code(text: str) -> str:
    """Return a region's code in its stored form: upper case, NFC, single spaces inside, no spaces at the ends.

    Loads and requests use the same form, so every stored code can be requested.
    """
    composed = unicodedata.normalize("NFC", SPACES.sub(" ", text).strip())
    return unicodedata.normalize("NFC", composed.upper())


def code_problem(code: str) -> str | None:
    """Return the reason why a normalised code cannot be one path segment of a URL; None for a valid code."""
    if not 1 <= len(code) <= CODE_MAX_CHARACTERS:
        return f"the code has {len(code)} characters, and may have 1 to {CODE_MAX_CHARACTERS}"
    if odd := next((character for character in code if not character.isprintable() or character in "/\\"), None):
        name = unicodedata.name(odd, "a control character").lower()
        return f"the code holds U+{ord(odd):04X} ({name}), which no address can hold"
    if not code.strip("."):
        return "the code is made of dots alone, which no address can hold"
    return None


def is_dguid(code: str) -> bool:
    """Return whether a code has the form of a Dissemination Geography Unique Identifier, such as `2022A00073595`."""
    return _DGUID.fullmatch(code) is not None


def fsa_province(code: str) -> Province | None:
    """Return the province or territory that the letters of an FSA determine.

    Two territories share the letter X. Returns None for an X code that neither uses, instead of a guess.
    """
    pruid = _PRUID_BY_X_FSA.get(code) if code[:1] == "X" else _PRUID_BY_LETTER.get(code[:1])
    return PROVINCE_BY_PRUID[pruid] if pruid else None


def fsa_provinces(code: str) -> tuple[Province, ...]:
    """Return the provinces or territories that the letters of an FSA allow: one, or the two that share the letter X."""
    province = fsa_province(code)
    return (province,) if province else tuple(PROVINCE_BY_PRUID[pruid] for pruid in sorted(set(_PRUID_BY_X_FSA.values())))


def parse_province(text: str) -> Province:
    """Read a province from a PRUID (`35`) or an abbreviation (`ON`, `on`).

    Raises: ParameterInvalid, with the list of provinces.
    """
    province = _PROVINCE_BY_KEY.get(text.strip().upper())
    if province is None:
        allowed = [f"{province.abbreviation} ({province.pruid})" for province in PROVINCES]
        raise ParameterInvalid(
            Message("Unknown province or territory. Possible values: %(provinces)s.", provinces=allowed), parameter="province"
        )
    return province
