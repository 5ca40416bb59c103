"""Held issues: the command that publishes an issue, and a lasting correction that holds every later issue."""

import shlex
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from indicators.models import Issue
from loader.series import pipeline
from loader.series.declarations import Source
from tests.loader.test_issues import published, values_as_of
from tests.support.issue_history import SmallIssue, changes_text, declared, small_history

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Return the source of the small history."""
    return declared(tmp_path)[0]


def lasting_correction() -> list[SmallIssue]:
    """Return a history whose third issue corrects all values of a region, as do the two issues after it."""
    history = small_history()[:2]
    for number, instant in enumerate(("2022-06-03T12:00:00Z", "2022-06-04T12:00:00Z", "2022-06-05T12:00:00Z")):
        state = history[1].state | {(key, day): value + 900 for (key, day), value in history[1].state.items() if key[0] == "Q"}
        history.append(SmallIssue(instant, state | {("ON3595", f"2022-01-{12 + number}"): 300 + number}))
    return history


def run_advice(message: str) -> None:
    """Run the command that a message ends with."""
    _, command = message.split("bin/manage ")
    call_command(*shlex.split(command), "--no-downloads")


def test_named_command_accepts_a_lasting_correction(source: Source, tmp_path: Path) -> None:
    """Without an acceptance, every later issue is held. One command accepts the first, and the others pass."""
    history = lasting_correction()
    path, toml = tmp_path / "changes.csv", tmp_path / "series.toml"
    path.write_text(changes_text(history), encoding="utf-8")
    with pytest.raises(
        CommandError, match="3 issues are held since 2022-06-03 12:00 UTC; a lasting correction holds"
    ) as caught:
        call_command("load_series", "history", issues=path, sources=toml, no_downloads=True)
    assert values_as_of(published()[-1]) == history[1].state
    run_advice(str(caught.value))
    assert Issue.objects.filter(status="staged").count() == 0
    assert [issue.issued_at for issue in published()] == [issue.issued_at for issue in history]
    assert [issue.report["because"] for issue in published()] == ["", "", "the reason", "", ""]
    for issue, expected in zip(published(), history, strict=True):
        assert values_as_of(issue) == expected.state
    with pytest.raises(CommandError, match="No issue of 2022-06-09 12:00:00 UTC was published"):
        call_command(
            *("load_series", "history", "--issues", str(path), "--sources", str(toml), "--no-downloads"),
            *("--issued-at", "2022-06-09T12:00:00Z", "--accept", "rewrites", "--because", "wrong time"),
        )


def test_file_that_is_held_is_published_by_the_command_that_the_message_names(source: Source, tmp_path: Path) -> None:
    history = lasting_correction()
    (tmp_path / "before.csv").write_text(changes_text(history[:2]), encoding="utf-8")
    list(pipeline.load_issues(source, tmp_path / "before.csv", declarations=tmp_path / "series.toml"))
    for issue in history[2:]:
        path = tmp_path / f"of {issue.issued_at:%d}.csv"
        path.write_text(issue.raw(), encoding="utf-8")
        with pytest.raises(CommandError) as caught:
            call_command(
                *("load_series", "history", "--file", str(path), "--issued-at", issue.instant),
                *("--sources", str(tmp_path / "series.toml"), "--no-downloads"),
            )
    assert "3 issues are held since" in str(caught.value)
    run_advice(str(caught.value))
    assert values_as_of(published()[-1]) == history[-1].state
    assert pipeline.held_issues(source) == []
