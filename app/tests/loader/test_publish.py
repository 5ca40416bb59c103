"""Publication, rollback, prune and dry run; unchanged files; demo vintages never replace official ones; seed."""

import shutil
from collections.abc import Callable
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from geography.models import Overlap, Region, RegionLevel, RegionPart, Status, Vintage
from loader import pipeline
from loader.errors import GatesFailed, PublishError, SourceError
from loader.progress import Steps
from loader.publication import publish
from loader.seed import MOST, seed
from tests.support import boundary_files as files
from tests.support.loading import checksums

Load = Callable[..., Any]
QUIET = Steps(quiet=True)
REAL, DEMO = "v.demo = false", "v.demo = true"


def state() -> list[tuple[str, str, str]]:
    return list(Vintage.objects.order_by("pk").values_list("label", "status", "report__file"))


def shape(tmp_path: Path, rows: list[files.Row], name: str) -> Path:
    return files.shape(tmp_path / name, rows, name=name)


@pytest.fixture
def first_file(tmp_path: Path) -> Path:
    return shape(tmp_path, files.grid(), "one")


@pytest.fixture
def second_file(tmp_path: Path) -> Path:
    """Return a file with the same codes, one moved border and one renamed region."""
    rows = files.grid()
    rows[0] = files.region("4601", files.box(0, 0, 9_000, 10_000), name="Region 1, new")
    return shape(tmp_path, rows, "two")


def test_load_of_unchanged_file_does_nothing(load: Load, first_file: Path) -> None:
    load(first_file)
    before = checksums()
    outcome = load(first_file)
    assert (outcome.what, checksums()) == ("unchanged", before)


def test_moved_file_counts_as_unchanged(load: Load, first_file: Path, tmp_path: Path) -> None:
    load(files.zipped(first_file))
    shutil.copy(first_file.with_suffix(".zip"), tmp_path / "elsewhere.zip")
    assert load(tmp_path / "elsewhere.zip").what == "unchanged"


