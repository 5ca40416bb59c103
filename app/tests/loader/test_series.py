"""Loading of series: declarations, formats, gates, issues, places, memberships."""

import gzip
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from indicators.models import Indicator, Issue, PlaceMember, Value
from loader.errors import FileRefused, GatesFailed, PublishError, SourceError
from loader.series import pipeline
from loader.series.declarations import Source, read_series
from loader.series.pipeline import Acceptance
from loader.series.places import seed_places
from tests.support.series_file import TOML

pytestmark = pytest.mark.django_db

HEADER = "date,region,code,value\n"


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Any]:
    """Return a function that loads rows as an issue of the source of TOML."""
    places = settings.REPO_DIR / "geodata" / "sample" / "series" / "places.csv"
    (tmp_path / "places.csv").write_bytes(places.read_bytes())
    toml = tmp_path / "series.toml"
    toml.write_text(TOML, encoding="utf-8")

    def run(
        *rows: str, text: str | None = None, accept: tuple[str, ...] = (), dry_run: bool = False, at: int = 1, **options: Any
    ) -> Any:
        path = tmp_path / "rows.csv"
        path.write_text(HEADER + "\n".join(rows) + "\n" if text is None else text, encoding="utf-8")
        return pipeline.load(
            replace(read_series(toml)["test"], **options),
            path=path,
            issued_at=datetime(2022, 6, at, tzinfo=UTC),
            acceptance=Acceptance(frozenset(accept), "a reason"),
            dry_run=dry_run,
            declarations=toml,
        )

    return run


def state() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT series_id, period, value, status, from_issue_id, to_issue_id FROM indicator_value ORDER BY 1, 2, 5"
        )
        values = cursor.fetchall()
        cursor.execute("SELECT series_id, measure, start, values, statuses FROM indicator_blob ORDER BY 1, 2")
        return hashlib.sha256(repr((values, cursor.fetchall())).encode()).hexdigest()


def current() -> dict[tuple[str, str], tuple[float | None, int]]:
    rows = Value.objects.filter(to_issue=None).values_list("series__place__key", "period", "value", "status")
    return {(key, str(period)): (value, status) for key, period, value, status in rows}


TWO = ("2022-01-01,ON,3595,100", "2022-01-01,QC,2406,100", "2022-01-02,ON,3595,110", "2022-01-02,QC,2406,120")


def test_load_of_same_content_does_nothing(load: Callable[..., Any]) -> None:
    assert load(*TWO).what == "published"
    before = state()
    assert load(*TWO, at=2).what == "unchanged"
    assert (state(), Issue.objects.count()) == (before, 1)


def test_dry_run_stores_nothing(load: Callable[..., Any]) -> None:
    assert load(*TWO, dry_run=True).what == "dry run"
    assert Issue.objects.count() == Value.objects.count() == 0


def test_only_changes_are_stored_and_missing_values_withdrawn(load: Callable[..., Any]) -> None:
    load(*TWO)
    changed = load(*TWO[:3], "2022-01-03,ON,3595,115", at=2, accept=("ends_earlier", "rewrites", "national_falls"))
    assert changed.report["changes"] == {"new": {"3595": 1}, "changed": {}, "withdrawn": {"2406": 1}}
    assert Value.objects.count() == 6
    assert current()["2406", "2022-01-02"] == (None, 6)


def test_rollback_restores_every_value(load: Callable[..., Any]) -> None:
    load(*TWO)
    before = state()
    load("2022-01-01,ON,3595,90", *TWO[1:], at=2, accept=("rewrites",))
    assert state() != before
    pipeline.roll_back(replace(_source("test"), indicator="test"))
    assert state() == before


def _source(name: str) -> Source:
    return replace(read_series()["covid-cases"], name=name)


@pytest.mark.parametrize(
    ("rows", "gate", "shown"),
    [
        (TWO[:1] + TWO[2:3], "vanished", "2406"),
        (TWO[:3], "ends_earlier", "2406: 2022-01-01"),
        ((*TWO[:3], "2022-01-02,QC,2406,20"), "national_falls", "130, before 230"),
        ((*TWO[:3], "2022-01-02,QC,2406,20"), "region_moves", "2406: 20, before 120"),
        (("2022-01-01,ON,3595,99", *TWO[1:]), "rewrites", "3595: 1"),
    ],
)
def test_revision_fails_gate_that_names_the_place(
    load: Callable[..., Any], rows: tuple[str, ...], gate: str, shown: str
) -> None:
    load(*TWO)
    before = state()
    with pytest.raises(GatesFailed) as caught:
        load(*rows, at=2)
    assert gate in caught.value.names
    failed = next(item for item in caught.value.report["gates"] if item["name"] == gate)
    assert shown in "\n".join((failed["detail"], *failed["listed"]))
    assert state() == before


