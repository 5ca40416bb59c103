"""Gates: each fails on a file made for it, names the rows, and can or cannot be accepted."""

from collections.abc import Callable
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from geography.models import Region, Status, Vintage
from loader import pipeline
from loader.errors import GatesFailed, SourceError
from loader.pipeline import Acceptance
from loader.publication import gates
from tests.support import boundary_files as files
from tests.support.loading import accept, checksums

Load = Callable[..., Any]


def failure(load: Load, *args: Any, **options: Any) -> GatesFailed:
    with pytest.raises(GatesFailed) as caught:
        load(*args, **options)
    return caught.value


def shape(tmp_path: Path, rows: list[files.Row], name: str = "regions") -> Path:
    return files.shape(tmp_path / name, rows, name=name)


# ---------------------------------------------------------------- gates without acceptance


def unacceptable(tmp_path: Path, gate: str) -> Path:
    rows = files.grid()
    if gate == "geometry":
        rows[1] = (rows[1][0], None)
    elif gate == "duplicates":
        rows[1] = files.region("4601", files.cell(1))
    elif gate == "canada":
        # The centre is in Canada, and the whole box in Canada's extent in EPSG:3347; a corner is outside of Canada.
        rows[1] = files.region("4602", files.box(files.CELL, 0, 2_200_000, 2_000_000))
    return shape(tmp_path, rows)


@pytest.mark.parametrize(
    ("gate", "row"),
    [
        ("geometry", "row 2 (4602): no geometry"),
        ("duplicates", "row 2 (4601): duplicate of row 1"),
        ("canada", "row 2 (4602): "),
    ],
)
def test_mandatory_gate_cannot_be_accepted(load: Load, tmp_path: Path, published: Any, gate: str, row: str) -> None:
    for acceptance in (None, accept(gate)):
        error = failure(load, unacceptable(tmp_path, gate), vintage="2022", acceptance=acceptance)
        assert error.names == (gate,)
        assert row in str(error)
        assert "was not stored" in str(error)
        assert "--accept" not in str(error)
        assert checksums() == published


# ---------------------------------------------------------------- gates with acceptance


def acceptable(tmp_path: Path, gate: str, load: Load) -> tuple[Path, dict[str, Any], tuple[str, ...]]:
    """Return a file that fails exactly this gate, the options for it, and parts of the message."""
    rows, options = files.grid(), {}
    named: tuple[str, ...] = ()
    if gate == "codes":
        rows[1] = files.region("46X2", files.cell(1))
        rows[2] = files.region("4603", files.cell(2), name="")
        named = ("row 2 (46X2): the code does not match", "row 3 (4603): no name")
    elif gate == "provinces":
        rows = [files.region(f"46{index:02d}", files.cell(index), PRUID="46" if index else "QC") for index in range(4)]
        named = ("row 1 (4600): no province",)
    elif gate == "text":
        rows[2] = files.region("4603", files.cell(2), french="RÃ©gion")
        named = ("row 3 (4603): 'RÃ©gion'",)
    elif gate == "repairs":
        corners = files.box(40_000, 0, 50_000, 10_000)
        rows[3] = files.region("4604", [corners[0], corners[2], corners[1], (corners[3][0], corners[3][1] + 3_000), corners[0]])
        named = ("row 4 (4604): Self-intersection",)
    elif gate == "count":
        options = {"expected_count": 5}
        named = ("4 regions; the limit is: 5 regions",)
    elif gate == "overlaps":
        rows[1] = files.region("4602", files.box(9_900, 0, 20_000, 10_000))
        named = ("4601 and 4602 overlap by 1 km2",)
    elif gate == "change":
        load(shape(tmp_path, files.grid(first=11), "before"), vintage="2018", effective_from=date(2018, 1, 1))
        named = ("4 of 4 codes of 2018 are gone", "    4611")
    elif gate == "shares":
        load(shape(tmp_path, files.fsa_grid(["R3A", "R3B", "R3C", "R3E"]), "fsa"), "fsa", vintage="2016")
        rows = [files.region("4601", files.cell(0, size=6_000)), files.region("4602", files.box(90_000, 0, 91_000, 1_000))]
        named = ("2016 in 2022: 0 over and 4 outside", "    R3A: 0.36", "    R3E: 0.000")
    return shape(tmp_path, rows), options, named


