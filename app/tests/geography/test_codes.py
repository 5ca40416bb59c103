"""geography.codes: FSAs, postal codes, HRUIDs, DGUIDs and provinces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geography.codes import (
    PROVINCES,
    FsaInput,
    fsa_province,
    fsa_provinces,
    is_dguid,
    is_fsa,
    parse_fsa,
    parse_province,
)
from geography.errors import FsaMalformed, ParameterInvalid

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
UNUSED_LETTERS = "DFIOQU"


def outcome(parse, text):
    """Return what the parser returns, or the error that it documents; anything else it raises fails the test."""
    try:
        return parse(text)
    except (FsaMalformed, ParameterInvalid) as error:
        return error


@pytest.mark.parametrize("text", ["K1A", "k1a", " k1a ", "K-1-A", "k 1 a", "K\u00a01A", "\tK1A\n"])
def test_fsa_spelling_variants_are_parsed(text):
    assert parse_fsa(text) == FsaInput("K1A", from_postal_code=False)


@pytest.mark.parametrize("text", ["K1A0B1", "k1a 0b1", "k1a-0b1", "K1A–0B1", "K 1 A 0 B 1"])
def test_postal_code_is_reduced_to_its_fsa(text):
    assert parse_fsa(text) == FsaInput("K1A", from_postal_code=True)


@pytest.mark.parametrize("letter", LETTERS)
def test_first_letter_is_used_by_canada_post(letter):
    if letter in UNUSED_LETTERS + "WZ":
        with pytest.raises(FsaMalformed, match=f"No postal code begins with the letter '{letter}'"):
            parse_fsa(f"{letter}1A")
    else:
        assert parse_fsa(f"{letter}1A").code == f"{letter}1A"


@pytest.mark.parametrize("position", [2, 4])
@pytest.mark.parametrize("letter", LETTERS)
def test_other_letters_include_w_and_z(letter, position):
    code = "".join("K1A0B1"[number] if number != position else letter for number in range(6))
    if letter in UNUSED_LETTERS:
        with pytest.raises(FsaMalformed):
            parse_fsa(code)
    else:
        assert parse_fsa(code).code == code[:3]


@pytest.mark.parametrize("text", ["", " ", "-", "K", "K1", "K1A0", "K1A0B", "K1A0B12", "K1A" * 100_000])
def test_other_lengths_are_malformed(text):
    with pytest.raises(FsaMalformed, match="three characters"):
        parse_fsa(text)


@pytest.mark.parametrize("text", ["K١A", "К1A", "K²A", "K1Å", "K\x001A"[:4], "ẞ1"])
def test_other_scripts_are_malformed(text):
    with pytest.raises(FsaMalformed):
        parse_fsa(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("KOA", "Did you mean K0A?"),
        ("K1A OB1", "Did you mean K1A?"),
        ("KIA", "Did you mean K1A?"),
        ("51A", "Did you mean S1A?"),
        ("K15", "Did you mean K1S?"),
        ("W1A", None),
        ("KXA", None),
        ("0OA", None),
    ],
)
def test_look_alikes_get_a_valid_hint(text, hint):
    with pytest.raises(FsaMalformed) as caught:
        parse_fsa(text)
    assert (str(caught.value.hint) if caught.value.hint else None) == hint
    assert caught.value.parameter == "code"


@given(st.text())
def test_fuzzed_text_is_an_fsa_or_fsa_malformed(text):
    result = outcome(parse_fsa, text)
    if isinstance(result, FsaMalformed):
        assert result.message
        assert result.parameter == "code"
    else:
        assert is_fsa(result.code)
        assert parse_fsa(result.code) == FsaInput(result.code, from_postal_code=False)


@given(st.from_regex(r"[A-Za-z][0-9][A-Za-z][ -]?[0-9][A-Za-z][0-9]", fullmatch=True))
def test_postal_code_is_valid_unless_a_letter_is_unused(text):
    code = text.replace(" ", "").replace("-", "").upper()
    possible = not set(code) & set(UNUSED_LETTERS) and code[0] not in "WZ"
    result = outcome(parse_fsa, text)
    assert result == FsaInput(code[:3], from_postal_code=True) if possible else isinstance(result, FsaMalformed)


@pytest.mark.parametrize(
    ("text", "expected"), [("K1A", True), ("k1a", False), ("K1A ", False), ("W1A", False), ("K1A\n", False)]
)
def test_is_fsa_is_exact(text, expected):
    assert is_fsa(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2022A00073595", True), ("2021A0011M5V", True), ("2021S0512535.01", True), ("3595", False), ("2022a00073595", False)],
)
def test_dguid_has_vintage_type_and_code(text, expected):
    assert is_dguid(text) is expected


@given(st.text() | st.from_regex(r"[A-Z][0-9][A-Z]", fullmatch=True))
def test_fuzzed_text_is_an_fsa_if_parsing_leaves_it_unchanged(text):
    assert is_fsa(text) == (outcome(parse_fsa, text) == FsaInput(text, from_postal_code=False))


@given(st.text() | st.from_regex(r"[0-9A-Z]{4,12}", fullmatch=True))
def test_fuzzed_text_is_a_code_of_one_kind_at_most(text):
    assert not (is_fsa(text) and is_dguid(text))


@pytest.mark.parametrize(
    ("code", "letters"),
    [("A1A", "NL"), ("C1A", "PE"), ("H0H", "QC"), ("M5V", "ON"), ("Y1A", "YT"), ("X0A", "NU"), ("X0G", "NT"), ("X1A", "NT")],
)
def test_fsa_has_its_province(code, letters):
    province = fsa_province(code)
    assert province is not None
    assert province.abbreviation == letters
    assert fsa_provinces(code) == (province,)


def test_unused_x_fsa_could_be_nt_or_nu():
    assert fsa_province("X9X") is None
    assert [province.abbreviation for province in fsa_provinces("X9X")] == ["NT", "NU"]


@pytest.mark.parametrize("province", PROVINCES, ids=lambda province: province.abbreviation)
def test_province_is_parsed_by_pruid_or_abbreviation(province):
    for text in (province.pruid, province.abbreviation, f" {province.abbreviation.lower()} "):
        assert parse_province(text) == province


@given(st.text())
def test_fuzzed_text_is_a_province_or_parameter_invalid(text):
    result = outcome(parse_province, text)
    assert result.parameter == "province" if isinstance(result, ParameterInvalid) else result in PROVINCES


@pytest.mark.parametrize(
    "text", ["Ｍ５Ｖ", "Ｍ５Ｖ　３Ｌ９", "M5V\u200b", "\ufeffm5v", "M\u00ad5V", "M5V\u22123L9", "M5V\u20603L9"]
)
def test_full_width_and_invisible_characters_are_accepted(text):
    assert parse_fsa(text).code == "M5V"