@pytest.mark.parametrize(
    ("row", "gate", "shown"),
    [
        ("2022-01-02,ON,4711,1", "codes", "line 6: ON:4711"),
        ("2022-01-02,XX,3595,1", "codes", "line 6: province XX"),
        ("2022-01-02,ON,3595,111", "duplicates", "line 6: 3595 2022-01-02"),
        ("2999-01-01,ON,3595,111", "future", "line 6: 2999-01-01"),
        ("2022-01-32,ON,3595,111", "text", "line 6: '2022-01-32'"),
        ("2022-01-03,ON,3595,n.d.", "text", "line 6: 'n.d.'"),
        ("2022-01-03,ON,3595,nan", "text", "line 6: 'nan'"),
        ('2022-01-03,ON,3595,"1,5"', "text", "line 6: '1,5'"),
        ("2022-01-02,ON,,500", "sums", "ON 2022-01-02: parts 110, province 500"),
    ],
)
def test_invalid_row_fails_gate_that_names_the_line(load: Callable[..., Any], row: str, gate: str, shown: str) -> None:
    with pytest.raises(GatesFailed) as caught:
        load(*TWO, row)
    assert caught.value.names == (gate,)
    listed = next(item for item in caught.value.report["gates"] if item["name"] == gate)["listed"]
    assert any(shown in line for line in listed), listed
    assert Issue.objects.count() == 0


def test_accepted_gate_is_stored_with_reason(load: Callable[..., Any]) -> None:
    load(*TWO, "2022-01-02,ON,4711,1", accept=("codes",))
    report = Issue.objects.get().report
    assert (report["accepted"], report["because"]) == (["codes"], "a reason")


def test_gate_text_cannot_be_accepted(load: Callable[..., Any]) -> None:
    with pytest.raises(GatesFailed):
        load(*TWO, "2022-01-03,ON,3595,n.d.", accept=("text",))


def test_issue_older_than_published_one_is_refused(load: Callable[..., Any]) -> None:
    load(*TWO, at=5)
    with pytest.raises(PublishError, match="later than this one"):
        load(*TWO[:2], at=4)


