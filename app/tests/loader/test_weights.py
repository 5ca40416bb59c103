"""Population weights: the load of a block file over the demonstration."""

import csv
import gzip
import io
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import Sum
from django.test import Client

from geography.codes import fsa_provinces
from geography.models import Overlap, Region, Vintage
from geography.vintages import catalogue as boundaries
from indicators.models import BlockFile, BlockPoint, Indicator, PlaceMember, PlaceWeight
from loader.errors import GatesFailed
from loader.export.make import make_lookup
from loader.series.declarations import SERIES_FILE
from loader.series.places import seed_places
from loader.weights import load as loading
from loader.weights.points import POSTAL_POINTS_FILE, read_points
from loader.weights.shares import complete, complete_places
from tests.support.block_files import ATTRIBUTES, CORRESPONDENCE, written
from tests.support.boundary_files import quiet


def test_embedded_points_are_those_of_the_postal_codes(db: None) -> None:
    points = read_points()
    assert points.basis == "postal_codes"
    assert points.fsa is not None
    assert len(points.fsa) == 57_087
    # The FSAs of the census of 2016, without 2 people counted elsewhere.
    assert points.people.sum() == pytest.approx(35_151_726)
    assert points.weight.sum() == 891_907


@pytest.fixture(scope="module")
def national(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a block file of the country, made of the embedded points: a block with people at each."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*ATTRIBUTES.split(","), "", ""])
    with gzip.open(POSTAL_POINTS_FILE, "rt", encoding="utf-8", newline="") as file:
        number = 0
        for row in csv.DictReader(file):
            points = row["points"].split(";")
            pruid = fsa_provinces(row["fsa"])[0].pruid
            for point in points:
                lon, lat, _ = point.split()
                area = f"{pruid}{number // 1000:06}"
                writer.writerow(
                    ["Québec", f"{area}{number % 1000:03}", int(row["people"] or 0) // len(points), area, lat, lon, "", ""]
                )
                number += 1
    path = tmp_path_factory.mktemp("blocks") / "2021_92-151_X.csv"
    path.write_bytes(text.getvalue().encode("latin-1"))
    return path


@pytest.fixture
def run(demonstration: None, db: None) -> Callable[..., str]:
    """Return a function that runs the command and returns its output; the database is as before after the test."""

    def command(*arguments: Any) -> str:
        output = StringIO()
        call_command("load_weights", *map(str, arguments), verbosity=0, stdout=output)
        return output.getvalue()

    return command


def stored() -> tuple[list[Any], list[Any]]:
    """Return all weights."""
    overlaps = Overlap.objects.order_by("pk").values_list("pk", "share_of_people", "people_basis")
    weights = PlaceWeight.objects.order_by("place", "code").values_list("place", "code", "share_of_place", "basis")
    return list(overlaps), list(weights)


def test_weights_of_the_demonstration_come_from_postal_codes(demonstration: None, db: None) -> None:
    overlaps = Overlap.objects.exclude(people_basis=None)
    assert 1_880 <= overlaps.count() <= 1_930
    sums = overlaps.values_list("fsa").annotate(Sum("share_of_people"))
    assert {round(total, 9) for _, total in sums} == {1.0}
    assert not Overlap.objects.filter(people_basis=None, share_of_fsa__gte=0.001, artefact="").exists()
    totals = PlaceWeight.objects.values_list("place").annotate(Sum("share_of_place"))
    assert (len(totals), {round(total, 9) for _, total in totals}) == (99, {1.0})
    assert set(PlaceWeight.objects.values_list("basis", flat=True)) == {"postal_codes"}


def test_block_file_replaces_postal_codes_until_it_is_removed(run: Callable[..., str], national: Path) -> None:
    former = stored()
    assert "would be loaded" in run(national, "--dry-run")
    assert (stored(), BlockFile.objects.count(), BlockPoint.objects.count()) == (former, 0, 0)

    assert "Loaded" in run(national)
    overlaps, weights = stored()
    assert {basis for _, share, basis in overlaps if share is not None} == {"blocks"}
    assert {basis for *_, basis in weights} == {"blocks"}
    sums = Overlap.objects.exclude(people_basis=None).values_list("fsa").annotate(Sum("share_of_people"))
    assert {round(total, 9) for _, total in sums} == {1.0}
    assert len(sums) > 1_550

    assert "nothing to do" in run(national)
    assert stored() == (overlaps, weights)

    assert "postal codes" in run("--remove")
    assert (stored(), BlockFile.objects.count(), BlockPoint.objects.count()) == (former, 0, 0)
    assert "No block file" in run("--remove")


def test_part_of_a_file_fails_its_gates_and_changes_nothing(run: Callable[..., str], national: Path, tmp_path: Path) -> None:
    former = stored()
    part = tmp_path / "part.csv"
    part.write_bytes(b"\r\n".join(national.read_bytes().split(b"\r\n")[:20_000]))
    with pytest.raises(CommandError, match="gate complete") as failed:
        run(part)
    assert failed.value.returncode == 2
    assert stored() == former
    with pytest.raises(CommandError, match="--because"):
        run(part, "--accept", "complete")
    assert "Loaded" in run(part, "--accept", "complete", "--because", "a test")
    assert BlockFile.objects.get().report["accepted"]["because"] == "a test"


def test_codes_and_sums_are_compared_with_the_published_vintage(
    demonstration: None, db: None, national: Path, tmp_path: Path
) -> None:
    Vintage.objects.filter(coverage__slug="health-regions").update(label="2023")
    make_lookup(Vintage.objects.select_related("coverage").get(label="2023"), quiet())
    rows = list(csv.reader(national.read_text("latin-1").splitlines()))[1:]
    right = tmp_path / "right.csv"
    lines = [f"{row[1]},,{'9999' if number == 7 else '3595'},,,{row[2]},,," for number, row in enumerate(rows)]
    written(right, CORRESPONDENCE, *lines)
    with pytest.raises(GatesFailed) as failed:
        loading.load(right, positions=national, steps=quiet())
    assert failed.value.names == ("codes", "sums")
    gates = {gate["name"]: gate for gate in failed.value.report["gates"]}
    assert gates["codes"]["listed"] == ["9999"]
    assert gates["sums"]["listed"][0].startswith("3595: ")


@pytest.mark.parametrize("arguments", [(), ("file.csv", "--remove")])
def test_command_needs_a_file_or_remove(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="Give a file, or --remove"):
        call_command("load_weights", *arguments)


def test_relations_of_the_demonstration_are_declared_or_computed(demonstration: None, db: None) -> None:
    """Saskatchewan's thirteen zones and the seven of 2022 cover the province only together."""
    members = PlaceMember.objects.filter(coverage="health-regions", vintage_label="2022-demo")
    computed = members.exclude(share_of_place=None)
    assert set(computed.values_list("method", flat=True)) == {"common"}
    codes = set(computed.values_list("code", flat=True))
    assert codes == {f"470{number}" for number in range(1, 8)}
    assert {places.count() for places in (computed.filter(code=code) for code in codes)} == {13}
    assert not members.filter(share_of_place=None, code__in=codes).exists()
    regions = set(Region.objects.filter(vintage__label="2022-demo").values_list("code", flat=True))
    assert set(members.values_list("code", flat=True)) == regions


def test_weights_computed_without_a_publication_are_noticed(demonstration: None, db: None) -> None:
    """/now orders by people as soon as a start has computed the shares that were missing."""
    vintage = Vintage.objects.get(label="2022-demo")
    Indicator.objects.all().delete()
    Overlap.objects.update(share_of_people=None, people_basis=None)
    boundaries.clear()
    client, parameters = Client(), {"fsa": "K0A"}
    former = client.get("/now", parameters).json()
    assert (former["fsa"]["ordered_by"], former["indicators"]) == ("area", [])
    complete(vintage, quiet())
    boundaries.clear()  # older than half a second
    latter = client.get("/now", parameters).json()
    assert latter["fsa"]["ordered_by"] == "people"
    assert latter["fsa"]["attribution"].startswith("Shares of people: GeoNames")


def test_declared_relation_replaces_computed_ones(demonstration: None, db: None, tmp_path: Path) -> None:
    """The rest of a group is computed anew without the declared places and regions."""
    declared = '[members.same]\n4741 = "4704"\n[members.part_of]'
    text = SERIES_FILE.read_text(encoding="utf-8").replace("[members.part_of]", declared)
    for folder in ("sample", "places"):
        (tmp_path / folder).symlink_to(SERIES_FILE.parent / folder)
    (tmp_path / "series.toml").write_text(text, encoding="utf-8")
    seed_places(tmp_path / "series.toml")
    members = PlaceMember.objects.filter(coverage="health-regions", vintage_label="2022-demo", code__startswith="47")
    assert list(members.values_list("place__code", "code", "method")) == [("4741", "4704", "same")]
    complete_places()
    computed = members.exclude(share_of_place=None)
    assert not computed.filter(place__code="4741").exists()
    assert not computed.filter(code="4704").exists()
    # Places that share more than 1 % of their people with the declared ones have no relation.
    assert set(computed.values_list("method", flat=True)) <= {"common", "sum", "same", "part_of"}
    seed_places()
    complete_places()
    assert PlaceMember.objects.filter(vintage_label="2022-demo", method="common").count() == 91