ACCEPTABLE = ("codes", "provinces", "text", "repairs", "count", "overlaps", "change", "shares")
# Without these, answers would be wrong: --accept cannot override them.
UNACCEPTABLE = ("geometry", "duplicates", "canada")


@pytest.mark.parametrize("gate", ACCEPTABLE)
def test_failed_gate_keeps_vintage_staged_until_accepted(
    load: Load, tmp_path: Path, gate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, options, named = acceptable(tmp_path, gate, load)
    before = checksums("v.status = 'published'")
    error = failure(load, path, **options)
    assert error.names == (gate,)
    for item in named:
        assert item in str(error)
    assert f"stays staged. To publish it all the same: --accept {gate} --because" in str(error)
    assert checksums("v.status = 'published'") == before
    staged = Vintage.objects.get(label="2022")
    assert staged.status == Status.STAGED

    # Without acceptance a second run gives the same error, with acceptance it publishes; neither reads the file again.
    monkeypatch.setattr(pipeline, "stage", None)
    assert str(failure(load, path, **options)) == str(error)
    outcome = load(path, acceptance=accept(gate, because="known since 2011", by="Ann"), **options)
    assert (outcome.what, outcome.vintage.pk) == ("published", staged.pk)
    stored = {item["name"]: item for item in Vintage.objects.get(pk=staged.pk).report["gates"]}
    accepted = stored[gate].pop("accepted")
    assert (accepted["by"], accepted["because"], accepted["at"][:2]) == ("Ann", "known since 2011", "20")
    assert [name for name, item in stored.items() if "accepted" in item] == []


def test_every_gate_is_checked_and_passes_on_a_good_file(load: Load, tmp_path: Path) -> None:
    report = load(shape(tmp_path, files.grid()), expected_count=4).report
    assert {gate["name"]: gate["acceptable"] for gate in report["gates"]} == (
        dict.fromkeys(ACCEPTABLE, True) | dict.fromkeys(UNACCEPTABLE, False)
    )
    assert {gate["name"] for gate in report["gates"]} == set(gates.GATES)
    assert [item for item in report["gates"] if not item["passed"]] == []


def test_gaps_fail_the_gate_overlaps(load: Load, tmp_path: Path) -> None:
    ring = [
        (0, 0),
        (0, 10_000),
        (5_000, 10_000),
        (5_000, 8_000),
        (4_900, 8_000),
        (4_900, 2_000),
        (5_000, 2_000),
        (5_000, 0),
        (0, 0),
    ]
    bay = files.region("4601", [(files.EAST + x, files.NORTH + y) for x, y in ring])
    error = failure(load, shape(tmp_path, [bay, files.region("4602", files.box(5_000, 0, 10_000, 10_000))]))
    assert error.names == ("overlaps",)
    assert "a gap of 0.6 km2 between 4601 and 4602" in str(error)


def test_lake_between_regions_is_no_gap(load: Load, tmp_path: Path) -> None:
    ring = [
        (0, 0),
        (0, 10_000),
        (5_000, 10_000),
        (5_000, 8_000),
        (1_000, 8_000),
        (1_000, 2_000),
        (5_000, 2_000),
        (5_000, 0),
        (0, 0),
    ]
    rows = [
        files.region("4601", [(files.EAST + x, files.NORTH + y) for x, y in ring]),
        files.region("4602", files.box(5_000, 0, 10_000, 10_000)),
    ]
    assert load(shape(tmp_path, rows)).what == "published"


def test_shares_above_one_are_named(load: Load, tmp_path: Path) -> None:
    rows = [files.region("4601", files.cell(0)), files.region("4602", files.cell(0))]
    load(shape(tmp_path, rows), acceptance=accept("overlaps"))
    error = failure(load, shape(tmp_path, files.fsa_grid(["R3A"]), "fsa"), "fsa")
    assert error.names == ("shares",)
    assert "R3A: 2.000" in str(error)


def test_all_failed_gates_must_be_accepted(load: Load, tmp_path: Path) -> None:
    rows = [files.region("46X1", files.cell(0)), files.region("4602", files.cell(1), name="RÃ©gion")]
    path = shape(tmp_path, rows)
    assert failure(load, path).names == ("codes", "text")
    assert failure(load, path, acceptance=accept("codes")).names == ("text",)
    assert load(path, acceptance=accept("codes", "text")).what == "published"


def test_acceptance_of_passed_gate_is_not_stored(load: Load, tmp_path: Path) -> None:
    report = load(shape(tmp_path, files.grid()), acceptance=accept("text")).report
    assert [gate for gate in report["gates"] if "accepted" in gate] == []


def test_acceptance_of_unknown_gate_is_refused(load: Load, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"Unknown gate 'txet'\. Gates: geometry, duplicates, codes"):
        load(shape(tmp_path, files.grid()), acceptance=accept("txet"))
    assert not Vintage.objects.filter(status=Status.PUBLISHED).exists()


def test_changed_expected_count_is_checked_again(load: Load, tmp_path: Path) -> None:
    path = shape(tmp_path, files.grid())
    assert failure(load, path, expected_count=5).names == ("count",)
    assert load(path, expected_count=4).what == "published"
    assert Vintage.objects.count() == 1


def test_repair_is_recorded_in_region_and_report(load: Load, tmp_path: Path) -> None:
    spike = [(0, 0), (0, 10_000), (10_000, 10_000), (10_000, 0), (12_000, 0), (10_000, 0), (0, 0)]
    rows = [files.region("4601", [(files.EAST + x, files.NORTH + y) for x, y in spike]), files.region("4602", files.cell(4))]
    report = load(shape(tmp_path, rows)).report
    assert dict(Region.objects.values_list("code", "repaired")) == {"4601": True, "4602": False}
    assert report["repaired"] == 1
    assert report["repairs"][0].startswith("row 1 (4601): ")


# ---------------------------------------------------------------- command line


def command(*args: Any, **options: Any) -> str:
    out = StringIO()
    call_command("load_boundaries", *args, stdout=out, verbosity=0, **options)
    return out.getvalue()


def arguments(path: Path) -> list[str]:
    return [
        *("--coverage=health-regions", f"--file={path}", "--vintage=2022"),
        *("--effective-from=2022-12-01", "--representation=digital", "--title=Test", "--title-fr=Essai"),
    ]


def test_failed_gate_exits_with_code_two(db: None, tmp_path: Path) -> None:
    path = shape(tmp_path, [files.region("46X1", files.cell(0))])
    with pytest.raises(CommandError) as caught:
        command(*arguments(path))
    assert caught.value.returncode == 2
    assert "gate codes: 1 row;" in str(caught.value)
    command(*arguments(path), "--accept=codes", "--because=it is a pilot", "--by=Ann")
    (gate,) = [item for item in Vintage.objects.get().report["gates"] if "accepted" in item]
    assert (gate["accepted"]["by"], gate["accepted"]["because"]) == ("Ann", "it is a pilot")


@pytest.mark.parametrize("because", [[], ["--because="], ["--because=  "]])
def test_acceptance_needs_a_reason(db: None, tmp_path: Path, because: list[str]) -> None:
    path = shape(tmp_path, [files.region("46X1", files.cell(0))])
    with pytest.raises(CommandError, match="--accept needs --because") as caught:
        command(*arguments(path), "--accept=codes", *because)
    assert caught.value.returncode == 1
    assert not Vintage.objects.exists()


def test_acceptance_by_user_without_account(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_account() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", no_account)
    assert Acceptance().by.startswith("user ")