def test_unquoted_commas_are_refused_unless_declared(load: Callable[..., Any]) -> None:
    text = "date,region,code,value,note\n2022-01-01,ON,3595,1,fine\n2022-01-02,ON,3595,2,first, second, third\n"
    with pytest.raises(FileRefused, match="line 3: 7 fields where the header has 5"):
        load(text=text)
    load(text=text, surplus="last")
    assert current()["3595", "2022-01-02"] == (2, 0)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_place_names_in_declared_encoding_match(load: Callable[..., Any], tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "names.csv.gz"
    text = "date,region,code,value\n2022-01-01,QC,Montréal,5\n2022-01-01,QC,chaudière appalaches,7\n"
    path.write_bytes(gzip.compress(text.encode(encoding)))
    load(*TWO)  # creates the places
    source = replace(
        _source("names"), shape="long", changes=False, carried=False, totals=False, cadence=(), ended=(), match="name"
    )
    source = replace(
        source,
        indicator="names",
        encoding=encoding,
        columns={"period": "date", "value": "value", "province": "region", "place": "code"},
    )
    pipeline.load(source, path=path)
    named = {key: value for (key, _), (value, _) in current().items() if key in ("2406", "2412") and value in (5, 7)}
    assert named == {"2406": 5, "2412": 7}


def test_wrong_encoding_is_refused(load: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("date,region,code,value\n2022-01-01,QC,Montréal,5\n".encode("latin-1"))
    with pytest.raises(FileRefused, match="declare its encoding"):
        pipeline.load(replace(_source("x"), shape="long", columns={"period": "date", "value": "value"}), path=path)


def test_documented_series_example_loads(tmp_path: Path) -> None:
    document = (settings.REPO_DIR / "docs" / "indicators.md").read_text(encoding="utf-8")
    rows, toml = (re.search(rf"```{name}\n(.*?)```", document, re.S) for name in ("csv", "toml"))
    assert rows
    assert toml
    (tmp_path / "my.toml").write_text(toml.group(1), encoding="utf-8")
    (tmp_path / "visits.csv").write_text(rows.group(1), encoding="utf-8")
    with pytest.raises(CommandError, match="591"):
        # Before the places are seeded, the code is unknown.
        call_command("load_series", "my-visits", sources=tmp_path / "my.toml", file=tmp_path / "visits.csv", verbosity=0)
    seed_places()
    call_command(
        "load_series", "my-visits", sources=tmp_path / "my.toml", file=tmp_path / "visits.csv", verbosity=0, stdout=StringIO()
    )
    assert current() == {
        ("591", "2022-01-08"): (12.5, 0),
        ("592", "2022-01-08"): (5, 5),
        ("591", "2022-01-15"): (14, 0),
        ("592", "2022-01-15"): (None, 4),
    }


MEMBERS = """
[[members]]
place_coverage = "covid-reporting-regions"
place_vintage = "2020-08"
coverage = "health-regions"
vintages = ["2022"]
basis = "Names compared."
"""


def seed_members(tmp_path: Path, memberships: str) -> None:
    """Seed the places of TOML with these memberships."""
    places = settings.REPO_DIR / "geodata" / "sample" / "series" / "places.csv"
    (tmp_path / "places.csv").write_bytes(places.read_bytes())
    (tmp_path / "series.toml").write_text(f"{TOML}{MEMBERS}{memberships}\n", encoding="utf-8")
    seed_places(tmp_path / "series.toml")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("region,3595", "places.csv has more than one row for 3595"),
        ("city,1", "places.csv has rows of kind city; kinds are country, province, region"),
    ],
)
def test_places_file_with_unknown_kind_or_duplicate_is_refused(tmp_path: Path, row: str, message: str) -> None:
    places = (settings.REPO_DIR / "geodata" / "sample" / "series" / "places.csv").read_text(encoding="utf-8")
    assert places.startswith("kind,code,")
    (tmp_path / "places.csv").write_text(places.rstrip("\n") + f"\n{row}\n", encoding="utf-8")
    (tmp_path / "series.toml").write_text(TOML, encoding="utf-8")
    with pytest.raises(SourceError, match=message):
        seed_places(tmp_path / "series.toml")


def test_memberships_are_stored_with_method(tmp_path: Path) -> None:
    seed_members(tmp_path, 'same_codes = ["3595"]\npart_of.591 = ["5911", "5912"]\nsum = { 4711 = "4701", 4712 = "4701" }')
    assert set(PlaceMember.objects.values_list("place__code", "code", "method")) == {
        ("3595", "3595", "same"),
        ("591", "5911", "part_of"),
        ("591", "5912", "part_of"),
        ("4711", "4701", "sum"),
        ("4712", "4701", "sum"),
    }


@pytest.mark.parametrize(
    ("memberships", "message"),
    [
        ('common.591 = ["5911"]', "members[0]: unknown key 'common'. Allowed keys: basis, coverage, part_of"),
        ('same_codes = "3595"', "members[0]: same_codes must be a list"),
        ('part_of.599 = ["5911"]', "members[0]: unknown place '599' in covid-reporting-regions 2020-08"),
        ('part_of = { 591 = "5911", 592 = "5911" }', "members[0]: region '5911' is declared twice (part_of, part_of)"),
        ('same = { 4711 = "4701", 4712 = "4701" }', "members[0]: region '4701' is declared twice (same, same)"),
        ('same_codes = ["3595"]\nsum.3530 = ["3595"]', "members[0]: region '3595' is declared twice (same, sum)"),
    ],
)
def test_membership_without_defined_conversion_is_refused(tmp_path: Path, memberships: str, message: str) -> None:
    with pytest.raises(SourceError, match=re.escape(message)):
        seed_members(tmp_path, memberships)
    assert not PlaceMember.objects.exists()


@pytest.mark.usefixtures("db")
def test_overdispersion_is_stored_with_the_indicator(load: Callable[..., Any]) -> None:
    load("2022-01-01,ON,3595,1")
    assert Indicator.objects.get(slug="test").overdispersion == 2.5
    load("2022-01-01,ON,3595,2", at=2, overdispersion=4, accept=("region_moves", "rewrites"))
    assert Indicator.objects.get(slug="test").overdispersion == 4
