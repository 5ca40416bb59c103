"""Download tables in CSV with their CSVW descriptions: codes, and shares of FSAs."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from geography.models import Overlap, Region, Vintage
from tests.support.boundary_files import ACCENTED
from tests.support.csvw import assert_table_is_as_described

pytestmark = pytest.mark.django_db

UNITS = {"land_area_km2": "km2", "area_km2": "km2", "lon": "degree", "lat": "degree"}


def test_csv_of_codes_has_csvw_description(export: Callable[..., Path], vintages: dict[str, Vintage]) -> None:
    table = export("health-regions", "csv")
    with table.open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    assert [(row["hruid"], row["name_en"], row["province"]) for row in rows] == [
        ("2402", ACCENTED, "QC"),
        ("3501", "Île", "ON"),
        ("3502", "Plain", "ON"),
    ]
    region = Region.objects.get(vintage=vintages["health-regions"], code="2402")
    assert float(rows[0]["area_km2"]) == pytest.approx(region.area_km2, abs=1e-6)
    assert (float(rows[0]["lon"]), float(rows[0]["lat"])) == pytest.approx(region.rep_point.coords, abs=1e-6)
    described = json.loads(export("health-regions", "csvw").read_bytes())
    assert described["url"] == table.name == "health-regions-2022.csv"
    assert [column["name"] for column in described["tableSchema"]["columns"]] == list(rows[0])
    assert described["dc:rights"][0]["@value"] == "Ours & theirs"
    assert described["dc:source"]["dc:identifier"] == f"sha256:{vintages['health-regions'].source_sha256}"
    assert_table_is_as_described(rows, described, UNITS)


def test_csvw_of_shares_has_both_licences(export: Callable[..., Path], vintages: dict[str, Vintage], tmp_path: Path) -> None:
    Vintage.objects.filter(label="2021").update(
        licence_url="https://example.org/fsa", attribution_en="Postal", attribution_fr="Postale"
    )
    Vintage.objects.filter(label="2022").update(
        licence_url="https://example.org/hr", attribution_fr="Les nôtres", source_url="https://example.org/hr.zip"
    )
    table = export("fsa", "shares")
    with table.open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    table.unlink()
    path = export("fsa", "shares-csvw")
    assert path.name == "fsa-2021-health-regions-2022.csv-metadata.json"
    described = json.loads(path.read_bytes())
    assert described["url"] == table.name
    assert_table_is_as_described(rows, described, UNITS)
    assert described["dc:license"] == [{"@id": "https://example.org/fsa"}, {"@id": "https://example.org/hr"}]
    assert [(dc_right["@language"], dc_right["@value"]) for dc_right in described["dc:rights"]] == [
        ("en", "Postal"), ("en", "Ours & theirs"), ("fr", "Postale"), ("fr", "Les nôtres")
    ]  # fmt: skip
    fsas, regions = described["dc:source"]
    assert regions["@id"] == "https://example.org/hr.zip"
    assert [item["dc:license"]["@id"] for item in (fsas, regions)] == ["https://example.org/fsa", "https://example.org/hr"]
    assert [item["dc:identifier"] for item in (fsas, regions)] == [
        f"sha256:{vintages[coverage].source_sha256}" for coverage in ("fsa", "health-regions")
    ]


def test_csvw_names_shared_licence_once(export: Callable[..., Path], vintages: dict[str, Vintage]) -> None:
    Vintage.objects.update(licence="Open", licence_url="https://example.org/open", attribution_en="Ours", attribution_fr="Ours")
    described = json.loads(export("fsa", "shares-csvw").read_bytes())
    assert described["dc:license"] == {"@id": "https://example.org/open"}
    assert len(described["dc:rights"]) == 2


def test_shares_csv_equals_database_without_slivers(export: Callable[..., Path]) -> None:
    Overlap.objects.filter(fsa__code="G7H", health_region__code="3501").update(share_of_fsa=0.0009)
    with export("fsa", "shares").open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    assert [(row["cfsauid"], row["hruid"], row["fsa_vintage"], row["health_region_vintage"]) for row in rows] == [
        ("G7H", "2402", "2021", "2022"),
        ("K0A", "3502", "2021", "2022"),
    ]
    overlap = Overlap.objects.get(fsa__code="G7H", health_region__code="2402")
    assert float(rows[0]["share_of_fsa"]) == pytest.approx(overlap.share_of_fsa, abs=1e-6)
    assert rows[0]["name_en"] == ACCENTED