@pytest.mark.parametrize(
    "change",
    [
        {"title_en": "Other"},
        {"attribution_fr": "Autre"},
        {"effective_from": date(2022, 1, 1)},
        {"effective_to": date(2030, 1, 1)},
        {"encoding": "utf-8"},
        {"columns": {"name_fr": ("ENGNAME",)}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_same_file_with_changed_declaration_is_loaded(load: Load, first_file: Path, change: dict[str, Any]) -> None:
    load(first_file)
    assert load(first_file, **change).what == "published"
    assert load(first_file, **change).what == "unchanged"


def test_again_option_loads_unchanged_file(load: Load, first_file: Path) -> None:
    first = load(first_file).vintage
    second = load(first_file, again=True)
    assert (second.what, second.retired) == ("published", ("2022",))
    assert Vintage.objects.get(pk=first.pk).status == Status.RETIRED


def test_rollback_restores_retired_vintage_unchanged(load: Load, first_file: Path, second_file: Path) -> None:
    load(first_file)
    before = checksums("v.status = 'published'")
    outcome = load(second_file)
    assert (outcome.what, outcome.retired) == ("published", ("2022",))
    assert state() == [("2022", "retired", "one.shp"), ("2022", "published", "two.shp")]
    last, back = pipeline.roll_back("health-regions", QUIET)
    assert (last.label, [first_file.label for first_file in back]) == ("2022", ["2022"])
    assert state() == [("2022", "published", "one.shp"), ("2022", "retired", "two.shp")]
    assert checksums("v.status = 'published'") == before


def test_rollback_keeps_vintages_of_other_labels(load: Load, first_file: Path, second_file: Path) -> None:
    load(first_file, vintage="2018", effective_from=date(2018, 1, 1))
    load(second_file)
    last, back = pipeline.roll_back("health-regions", QUIET)
    assert (last.label, back) == ("2022", [])
    assert state() == [("2018", "published", "one.shp"), ("2022", "retired", "two.shp")]
    with pytest.raises(PublishError, match="2018 is the only published vintage: there is no earlier one to restore"):
        pipeline.roll_back("health-regions", QUIET)


@pytest.mark.parametrize("coverage", ["health-regions", "fsa", "nonsense"])
def test_rollback_without_published_vintage_is_an_error(db: None, coverage: str) -> None:
    with pytest.raises(PublishError, match=f"No vintage of {coverage} is published"):
        pipeline.roll_back(coverage, QUIET)


def test_official_vintage_retires_demo_and_rollback_restores_it(load: Load, first_file: Path, second_file: Path) -> None:
    load(first_file, vintage="demo", demo=True)
    before = checksums(DEMO)
    assert load(second_file).retired == ("demo",)
    pipeline.roll_back("health-regions", QUIET)
    after = checksums("v.status = 'published'")
    assert after["region"] == before["region"]
    assert state() == [("demo", "published", "one.shp"), ("2022", "retired", "two.shp")]


def test_demo_is_refused_over_official_vintage(load: Load, first_file: Path, second_file: Path) -> None:
    load(first_file)
    before = checksums()
    with pytest.raises(PublishError, match="Real boundaries of health-regions are published"):
        load(second_file, vintage="demo", demo=True)
    assert checksums() == before


def test_demo_beside_official_vintage_of_other_coverage(load: Load, first_file: Path, tmp_path: Path) -> None:
    load(first_file)
    assert load(shape(tmp_path, files.fsa_grid(["R3A"]), "fsa"), "fsa", vintage="demo", demo=True).what == "published"


def test_extract_retires_only_its_own_label(load: Load, first_file: Path, second_file: Path) -> None:
    load(first_file, vintage="demo", demo=True)
    assert load(second_file, vintage="part", extract=True).retired == ()
    assert [label for label, status, _ in state() if status == "published"] == ["demo", "part"]


def test_rollback_ignores_extracts(load: Load, first_file: Path, second_file: Path) -> None:
    """An extract is used only when a request names it, so it is no target of a rollback."""
    load(first_file, vintage="part", extract=True)
    load(second_file)
    with pytest.raises(PublishError, match="no earlier one to restore"):
        pipeline.roll_back("health-regions", QUIET)
    load(first_file, vintage="part-2", extract=True)
    last, _ = pipeline.roll_back("health-regions", QUIET)
    assert last.label == "part-2"


def test_gate_change_ignores_extracts(load: Load, first_file: Path, tmp_path: Path) -> None:
    load(first_file, vintage="2018", effective_from=date(2018, 1, 1))
    part = shape(tmp_path, files.grid(1, first=50), "part")
    assert load(part, vintage="part", extract=True).what == "published"


def test_publication_is_one_transaction(
    load: Load, first_file: Path, second_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(first_file)
    before = checksums("v.status = 'published'")
    vintage_save = Vintage.save

    def fail_last(self: Vintage, **options: Any) -> None:
        if "published_at" in (options.get("update_fields") or ()):
            raise KeyboardInterrupt
        vintage_save(self, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Vintage, "save", fail_last)
        with pytest.raises(KeyboardInterrupt):
            load(second_file)
    assert checksums("v.status = 'published'") == before
    assert load(second_file).what == "published"


def test_staged_vintage_is_replaced_by_next_load_of_label(load: Load, first_file: Path, second_file: Path) -> None:
    with pytest.raises(GatesFailed):
        load(first_file, expected_count=9)
    load(second_file)
    assert state() == [("2022", "published", "two.shp")]


def test_prune_deletes_retired_and_staged_vintages_only(
    load: Load, first_file: Path, second_file: Path, tmp_path: Path
) -> None:
    load(shape(tmp_path, files.fsa_grid(["R3A"]), "fsa"), "fsa")
    load(first_file)
    load(second_file)
    with pytest.raises(GatesFailed):
        load(first_file, vintage="2023", expected_count=9)
    before = checksums("v.status = 'published'")
    assert pipeline.prune(QUIET) == ["health-regions 2022 (retired)", "health-regions 2023 (staged)"]
    assert checksums("v.status = 'published'") == before
    assert [label for label, *_ in state()] == ["2022", "2022"]
    assert set(Overlap.objects.values_list("health_region_vintage__status", flat=True)) == {"published"}
    with pytest.raises(PublishError, match="no earlier one to restore"):
        pipeline.roll_back("health-regions", QUIET)


def test_delete_leaves_no_orphaned_rows(load: Load, first_file: Path, tmp_path: Path) -> None:
    load(first_file)
    load(shape(tmp_path, files.fsa_grid(["R3A"]), "fsa"), "fsa")
    for vintage in Vintage.objects.all():
        publish.delete(vintage)
    assert {table: rows for table, (rows, _) in checksums().items() if rows} == {"coverage": 2}
    with connection.cursor() as cursor:
        for table in ("region", "region_part", "region_level", "overlap"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone() == (0,)


def test_dry_run_reports_and_stores_nothing(load: Load, first_file: Path, second_file: Path) -> None:
    load(first_file)
    before = checksums()
    outcome = load(second_file, dry_run=True)
    assert (outcome.what, checksums()) == ("dry run", before)
    assert outcome.report["regions"] == 4
    assert outcome.report["changes"]["renamed"] == ["4601"]


def test_dry_run_keeps_staged_vintage(load: Load, first_file: Path) -> None:
    with pytest.raises(GatesFailed):
        load(first_file, expected_count=9)
    before = checksums()
    load(first_file, expected_count=9, dry_run=True)
    assert checksums() == before


def test_report_lists_new_gone_and_renamed_codes(load: Load, tmp_path: Path) -> None:
    load(shape(tmp_path, files.grid(5), "a"), vintage="2018", effective_from=date(2018, 1, 1))
    rows = [*files.grid(4), files.region("4699", files.cell(4))]
    rows[0] = files.region("4601", files.cell(0), name="Another")
    changes = load(shape(tmp_path, rows, "b")).report["changes"]
    assert changes == {"previous": "2018", "new": ["4699"], "gone": ["4605"], "renamed": ["4601"]}


# ---------------------------------------------------------------- seed


@pytest.mark.parametrize("number", [1, 2, 3, 5, 15, 40])
def test_seed_creates_requested_number_of_regions(db: None, number: int) -> None:
    outcomes = seed(number, steps=QUIET)
    assert [
        (outcome.vintage.coverage.slug, outcome.what, outcome.vintage.region_count, outcome.vintage.demo)
        for outcome in outcomes
    ] == [
        ("health-regions", "published", number, True),
        ("fsa", "published", number, True),
    ]
    assert Region.objects.count() == 2 * number
    assert Region.objects.filter(parts=None).count() == 0
    assert RegionLevel.objects.count() == 2 * number * 4
    assert Overlap.objects.count() > 0
    assert RegionPart.objects.count() >= 2 * number
    assert all(gate["passed"] for item in outcomes for gate in item.report["gates"])


def test_seed_codes_are_unique_up_to_the_maximum(db: None) -> None:
    from geography.codes import is_fsa
    from loader.seed import _cfsauid, _hruid
    from loader.source.declarations import read_sources

    hruids, fsas = {_hruid(number) for number in range(MOST)}, {_cfsauid(item) for item in range(MOST)}
    assert (len(hruids), len(fsas)) == (MOST, MOST)
    assert all(map(read_sources().coverages["health-regions"].code_pattern.fullmatch, hruids))
    assert all(map(is_fsa, fsas))


def test_seed_is_deterministic_and_replaces_itself(db: None) -> None:
    seed(3, steps=QUIET)
    before = checksums()
    assert [item.what for item in seed(3, steps=QUIET)] == ["unchanged", "unchanged"]
    assert checksums() == before
    assert [item.vintage.region_count for item in seed(4, steps=QUIET)] == [4, 4]
    assert Vintage.objects.filter(status=Status.PUBLISHED).count() == 2


@pytest.mark.parametrize("number", [0, -1, MOST + 1])
def test_seed_refuses_numbers_out_of_range(db: None, number: int) -> None:
    with pytest.raises(SourceError, match=f"from 1 to {MOST}"):
        seed(number, steps=QUIET)


def test_seed_refuses_official_boundaries(load: Load, first_file: Path) -> None:
    load(first_file, vintage="part", extract=True)
    before = checksums()
    with pytest.raises(CommandError, match=r"holds real boundaries \(health-regions part\)"):
        call_command("seed", "api", number=3, stdout=StringIO(), verbosity=0)
    assert checksums() == before


def test_seed_prints_its_vintages(db: None) -> None:
    out = StringIO()
    call_command("seed", "api", "--number=2", stdout=out, verbosity=0)
    assert out.getvalue() == "health-regions fake: 2 fake regions, published.\nfsa fake: 2 fake regions, published.\n"
