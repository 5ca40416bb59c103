"""Text encoding of .dbf tables: detection, .cpg, language byte, mojibake; normalisation of attributes."""

from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from loader.errors import FileRefused
from loader.source.archive import open_layer
from loader.source.attributes import Attributes, as_text, is_mojibake, normalise
from loader.source.declarations import read_sources
from loader.source.encoding import encoding_named
from loader.source.reader import open_reader
from tests.support import boundary_files as files

# Two names from Statistics Canada's files, and a name with the ligature œ.
NAMES = ["Région du Saguenay—Lac-Saint-Jean", "Région de l'Île-d'Orléans – Côte", "Région du Sacré-Cœur"]


def names_read(path: Path, **options: str) -> list[str]:
    layer = files.layer(path, **options)
    with open_layer(path) as opened, open_reader(opened, layer) as reader:
        return [normalise(feature.values, reader.header.columns, layer.coverage).name_fr for feature in reader.features()]


def table(folder: Path, encoding: str, *, cpg: str | None, language: int = 0) -> Path:
    rows = [files.region(f"24{index:02d}", files.cell(index), french=name) for index, name in enumerate(NAMES)]
    return files.shape(folder, rows, encoding=encoding, cpg=cpg, language=language)


def test_windows_1252_without_cpg_is_detected(tmp_path: Path) -> None:
    assert names_read(table(tmp_path, "cp1252", cpg=None)) == NAMES


def test_utf_8_without_cpg_is_detected(tmp_path: Path) -> None:
    assert names_read(table(tmp_path, "utf-8", cpg=None)) == NAMES


def test_dbf_language_byte_is_used_without_cpg(tmp_path: Path) -> None:
    rows = [files.region("2402", files.cell(0), french="Région é")]
    assert names_read(files.shape(tmp_path / "a", rows, encoding="cp850", cpg=None, language=0x02)) == ["Région é"]
    assert names_read(files.shape(tmp_path / "b", rows, encoding="cp1252", cpg=None, language=0x57)) == ["Région é"]


def test_cpg_overrides_dbf_language_byte(tmp_path: Path) -> None:
    assert names_read(table(tmp_path, "utf-8", cpg="UTF-8", language=0x57)) == NAMES


def test_encoding_option_overrides_cpg(tmp_path: Path) -> None:
    assert names_read(table(tmp_path, "cp1252", cpg="UTF-8"), encoding="cp1252") == NAMES


@pytest.mark.parametrize(
    "cpg", ["1252", "ANSI 1252", "windows-1252", "CP1252", "cp-1252", "OEM 1252", "Windows 1252\n", "\ufeffWindows-1252"]
)
def test_cpg_spellings_of_windows_1252_are_read(tmp_path: Path, cpg: str) -> None:
    assert names_read(table(tmp_path, "cp1252", cpg=cpg)) == NAMES


@pytest.mark.parametrize(
    ("name", "python"),
    [
        ("UTF-8", "utf-8"),
        ("utf8", "utf-8"),
        ("UTF_8", "utf-8"),
        ("65001", "utf-8"),
        ("ISO-8859-1", "iso8859-1"),
        ("ISO 88591", "iso8859-1"),
        ("88591", "iso8859-1"),
        ("8859-15", "iso8859-15"),
        ("ISO885915", "iso8859-15"),
        ("latin-1", "iso8859-1"),
        ("28591", "iso8859-1"),
        ("850", "cp850"),
        ("OEM 437", "cp437"),
    ],
)
def test_encoding_names_are_resolved(name: str, python: str) -> None:
    assert encoding_named(name, "The layer") == python


@pytest.mark.parametrize("name", ["klingon", "", "99999", "hex", "rot13", "base64", "undefined", "zlib", "1", "x" * 500])
def test_unknown_encoding_name_is_refused(name: str) -> None:
    with pytest.raises(FileRefused, match="which is unknown: give one with --encoding") as caught:
        encoding_named(name, "The layer")
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("cpg", ["klingon", "hex"])
def test_cpg_with_unknown_encoding_is_refused(tmp_path: Path, cpg: str) -> None:
    with pytest.raises(FileRefused, match=r"The \.cpg file declares the encoding"):
        names_read(table(tmp_path, "utf-8", cpg=cpg))


