"""A small history of issues: files for the loader, and the state of the source after each issue, computed without it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from loader.series.declarations import Source, read_series

TOML = """
[places.test]
coverage = "covid-reporting-regions"
vintage = "2020-08"
file = "places.csv"

[series.history]
indicator = "history"
name_en = "History"
name_fr = "Histoire"
unit = "cases"
kind = "cumulative"
from_zero = true
totals = true
columns = { period = "date", value = "value", province = "region", place = "code" }
forms = [{ columns = { period = "date", value = "v", place = "k", issue = "issue" }, heading = "{province}{code}" }]
places = { coverage = "covid-reporting-regions", vintage = "2020-08" }
unassigned = ["9999"]
limits = { rewrites = 0.2 }
"""
# Province and code, and day: value.
State = dict[tuple[str, str], int]
KEYS = ("ON3595", "ON3553", "ON9999", "QC2406")
DAYS = tuple(f"2022-01-{day:02}" for day in range(1, 11))

# Gates that compare an issue with the one before.
ALL_GATES = frozenset({"vanished", "ends_earlier", "national_falls", "region_moves", "rewrites"})


@dataclass(frozen=True)
class SmallIssue:
    """An issue: its instant as the file writes it, and the whole state of the source after it."""

    instant: str
    state: State

    @property
    def issued_at(self) -> datetime:
        """The instant in UTC."""
        return datetime.fromisoformat(self.instant).astimezone(UTC)

    def raw(self) -> str:
        """Return the issue as a file of its own."""
        lines = [f"{day},{key[:2]},{key[2:]},{value}" for (key, day), value in sorted(self.state.items())]
        return "\n".join(["date,region,code,value", *lines]) + "\n"


def _first() -> State:
    return {(key, day): 100 * (number + 1) + 10 * step for number, key in enumerate(KEYS) for step, day in enumerate(DAYS)}


def small_history() -> list[SmallIssue]:
    """Return five issues in time order. Their texts are in another order, and the fourth issue is an incident."""
    first = _first()
    second = first | {(key, "2022-01-11"): first[key, DAYS[-1]] + 5 for key in KEYS}
    corrected = second | {("QC2406", "2022-01-02"): 455}
    del corrected["ON3553", "2022-01-04"]
    vanished = {place: value for place, value in corrected.items() if place[0] != "QC2406"}
    last = corrected | {(key, "2022-01-12"): corrected[key, "2022-01-11"] + 7 for key in KEYS}
    last["ON3553", "2022-01-04"] = 231
    return [
        SmallIssue("2022-06-01T20:00:00-04:00", first),
        SmallIssue("2022-06-02T22:07:00+00:00", second),
        SmallIssue("2022-06-02T21:17:00-04:00", corrected),
        SmallIssue("2022-06-03T12:00:00+00:00", vanished),
        SmallIssue("2022-06-03T14:00:00+00:00", last),
    ]


def changes_text(history: list[SmallIssue]) -> str:
    """Return a history as a file of changes, sorted by the text of the instants, which is not time order."""
    lines = []
    before: State = {}
    for issue in history:
        changed = {place: str(value) for place, value in issue.state.items() if before.get(place) != value}
        changed |= dict.fromkeys(before.keys() - issue.state.keys(), "")
        lines += [f"{issue.instant},{key},{day},{value}" for (key, day), value in changed.items()]
        before = issue.state
    rows = [",".join([*line.split(",")[1:], line.split(",")[0]]) for line in sorted(lines)]
    return "\n".join(["k,date,v,issue", *rows]) + "\n"


def declared(folder: Path) -> tuple[Source, Path]:
    """Write the declaration of the history into a folder; return its source and the TOML file."""
    places = settings.REPO_DIR / "geodata" / "sample" / "series" / "places.csv"
    (folder / "places.csv").write_bytes(places.read_bytes())
    (folder / "series.toml").write_text(TOML, encoding="utf-8")
    return read_series(folder / "series.toml")["history"], folder / "series.toml"


SMALL_HISTORY = small_history()
