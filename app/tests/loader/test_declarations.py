"""Declarations in sources.toml: the project's layers are valid, and an error names its table and key."""

from datetime import date
from pathlib import Path

import pytest

from geography.codes import PROVINCE_BY_PRUID, is_fsa
from geography.models import Representation
from loader.errors import SourceError
from loader.source.declarations import Sources, read_sources, with_options

GOOD = """
[coverages.zones]
name_en = "Zones"
name_fr = "Zones"
code_pattern = 'Z\\d'
fields.code = ["ZONE"]
fields.name_en = ["NAME"]

[licences.open]
name = "Open"
url = "https://example.org/licence"
attribution_en = "From {title}, {x} {."
attribution_fr = "De {title}"

[layers.zones-1]
coverage = "zones"
vintage = "1"
effective_from = 2020-01-01
representation = "digital"
title_en = "The zones"
title_fr = "Les zones"
licence = "open"
"""


def read(tmp_path: Path, text: str) -> Sources:
    path = tmp_path / "sources.toml"
    path.write_text(text, encoding="utf-8")
    return read_sources(path)


def test_toml_table_becomes_a_layer(tmp_path: Path) -> None:
    text = (
        GOOD + 'file = "a/b.zip"\nbytes = 12\nexpect.count = 3\nfields.code = ["ZID"]\neffective_to = 2021-01-01\nsrid = 4269\n'
    )
    layer = read(tmp_path, text).layer("zones-1")
    assert (layer.path, layer.size, layer.expected_count, layer.srid) == (tmp_path / "a" / "b.zip", 12, 3, 4269)
    assert (layer.effective_from, layer.effective_to) == (date(2020, 1, 1), date(2021, 1, 1))
    assert layer.spellings("code") == ("ZID", "ZONE")
    assert (layer.licence, layer.attribution_en) == ("Open", "From The zones, {x} {.")
    assert (layer.attribution_fr, layer.representation) == ("De Les zones", Representation.DIGITAL)


def test_attribution_of_layer_overrides_that_of_licence(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD + 'attribution_en = "Mine"\n').layer("zones-1").attribution_en == "Mine"


