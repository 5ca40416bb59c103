"""Issues in time order: folders and files of changes, gates that hold an issue, and resumption."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from indicators.models import Blob, Indicator, Issue, Series, Value
from indicators.queries.as_of import IssueValues
from loader.errors import FileRefused, GatesFailed, PublishError
from loader.series import pipeline, storage
from loader.series.declarations import Source, read_series
from tests.support.issue_history import DAYS, KEYS, SmallIssue, changes_text, declared, small_history

pytestmark = pytest.mark.django_db
ALL = ("vanished", "ends_earlier", "national_falls", "region_moves", "rewrites")


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Return the source of the small history."""
    return declared(tmp_path)[0]


@pytest.fixture
def load(source: Source, tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that loads a history as a file of changes, and returns the outcome of each issue."""

    def run(history: list[SmallIssue], *, accept: tuple[str, ...] = (), text: str | None = None) -> list[str]:
        path = tmp_path / "changes.csv"
        path.write_text(changes_text(history) if text is None else text, encoding="utf-8")
        acceptance = pipeline.Acceptance(frozenset(accept), "as it was published")
        outcomes = pipeline.load_issues(source, path, acceptance=acceptance, declarations=tmp_path / "series.toml")
        return [outcome.what for _, outcome in outcomes]

    return run


def values_as_of(issue: Issue) -> dict[tuple[str, str], float | None]:
    """Return the values that the source states, as of an issue, under the keys of the small history."""
    values = IssueValues(issue.indicator, issue)
    stated: dict[tuple[str, str], float | None] = {}
    for series in values.series:
        start, end = values.extent(series)
        days = [start + timedelta(days=step) for step in range((end - start).days + 1)]
        province = series.place.parent.key if series.place.parent else ""
        for day, element in zip(days, values.elements(series, "cumulative", days), strict=True):
            if not series.derived and element.value is not None and element.lag == 0:
                stated[f"{province}{series.place.code}", str(day)] = element.value
    return stated


def published() -> list[Issue]:
    return list(Issue.objects.filter(status="published").select_related("indicator").order_by("pk"))


def state() -> tuple[Any, Any]:
    values = Value.objects.order_by("series", "period", "from_issue").values_list("series", "period", "value", "status")
    return list(values), blobs()


def blobs() -> list[Any]:
    columns = ("series", "measure", "start", "values", "statuses", "lags", "spans")
    return list(Blob.objects.order_by("series", "measure").values_list(*columns))


def test_file_of_changes_reproduces_every_issue(load: Callable[..., list[str]]) -> None:
    history = small_history()
    assert load(history, accept=ALL) == ["published"] * 5
    issues = published()
    assert [issue.issued_at for issue in issues] == [issue.issued_at for issue in history]
    for issue, expected in zip(issues, history, strict=True):
        assert values_as_of(issue) == expected.state


def test_only_changes_are_stored(load: Callable[..., list[str]]) -> None:
    history = small_history()
    load(history, accept=ALL)
    stored = Value.objects.filter(series__derived=False).count()
    changes = 0
    for before, after in pairwise([{}, *(issue.state for issue in history)]):
        changes += sum(before.get(place) != after.get(place) for place in before.keys() | after.keys())
    assert stored == changes < sum(len(issue.state) for issue in history)


@pytest.mark.parametrize("indexed", [False, True])
def test_folder_is_loaded_in_time_order(source: Source, tmp_path: Path, indexed: bool) -> None:
    """Names sort in the reverse order; the index writes the instants with different zones."""
    history, folder = small_history(), tmp_path / "issues"
    folder.mkdir()
    lines = ["file,committed_at"]
    for number, written in enumerate(history):
        name = f"{9 - number}.csv" if indexed else f"{9 - number}_{written.issued_at:%Y-%m-%dT%H%M}Z.csv"
        (folder / name).write_text(written.raw(), encoding="utf-8")
        lines.append(f"{name},{written.instant}")
    if indexed:
        (folder / "INDEX.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    acceptance = pipeline.Acceptance(frozenset(ALL), "as published")
    outcomes = list(pipeline.load_issues(source, folder, acceptance=acceptance, declarations=tmp_path / "series.toml"))
    assert [outcome.what for _, outcome in outcomes] == ["published"] * 5
    for issue, expected in zip(published(), history, strict=True):
        assert (issue.issued_at, values_as_of(issue)) == (expected.issued_at, expected.state)


def test_loading_twice_does_nothing(load: Callable[..., list[str]]) -> None:
    load(small_history(), accept=ALL)
    before = state()
    assert load(small_history(), accept=ALL) == ["unchanged"] * 5
    assert (state(), Issue.objects.count()) == (before, 5)


def test_stopped_run_continues(load: Callable[..., list[str]], source: Source, tmp_path: Path) -> None:
    history = small_history()
    load(history, accept=ALL)
    whole = [(issue.issued_at, issue.sha256, values_as_of(issue)) for issue in published()]
    Indicator.objects.all().delete()
    acceptance = pipeline.Acceptance(frozenset(ALL), "as published")
    run = pipeline.load_issues(source, tmp_path / "changes.csv", acceptance=acceptance, declarations=tmp_path / "series.toml")
    for _ in range(2):
        next(run)
    run.close()
    assert values_as_of(published()[-1]) == history[1].state
    assert load(history, accept=ALL) == ["unchanged"] * 2 + ["published"] * 3
    assert [(issue.issued_at, issue.sha256, values_as_of(issue)) for issue in published()] == whole


def test_issue_older_than_the_newest_is_refused(load: Callable[..., list[str]]) -> None:
    history = small_history()
    load(history[1:3])
    before = state()
    with pytest.raises(PublishError, match="loaded in time order; --rollback removes the later ones"):
        load(history[:3])
    assert state() == before


def test_bad_issue_is_held_and_the_next_good_one_published(load: Callable[..., list[str]]) -> None:
    history = small_history()
    assert load(history) == ["published", "published", "published", "held", "published"]
    held = Issue.objects.get(status="staged")
    assert held.issued_at == history[3].issued_at
    gates = {gate["name"]: gate["listed"] for gate in held.report["gates"] if not gate["passed"]}
    assert gates["vanished"][0] == "2406"
    assert not Value.objects.filter(from_issue=held).exists()
    # Loading the history again does not report what a later issue has overtaken.
    assert load(history) == ["unchanged"] * 5
    # The last issue is compared with the one before the incident.
    assert published()[-1].report["changes"]["withdrawn"] == {}
    assert values_as_of(published()[-1]) == history[4].state


def test_held_issue_is_published_with_a_reason_and_its_own_instant(
    load: Callable[..., list[str]], source: Source, tmp_path: Path, capsys: Any
) -> None:
    history = small_history()
    load(history[:3])
    path = tmp_path / "vanished.csv"
    path.write_text(history[3].raw(), encoding="utf-8")
    toml = tmp_path / "series.toml"
    with pytest.raises(GatesFailed):
        pipeline.load(source, path=path, issued_at=history[3].issued_at, declarations=toml)
    with pytest.raises(GatesFailed):
        pipeline.load(source, path=path, issued_at=history[3].issued_at, declarations=toml)
    assert Issue.objects.filter(status="staged").count() == 1
    call_command("load_series", list=True, sources=toml)
    expected = "1 later held by gates since 2022-06-03 12:00 UTC (vanished, national_falls, rewrites)"
    assert f"issue of 2022-06-03 01:17 UTC, {expected}" in capsys.readouterr().out
    acceptance = pipeline.Acceptance(frozenset(ALL), "Québec ended", "A. Person", named=True)
    assert pipeline.load(source, path=path, acceptance=acceptance, declarations=toml).what == "published"
    last = published()[-1]
    assert (last.issued_at, Issue.objects.filter(status="staged").count()) == (history[3].issued_at, 0)
    assert (last.report["because"], last.report["by"]) == ("Québec ended", "A. Person")
    assert [issue.issued_at for issue in published()] == sorted(issue.issued_at for issue in published())


def test_held_issue_that_a_later_one_overtook_is_refused(
    load: Callable[..., list[str]], source: Source, tmp_path: Path
) -> None:
    history = small_history()
    load(history[:3])
    path = tmp_path / "vanished.csv"
    path.write_text(history[3].raw(), encoding="utf-8")
    with pytest.raises(GatesFailed):
        pipeline.load(source, path=path, issued_at=history[3].issued_at)
    load(history[:3] + history[4:])
    before = state()
    with pytest.raises(PublishError, match="later than this one"):
        pipeline.load(source, path=path, acceptance=pipeline.Acceptance(frozenset(ALL), "too late"))
    assert state() == before


def test_file_that_cannot_be_accepted_is_not_held(load: Callable[..., list[str]], source: Source, tmp_path: Path) -> None:
    load(small_history()[:1])
    path = tmp_path / "text.csv"
    path.write_text("date,region,code,value\n2022-01-01,ON,3595,n.d.\n", encoding="utf-8")
    with pytest.raises(GatesFailed):
        pipeline.load(source, path=path, declarations=tmp_path / "series.toml")
    assert Issue.objects.count() == 1


def test_derived_arrays_equal_a_derivation_from_scratch(load: Callable[..., list[str]]) -> None:
    """For every kind of change, the arrays that a run extends from the first changed day equal a complete derivation."""
    random = Random(7)  # noqa: S311 -- repeatable
    current = small_history()[0].state
    history = []
    for number in range(12):
        changed = dict(current)
        for key in KEYS:
            last = date.fromisoformat(max(day for place, day in current if place == key))
            changed[key, str(last + timedelta(days=random.choice((1, 1, 3))))] = 900 + 10 * number
        for place in random.sample(sorted(changed), 4):
            if random.random() < 0.5 and place[1] not in DAYS[2:]:
                changed.pop(place, None)  # the first days, so that series begin later
            else:
                changed[place] += random.choice((-3, 8))
        history.append(SmallIssue(f"2022-06-{number + 1:02}T00:00:00Z", changed))
        current = changed
    assert load(history, accept=(*ALL, "negatives", "future")) == ["published"] * 12
    extended = (blobs(), list(Series.objects.order_by("pk").values("first", "last", "last_report", "ended_on")))
    storage.derive(Indicator.objects.get(slug="history"))
    anew = (blobs(), list(Series.objects.order_by("pk").values("first", "last", "last_report", "ended_on")))
    assert extended == anew


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("ON3595,2022-01-01,1,2022-06-01T00:00:00", "line 2: '2022-06-01T00:00:00' is not a time with a time zone"),
        ("ON3595,2022-01-01,1,yesterday", "line 2: 'yesterday' is not a time"),
        (
            "ON3595,2022-01-01,1,2022-06-01T00:00:00Z\nON3595,2022-01-01,2,2022-05-31T20:00:00-04:00",
            "line 3: a second change of the same value in the same issue",
        ),
    ],
)
def test_file_of_changes_without_a_clear_order_is_refused(load: Callable[..., list[str]], row: str, message: str) -> None:
    with pytest.raises(FileRefused, match=message):
        load([], text=f"k,date,v,issue\n{row}\n")


def test_file_without_instant_is_refused(source: Source, tmp_path: Path) -> None:
    folder = tmp_path / "issues"
    folder.mkdir()
    with pytest.raises(FileRefused, match="has no CSV files of issues"):
        list(pipeline.load_issues(source, folder))
    (folder / "cases.csv").write_text(small_history()[0].raw(), encoding="utf-8")
    with pytest.raises(FileRefused, match="no time in the file name"):
        list(pipeline.load_issues(source, folder))
    (folder / "INDEX.csv").write_text("file,issued_at\ncases.csv,2022-06-01\n", encoding="utf-8")
    with pytest.raises(FileRefused, match=r"INDEX.csv, line 2: no file 'cases.csv', or no time with a time zone"):
        list(pipeline.load_issues(source, folder))


def test_file_of_one_issue_and_of_many_are_not_confused(source: Source, tmp_path: Path) -> None:
    history = small_history()
    (tmp_path / "one.csv").write_text(history[0].raw(), encoding="utf-8")
    (tmp_path / "many.csv").write_text(changes_text(history), encoding="utf-8")
    with pytest.raises(FileRefused, match="has no column of issues: load it with --file"):
        list(pipeline.load_issues(source, tmp_path / "one.csv"))
    with pytest.raises(FileRefused, match="so many issues: load it with --issues"):
        pipeline.load(source, path=tmp_path / "many.csv")


def test_command_names_held_issues_and_exits_with_two(source: Source, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "changes.csv"
    path.write_text(changes_text(small_history()), encoding="utf-8")
    with pytest.raises(CommandError, match="1 issues are held") as caught:
        call_command("load_series", "history", issues=path, sources=tmp_path / "series.toml", no_downloads=True)
    assert caught.value.returncode == 2
    printed = capsys.readouterr().out
    assert "2022-06-03 12:00:00 UTC  held      vanished (2406" in printed
    assert "history: 5 issues: 1 held, 4 published." in printed
    with pytest.raises(CommandError, match="without --file and --dry-run"):
        call_command("load_series", "history", issues=path, dry_run=True, sources=tmp_path / "series.toml")
    with pytest.raises(CommandError, match="to name the issue that --accept is for"):
        call_command("load_series", "history", issues=path, issued_at=datetime.now(UTC), sources=tmp_path / "series.toml")


def test_rollback_after_many_issues_restores_the_one_before(load: Callable[..., list[str]], source: Source) -> None:
    history = small_history()
    load(history, accept=ALL)
    for expected in reversed(history[:-1]):
        pipeline.roll_back(source)
        assert values_as_of(published()[-1]) == expected.state
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM geo.indicator_values WHERE indicator = 'history' AND value IS NOT NULL")
            current = cursor.fetchone()
            cursor.execute(
                "SELECT count(*) FROM geo.indicator_values_at('history', %s) WHERE value IS NOT NULL", [datetime.now(UTC)]
            )
            assert cursor.fetchone() == current


def test_declared_source_reads_all_forms_of_its_files() -> None:
    source = read_series()["covid-cases"]
    assert [form.of(source).shape for form in source.forms] == ["long", "long"]
    assert replace(source, forms=()) == replace(
        source.forms[0].of(source), shape="wide", columns=source.columns, heading=source.heading, changes=True
    )