@pytest.mark.parametrize("encoding", ["klingon", "hex"])
def test_unknown_encoding_is_refused_for_geojson(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(FileRefused, match="The layer declares the encoding"):
        names_read(files.geojson(tmp_path / "a.geojson", files.grid(), degrees=True), encoding=encoding)


def test_wrong_utf_8_cpg_is_refused_by_row(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match=r"Row 1: the text is not utf-8 .*--encoding, often cp1252"):
        names_read(table(tmp_path, "cp1252", cpg="UTF-8"))


def test_field_names_in_other_encoding_are_refused(tmp_path: Path) -> None:
    rows = [files.region("2402", files.cell(0), Région="x")]
    path = files.shape(tmp_path, rows, encoding="cp1252", cpg="UTF-8")
    with pytest.raises(FileRefused, match=r"the field names are not utf-8 .*--encoding"):
        names_read(path)
    assert names_read(path, encoding="cp1252") == ["Quelque part"]


def test_truncated_dbf_header_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path, "utf-8", cpg=None)
    path.with_suffix(".dbf").write_bytes(b"\x03short")
    with pytest.raises(FileRefused, match=r"\.dbf is truncated"):
        names_read(path)


LETTERS = tuple("àâäçéèêëîïôöùûüÿœæÀÂÇÉÈÊËÎÔÙÛÜŒ—–’«»…")


@pytest.mark.parametrize("letter", LETTERS)
def test_mojibake_of_every_french_letter_is_detected(letter: str) -> None:
    name = f"Lac {letter} la Tortue{letter}"
    assert not is_mojibake(as_text(name))
    for wrong in ("cp1252", "latin-1"):
        assert is_mojibake(as_text(name.encode().decode(wrong))), wrong
    assert is_mojibake(as_text(name.encode("cp1252").decode("utf-8", errors="replace")))


@pytest.mark.parametrize("letter", ["—", "–", "’", "œ", "Œ", "…", "€"])
def test_windows_1252_read_as_latin_1_is_mojibake(letter: str) -> None:
    assert is_mojibake(as_text(f"Saguenay{letter}Lac".encode("cp1252").decode("latin-1")))


@pytest.mark.parametrize(
    "name",
    ["PÂTURAGE", "Âge d'or", "São João", "xʷməθkʷəy̓əm", "ᓄᓇᕗᑦ", "Å", "Ångström", "Château", "Bécancour—Nicolet", "L’Île"],
)
def test_real_names_are_not_mojibake(name: str) -> None:
    assert not is_mojibake(as_text(name))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (2402, "2402"),
        (2402.0, "2402"),
        (24.5, "24.5"),
        (float("inf"), "inf"),
        ("  a \t b\n c ", "a b c"),
        ("a\u00a0\u2009b", "a b"),
        ("Re\u0301gion", "Région"),
        ("a\0b", "ab"),
    ],
)
def test_text_is_trimmed_and_composed(value: object, text: str) -> None:
    assert as_text(value) == text


COLUMNS = {
    "code": "HRUID",
    "name_en": "E",
    "name_fr": "F",
    "pruid": "P",
    "population": "POP",
    "land_area_km2": "A",
    "dguid": "D",
}


def attributes(**values: object) -> Attributes:
    return normalise({"HRUID": "2402", "E": "English"} | values, COLUMNS, read_sources().coverages["health-regions"])


def test_french_name_falls_back_to_english_name() -> None:
    assert (attributes().name_fr, attributes(F=" Français ").name_fr) == ("English", "Français")


def test_province_is_read_from_field_else_from_code() -> None:
    assert (attributes().pruid, attributes(P="35").pruid, attributes(P=35.0).pruid) == ("24", "35", "35")


@pytest.mark.parametrize("value", ["Quebec / Québec", "99", "QC", "240"])
def test_unknown_province_is_empty(value: str) -> None:
    assert attributes(P=value).pruid == ""


@pytest.mark.parametrize(
    ("value", "population"),
    [("1,5", None), (float("nan"), None), (1e300, None), (2**31, None), (12.6, 13), ("12", 12), (None, None)],
)
def test_population_is_an_integer_or_none(value: object, population: int | None) -> None:
    assert attributes(POP=value).population == population


def test_other_fields_are_stored_as_json_attributes() -> None:
    extra = {"when": date(2022, 1, 2), "at": datetime(2022, 1, 2, 3, tzinfo=UTC), "hour": time(12, 30), "raw": b"\x01\xff"}
    more = {"nan": float("nan"), "text": " a\0b ", "none": None, "number": 3}
    assert attributes(**extra, **more).attributes == {
        "when": "2022-01-02",
        "at": "2022-01-02T03:00:00+00:00",
        "hour": "12:30:00",
        "raw": "01ff",
        "nan": None,
        "text": "ab",
        "none": None,
        "number": 3,
    }
