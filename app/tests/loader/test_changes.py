"""Changes between every pair of published vintages, in any order of loading."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from geography.models import Change, Counterpart, Vintage
from geography.queries.changes import changes_page, reused_codes
from loader import pipeline
from loader.publication import publish
from tests.support import boundary_files as files
from tests.support.loading import accept, checksums

Load = Callable[..., Any]

# Half of the codes are gone: the gate `change` fails without an acceptance.
GONE = {"acceptance": accept("change")}
OLD = {"vintage": "2018", "effective_from": date(2018, 1, 1)}


def old(tmp_path: Path) -> Path:
    """Return a file of four cells, 4601 to 4604."""
    return files.shape(tmp_path / "old", files.grid(4))


def new(tmp_path: Path) -> Path:
    """Return a file in which 4601 and 4602 are merged as 4603, the former 4603 is 4605, and 4604 is unchanged."""
    rows = [
        files.region("4603", files.box(0, 0, 20_000, 10_000), name="Joined"),
        files.region("4605", files.cell(2), name="Region 3"),
        files.region("4604", files.cell(3), name="Region 4"),
    ]
    return files.shape(tmp_path / "new", rows)


def kinds(item: str, other: str) -> dict[str, str]:
    rows = Change.objects.filter(region__vintage__label=item, other_vintage__label=other)
    return dict(rows.values_list("region__code", "kind"))


@pytest.mark.parametrize("first", ["old", "new"])
def test_changes_are_computed_in_both_directions(load: Load, tmp_path: Path, first: str) -> None:
    for which in sorted(("old", "new"), key=lambda item: item != first):
        load(old(tmp_path), **OLD) if which == "old" else load(new(tmp_path), **GONE)
    assert kinds("2018", "2022") == {"4601": "merged", "4602": "merged", "4603": "recoded", "4604": "kept"}
    assert kinds("2022", "2018") == {"4603": "split", "4605": "recoded", "4604": "kept"}


def test_counterpart_shares_agree_in_both_directions(load: Load, tmp_path: Path) -> None:
    load(old(tmp_path), **OLD)
    load(new(tmp_path), **GONE)
    rows = Counterpart.objects.values_list(
        "region__code",
        "other_region__code",
        "area_km2",
        "share_of_region",
        "share_of_other",
        "region__area_km2",
        "other_region__area_km2",
    )
    counterparts = {(value, other): rest for value, other, *rest in rows if rest[3] > 0.001 or rest[2] > 0.001}
    assert counterparts["4601", "4603"][1] == pytest.approx(1, abs=1e-9)
    assert counterparts["4601", "4603"][2] == pytest.approx(0.5, abs=1e-3)
    area, of_region, of_other, region, other = counterparts["4603", "4601"]
    assert (area, of_other) == pytest.approx((counterparts["4601", "4603"][0], 1), abs=1e-9)
    assert of_region == pytest.approx(area / region)
    assert of_other == pytest.approx(area / other)


def test_reused_code_is_reported_in_both_vintages(load: Load, tmp_path: Path) -> None:
    load(old(tmp_path), **OLD)
    load(new(tmp_path), **GONE)
    for label, other, name in (("2018", "2022", "Joined"), ("2022", "2018", "Region 3")):
        reused = reused_codes(Vintage.objects.get(label=label))
        assert {code: [(region.vintage, region.name_en) for region in regions] for code, regions in reused.items()} == {
            "4603": [(other, name)]
        }


def test_changes_exist_for_every_published_pair_of_a_coverage(load: Load, tmp_path: Path) -> None:
    load(old(tmp_path), **OLD)
    load(files.shape(tmp_path / "fsa", files.fsa_grid(["R3A", "R3B"])), "fsa")
    load(new(tmp_path), **GONE)
    load(files.shape(tmp_path / "newer", files.grid(3)), vintage="2023", effective_from=date(2023, 1, 1), **GONE)
    pairs = set(Change.objects.values_list("region__vintage__label", "other_vintage__label"))
    labels = ("2018", "2022", "2023")
    assert pairs == {(label, other) for label in labels for other in labels if label != other}


def test_corrected_file_is_compared_with_published_vintages_only(load: Load, tmp_path: Path) -> None:
    load(old(tmp_path), **OLD)
    load(new(tmp_path), **GONE)
    before = kinds("2018", "2022")
    corrected = load(files.shape(tmp_path / "corrected", files.grid(4)), **GONE).vintage
    pairs = Change.objects.filter(region__vintage=corrected).values_list("other_vintage__label", "other_vintage__status")
    assert set(pairs) == {("2018", "published")}
    pipeline.roll_back("health-regions", files.quiet())
    published = Change.objects.filter(region__vintage__label="2018", other_vintage__status="published")
    assert dict(published.values_list("region__code", "kind")) == before


def test_rollback_computes_missing_changes(load: Load, tmp_path: Path) -> None:
    """A vintage loaded while another was retired has not been compared with it; the rollback computes the pair."""
    load(new(tmp_path), **GONE)
    load(files.shape(tmp_path / "corrected", files.grid(4)), **GONE)
    load(old(tmp_path), **OLD)
    assert set(kinds("2018", "2022").values()) == {"kept"}
    Vintage.objects.filter(label="2018").update(published_at="2000-01-01T00:00:00Z")
    pipeline.roll_back("health-regions", files.quiet())
    now = Change.objects.filter(region__vintage__label="2018", other_vintage__status="published")
    assert dict(now.values_list("region__code", "kind"))["4601"] == "merged"


def test_demo_vintage_has_no_changes(load: Load, tmp_path: Path) -> None:
    load(new(tmp_path), vintage="demo", demo=True)
    load(old(tmp_path), **OLD | {"extract": True})
    assert not Change.objects.exists()


def test_region_missing_in_extract_is_outside(load: Load, tmp_path: Path) -> None:
    load(old(tmp_path), **OLD)
    load(files.shape(tmp_path / "part", files.grid(2)), vintage="part", extract=True)
    assert kinds("2018", "part") == {"4601": "kept", "4602": "kept", "4603": "outside", "4604": "outside"}
    assert kinds("part", "2018") == {"4601": "kept", "4602": "kept"}


def test_complete_adds_missing_changes(load: Load, tmp_path: Path) -> None:
    load(old(tmp_path), **OLD)
    load(new(tmp_path), **GONE)
    before = kinds("2018", "2022")
    Counterpart.objects.all().delete()
    Change.objects.all().delete()
    with pytest.raises(Exception, match="not compared"):
        changes_page(from_vintage=Vintage.objects.get(label="2018"), to_vintage=Vintage.objects.get(label="2022"), limit=10)
    pipeline.complete(files.quiet())
    assert kinds("2018", "2022") == before
    complete = checksums()
    pipeline.complete(files.quiet())
    assert checksums() == complete


def test_delete_vintage_leaves_no_rows(load: Load, tmp_path: Path) -> None:
    load(old(tmp_path), **OLD)
    before = checksums()
    vintage = load(new(tmp_path), **GONE).vintage
    publish.delete(vintage)
    assert checksums() == before
