"""A coverage declared only in TOML, without code of its own: load, gates, provinces, API responses."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from geography.models import Coverage, Overlap, Region, RegionLevel, RegionPart, Vintage
from loader import pipeline
from loader.errors import GatesFailed, SourceError
from loader.source.declarations import read_sources
from tests.support import boundary_files as files

DOCUMENT = (settings.REPO_DIR / "geodata" / "README.md").read_text(encoding="utf-8")
(PARAGRAPHS,) = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
SLUG, LAYER = "local-health-areas", "local-health-areas-2024"

pytestmark = pytest.mark.django_db


def area(code: str, index: int, province: str = "35", **names: str) -> files.Row:
    """Return a row of the file that the TOML of geodata/README.md declares."""
    return {"LHA_CODE": code, "PR": province, "NAME": "Lakeside", "NOM": "Bord-du-Lac"} | names, [files.cell(index)]


@pytest.fixture
def declare(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the TOML of geodata/README.md, changed, and the boundary file that it names."""

    def write(rows: list[files.Row], change: Callable[[str], str] = str) -> Path:
        declared = tomllib.loads(PARAGRAPHS)["layers"][LAYER]["file"]
        files.zipped(files.shape(tmp_path / "areas", rows), tmp_path / declared)
        path = tmp_path / "my_sources.toml"
        path.write_text(change(PARAGRAPHS), encoding="utf-8")
        return path

    return write


ROWS = [area("LHA001", 0), area("LHA002", 1, NAME="Île-aux-Œufs"), area("LHA003", 2, "46")]


def test_documented_declaration_loads_with_documented_command(
    declare: Callable[..., Path], get: Any, assert_schema: Any
) -> None:
    (command,) = re.findall(r"^bin/manage (load_boundaries --sources .*)$", DOCUMENT, re.MULTILINE)
    sources = declare(ROWS)
    call_command(*command.replace("my_sources.toml", str(sources)).split(), verbosity=0)
    vintage = Vintage.objects.get(coverage__slug=SLUG)
    assert (vintage.coverage.name_fr, vintage.label, vintage.status) == ("Aires sanitaires locales", "2024", "published")
    assert RegionPart.objects.filter(vintage=vintage).count() >= 3
    assert RegionLevel.objects.filter(region__vintage=vintage).count() == 12
    assert not Overlap.objects.exists()

    (listed,) = get("/coverages").json()["coverages"]
    assert (listed["coverage"], listed["vintage"]["label"]) == (SLUG, "2024")
    layer = get(f"/coverages/{SLUG}/regions", lang="fr").json()
    assert_schema("RegionCollection", layer)
    assert [body["id"] for body in layer["features"]] == ["LHA001", "LHA002", "LHA003"]
    assert [body["properties"]["pruid"] for body in layer["features"]] == ["35", "35", "46"]
    assert "Statistics Canada" not in layer["attribution"]
    body = get(f"/coverages/{SLUG}/regions/lha002").json()
    assert (body["properties"]["name_en"], body["properties"]["name_fr"]) == ("Île-aux-Œufs", "Bord-du-Lac")
    lon, lat = files.project(files.EAST + 5_000, files.NORTH + 15_000, 3347, 4326)
    result = get(f"/coverages/{SLUG}/regions", lat=lat, lon=lon, detail="none").json()
    assert [feature["id"] for feature in result["features"]] == ["LHA003"]


def test_new_coverage_leaves_health_regions_unchanged(declare: Callable[..., Path], published: Any, get: Any) -> None:
    before = get("/health-regions").json()
    call_command("load_boundaries", LAYER, sources=declare(ROWS), verbosity=0)
    assert get("/health-regions").json() == before
    assert Overlap.objects.exclude(fsa__vintage__coverage__slug="fsa").count() == 0


def test_rollback_needs_an_earlier_vintage(declare: Callable[..., Path]) -> None:
    call_command("load_boundaries", LAYER, sources=declare(ROWS), verbosity=0)
    with pytest.raises(CommandError, match="no earlier one to restore"):
        call_command("load_boundaries", rollback=SLUG)
    call_command("load_boundaries", LAYER, sources=declare([*ROWS, area("LHA004", 3)]), verbosity=0)
    call_command("load_boundaries", rollback=SLUG, verbosity=0)
    assert Region.objects.filter(vintage__coverage__slug=SLUG, vintage__status="published").count() == 3


def test_gates_use_declared_code_pattern(declare: Callable[..., Path]) -> None:
    rows = [area("LHA001", 0), area("3501", 1), area("LHA003", 2, "99")]
    with pytest.raises(CommandError, match="stays staged") as caught:
        call_command("load_boundaries", LAYER, sources=declare(rows), verbosity=0)
    message = " ".join(str(caught.value).split())
    assert "gate codes: 1 row;" in message
    assert "row 2 (3501): the code does not match" in message
    assert "row 3 (LHA003): no province" in message


@pytest.mark.parametrize(
    ("rule", "code", "province"),
    [
        # A metropolitan area, and a code that looks like a postal code: no province can be read from either.
        ("field", "462", ""),
        ("field", "M5V", ""),
        ("code", "462", "46"),
        ("code", "991", ""),
        ("postal-letter", "M5V", "35"),
        ("postal-letter", "462", ""),
        ("none", "462", ""),
    ],
)
def test_province_is_read_by_declared_rule(declare: Callable[..., Path], rule: str, code: str, province: str) -> None:
    def change(text: str) -> str:
        return text.replace("code_pattern =", f'province = "{rule}"\ncode_pattern =').replace(r"LHA\d{3}", "...")

    layer = read_sources(declare([area(code, 0, "")], change)).layer(LAYER)
    if province or rule == "none":
        pipeline.load(layer, steps=files.quiet())
        assert Region.objects.get(code=code).pruid == province
    else:
        with pytest.raises(GatesFailed) as caught:
            pipeline.load(layer, steps=files.quiet())
        assert caught.value.names == ("provinces",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("[coverages.local", '[coverages."Local'), "of a-z, 0-9 and '-'"),
        (
            lambda text: text.replace("code_pattern =", 'province = "guess"\ncode_pattern ='),
            "province must be one of",
        ),
        (lambda text: text.replace('coverage = "local', 'coverage = "other'), "coverage must be one of local-health-areas"),
    ],
)
def test_invalid_declaration_is_refused(declare: Callable[..., Path], change: Callable[[str], str], message: str) -> None:
    def quoted(text: str) -> str:
        return change(text).replace('[coverages."Local-health-areas]', '[coverages."Local-health-areas"]')

    with pytest.raises(SourceError, match=message):
        read_sources(declare(ROWS, quoted))
    assert not Coverage.objects.exists()


def test_provinces_layer_is_declared(tmp_path: Path, get: Any) -> None:
    codes = ["10", "11", "12", "13", "24", "35", "46", "47", "48", "59", "60", "61", "62"]
    rows: list[files.Row] = [
        ({"PRUID": code, "DGUID": f"2021A0002{code}", "PRENAME": "Name", "PRFNAME": "Nom"}, [files.cell(index)])
        for index, code in enumerate(codes)
    ]
    path = files.shape(tmp_path, rows)
    call_command("load_boundaries", "provinces-2021-digital", file=path, verbosity=0)
    layer = get("/coverages/provinces/regions", province="QC").json()
    assert [(feature["id"], feature["properties"]["province"]["abbreviation"]) for feature in layer["features"]] == [
        ("24", "QC")
    ]