MISTAKES = {
    "unknown key": (GOOD + "colour = 1\n", "layers.zones-1: unknown key 'colour'"),
    "a key of ours that is none of the file's": (GOOD + 'path = "x"\n', "layers.zones-1: unknown key 'path'"),
    "unknown column": (GOOD + 'fields.colour = ["C"]\n', "layers.zones-1.fields: unknown key 'colour'"),
    "a name instead of a list": (GOOD + 'fields.code = "ZID"\n', "layers.zones-1: fields.code must be a list of names"),
    "no table of fields": (GOOD + 'fields = "ZID"\n', "layers.zones-1: fields must be given as"),
    "unknown expectation": (GOOD + "expect.number = 1\n", "layers.zones-1.expect: unknown key 'number'"),
    "count in quotes": (GOOD + 'expect.count = "1"\n', "layers.zones-1.expect: count must be a whole number"),
    "expect is a number": (GOOD + "expect = 1\n", "layers.zones-1: expect must be"),
    "bytes in quotes": (GOOD + 'bytes = "12"\n', "layers.zones-1: bytes must be a whole number, not '12'"),
    "true for a number": (GOOD + "srid = true\n", "layers.zones-1: srid must be a whole number"),
    "text for true": (GOOD + 'demo = "yes"\n', "layers.zones-1: demo must be true or false"),
    "number for text": (GOOD + "encoding = 1252\n", "layers.zones-1: encoding must be text in quotes, not 1252"),
    "file is a list": (GOOD + 'file = ["a"]\n', "layers.zones-1: file must be text"),
    "no vintage": (GOOD.replace('vintage = "1"', ""), "layers.zones-1: vintage is missing"),
    "vintage is a number": (GOOD.replace('vintage = "1"', "vintage = 1"), "layers.zones-1: vintage must be text"),
    "vintage for no URL": (
        GOOD.replace('vintage = "1"', 'vintage = "a/b"'),
        "layers.zones-1: vintage 'a/b' must be at most 40 of",
    ),
    "vintage too long": (GOOD.replace('vintage = "1"', f'vintage = "{"1" * 41}"'), "layers.zones-1: vintage"),
    "no date": (GOOD.replace("effective_from = 2020-01-01", ""), "layers.zones-1: effective_from is missing"),
    "date in quotes": (GOOD.replace("2020-01-01", '"2020-01-01"'), "layers.zones-1: effective_from must be a date"),
    "a moment": (GOOD.replace("2020-01-01", "2020-01-01T00:00:00"), "layers.zones-1: effective_from must be a date"),
    "dates out of order": (GOOD + "effective_to = 2020-01-01\n", "layers.zones-1: effective_to must be later"),
    "a licence's address that runs": (
        GOOD.replace("https://example.org/licence", "javascript:alert(1)"),
        "layers.zones-1: licence_url must begin with https://",
    ),
    "an address that runs": (GOOD + 'url = "javascript:alert(1)"\n', "layers.zones-1: url must begin with https://"),
    "no representation": (GOOD.replace('representation = "digital"', ""), "layers.zones-1: representation must be"),
    "odd representation": (GOOD.replace('"digital"', '"analogue"'), "layers.zones-1: representation must be"),
    "no title": (GOOD.replace('title_fr = "Les zones"', ""), "layers.zones-1: title_fr is missing"),
    "unknown coverage": (GOOD.replace('coverage = "zones"', 'coverage = "x"'), "layers.zones-1: coverage must be one of zones"),
    "no coverage": (GOOD.replace('coverage = "zones"', ""), "layers.zones-1: coverage must be one of zones"),
    "unknown licence": (GOOD.replace('licence = "open"', 'licence = "x"'), "layers.zones-1: unknown licence 'x'"),
    "half a licence": (GOOD.replace('name = "Open"', ""), "licences.open: name is missing"),
    "bad pattern": (GOOD.replace("'Z\\d'", "'('"), "coverages.zones: code_pattern is not a valid regular expression"),
    "no pattern": (GOOD.replace("code_pattern", "# "), "coverages.zones: code_pattern is missing"),
    "no code": (GOOD.replace('fields.code = ["ZONE"]', ""), "coverages.zones: fields.code is missing"),
    "coverage with a name for a list": (GOOD.replace('["ZONE"]', '"ZONE"'), "coverages.zones: fields.code must be a list"),
    "coverage with unknown key": (
        GOOD.replace('name_en = "Zones"', 'name_en = "Z"\nx = 1'),
        "coverages.zones: unknown key 'x'",
    ),
    "a name that downloads of indicators have": (GOOD.replace("zones", "indicators"), "coverages.indicators: another name"),
    "layer is no paragraph": ("layers = 1\n", "layers: it must consist of tables"),
    "coverage is no paragraph": ("[coverages]\nzones = 1\n", "coverages: it must consist of tables"),
    "no TOML": ("[layers\n", "is not valid TOML"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_error_names_table_and_key(tmp_path: Path, mistake: str) -> None:
    text, message = MISTAKES[mistake]
    with pytest.raises(SourceError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)


def test_missing_sources_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.toml cannot be read: No such file"):
        read_sources(tmp_path / "none.toml")


def test_unknown_layer_error_lists_layers() -> None:
    with pytest.raises(SourceError, match=r"Unknown layer 'x'.*: .*fsa-2021-digital"):
        read_sources().layer("x")


def test_unknown_coverage_error_lists_coverages() -> None:
    with pytest.raises(SourceError, match=r"Unknown coverage 'x': sources.toml declares health-regions, fsa"):
        read_sources().ad_hoc("x", {})


def test_options_are_validated_like_the_file() -> None:
    layer = read_sources().layer("fsa-2011")
    with pytest.raises(SourceError, match="vintage 'Not This' must be at most 40 of"):
        with_options(layer, vintage="Not This")
    with pytest.raises(SourceError, match="effective_to must be later"):
        with_options(layer, effective_to=date(1999, 1, 1))
    assert with_options(layer, vintage=None, srid=3347) == with_options(layer, srid=3347)


# URL, size, count and representation as stated by Statistics Canada, independent of sources.toml.
OFFICIAL = {
    "fsa-2021-digital": (
        "https://www12.statcan.gc.ca/census-recensement/2021/geo/sip-pis/boundary-limites/files-fichiers/lfsa000a21a_e.zip",
        21_725_887,
        1643,
        "digital",
    ),
    "fsa-2021-cartographic": (
        "https://www12.statcan.gc.ca/census-recensement/2021/geo/sip-pis/boundary-limites/files-fichiers/lfsa000b21a_e.zip",
        162_038_215,
        1643,
        "cartographic",
    ),
    "health-regions-2023-digital": (
        "https://www150.statcan.gc.ca/n1/pub/82-402-x/2024001/hrbf-flrs/digi/ArcGIS/HR_000a23a_e.zip",
        None,
        105,
        "digital",
    ),
    "health-regions-2023-cartographic": (
        "https://www150.statcan.gc.ca/n1/pub/82-402-x/2024001/hrbf-flrs/carto/ArcGIS/HR_000b23a_e.zip",
        None,
        105,
        "cartographic",
    ),
    "health-regions-2022-digital": (
        "https://www150.statcan.gc.ca/n1/pub/82-402-x/2023001/hrbf-flrs/digi/ArcGIS/HR_000a22a_e.zip",
        None,
        104,
        "digital",
    ),
    "provinces-2021-digital": (
        "https://www12.statcan.gc.ca/census-recensement/2021/geo/sip-pis/boundary-limites/files-fichiers/lpr_000a21a_e.zip",
        None,
        13,
        "digital",
    ),
    "health-regions-2018-digital": (
        "https://www150.statcan.gc.ca/n1/pub/82-402-x/2018001/data-donnees/boundary-limites/arcinfo/HR_000a18a-eng.zip",
        None,
        111,
        "digital",
    ),
}


@pytest.mark.parametrize("name", OFFICIAL)
def test_official_layer_matches_statistics_canada(name: str) -> None:
    layer = read_sources().layer(name)
    assert (layer.url, layer.size, layer.expected_count, layer.representation.value) == OFFICIAL[name]


@pytest.mark.parametrize("name", read_sources().layers)
def test_every_layer_has_licence_and_attribution(name: str) -> None:
    layer = read_sources().layer(name)
    assert layer.title_en != layer.title_fr
    assert layer.licence
    assert layer.licence_url.startswith("https://")
    for title, attribution in ((layer.title_en, layer.attribution_en), (layer.title_fr, layer.attribution_fr)):
        # The demonstration has the same attribution for all its layers.
        assert (
            attribution.startswith(("Demonstration boundaries", "Limites de démonstration"))
            if layer.demo
            else title in attribution
        )
        assert "{" not in attribution
    assert layer.path is None or layer.path.is_file()


@pytest.mark.parametrize("official", [True, False])
def test_every_layer_url_is_official_and_https(official: bool) -> None:
    with_url = {name for name, layer in read_sources().layers.items() if layer.url}
    assert (
        (with_url == set(OFFICIAL))
        if official
        else all(read_sources().layer(item).url.startswith("https://") for item in with_url)
    )


@pytest.mark.parametrize("pruid", [f"{number:02d}" for number in range(100)])
def test_hruid_is_four_digits_beginning_with_pruid(pruid: str) -> None:
    pattern = read_sources().coverages["health-regions"].code_pattern
    assert (pattern.fullmatch(f"{pruid}95") is not None) == (pruid in PROVINCE_BY_PRUID)
    assert not any(map(pattern.fullmatch, (f"{pruid}9", f"{pruid}955", f"{pruid}95\n", f"{pruid}٩٥"))), pruid


@pytest.mark.parametrize(
    "code", ["M5V", "K1A", "H0H", "X0A", "D1A", "A1D", "W1A", "Z1A", "A1Z", "A1W", "M5", "M5V3", "m5v", "A1O", "AAA", "111"]
)
def test_fsa_pattern_agrees_with_is_fsa(code: str) -> None:
    assert (read_sources().coverages["fsa"].code_pattern.fullmatch(code) is not None) == is_fsa(code)
