"""Load of the publisher's 301 issues that is killed again and again: what the database holds after every kill, and its size.

    cd app && python -m benchmarks.issue_history [--kills 100] [--seed 16] [--in-order]

Needs the embedded data in the database, a role that may create databases, and the publisher's files in GEODATA_DIR. Works on a
copy of the database, which is dropped at the end. The rows of the file are shuffled unless `--in-order`.

Every second kill is SIGKILL to the loader, the others end its session in the server (pg_terminate_backend); each comes at a
random moment. After each, the stored issues must be the first of the history, and the values as of the last two and of three
others those that pandas makes of the same file; after every tenth, and at the end, all values and all arrays are compared.
"""

import argparse
import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import django
import pandas as pd

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings
from django.db import connection, transaction

from benchmarks.database import database_copy
from geography.codes import PROVINCES
from indicators.models import Blob, Indicator, Issue
from loader.series import storage

CHANGES = "cases_hr_301_issues_changes.csv.xz"
GATES = ("vanished", "ends_earlier", "national_falls", "region_moves", "rewrites")
# The publisher writes 3539 for Huron Perth, and the province before every code.
_AS_PUBLISHED_SQL = """
    SELECT p.code || ',' || CASE v.place WHEN '3550' THEN '3539' ELSE regexp_replace(v.place, '^.*-', '') END || ','
        || v.period || ',' || v.value::bigint
    FROM geo.indicator_values_at('cases', %s) v JOIN unnest(%s::text[], %s::text[]) AS p (pruid, code) USING (pruid)
    WHERE v.kind IN ('region', 'unassigned') AND v.status <> 'withdrawn'
"""
# What a load does, by the statement that the server ran last for it.
_PHASES = {
    "new_blob": "arrays",
    "indicator_blob": "arrays",
    "indicator_series": "arrays",
    "value": "values",
    "COMMIT": "commit",
}

Summary = tuple[int, int, str]


def summary(lines: Iterable[str]) -> Summary:
    """Return number of rows, sum of the values and checksum of the sorted rows."""
    ordered = sorted(lines)
    digest = hashlib.sha256("\n".join(ordered).encode()).hexdigest()[:16]
    return len(ordered), sum(int(line.rpartition(",")[2]) for line in ordered), digest


def expected_issues(changes: pd.DataFrame) -> dict[datetime, Summary]:
    """Return the summary of every issue of a file of changes by its instant, in time order."""
    instants = pd.to_datetime(changes["issue"], utc=True)
    keys = changes["k"].str[:2] + "," + changes["k"].str[2:] + "," + changes["date"]
    values: dict[str, str] = {}
    issues = {}
    for instant, rows in changes.assign(instant=instants, key=keys).groupby("instant", sort=True):
        values.update(zip(rows["key"], rows["v"], strict=True))
        values = {key: value for key, value in values.items() if value}
        issues[instant.to_pydatetime()] = summary(f"{key},{value}" for key, value in values.items())
    return issues


def stored_summary(instant: datetime) -> Summary:
    """Return the summary of the values as of an instant, by the SQL function."""
    pruids, codes = [province.pruid for province in PROVINCES], [province.abbreviation for province in PROVINCES]
    with connection.cursor() as cursor:
        cursor.execute(_AS_PUBLISHED_SQL, [instant, pruids, codes])
        return summary(line for (line,) in cursor)


def wrong_issues(expected: dict[datetime, Summary], choice: random.Random | None) -> tuple[int, list[str]]:
    """Return the number of stored issues and what is wrong with them.

    Args:
        choice: compares the last two issues and three others; None compares all, and derives the arrays anew.
    """
    stored = list(Issue.objects.filter(status="published", indicator__slug="cases").order_by("pk"))
    instants = [issue.issued_at for issue in stored]
    wrong = [] if instants == list(expected)[: len(stored)] else ["the issues are not the first of the history"]
    if choice is not None:
        instants = [*instants[-2:], *choice.sample(instants[:-2], min(3, len(instants[:-2])))]
    wrong += [f"as of {instant}" for instant in instants if stored_summary(instant) != expected[instant]]
    if choice is None and stored:
        columns = ("series", "measure", "start", "values", "statuses", "lags", "spans")
        arrays = Blob.objects.order_by("series", "measure").values_list(*columns)
        with transaction.atomic():
            before = list(arrays)
            storage.derive(Indicator.objects.get(slug="cases"))
            if list(arrays) != before:
                wrong.append("arrays")
            transaction.set_rollback(True)
    return len(stored), wrong


def sessions() -> list[tuple[int, str]]:
    """Return process id and last statement of the other sessions of the database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid, query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        return list(cursor.fetchall())


def phase(active: list[tuple[int, str]]) -> str:
    """Return what the load is doing."""
    for _, query in active:
        return next((name for word, name in _PHASES.items() if word in query), "reading and comparing")
    return "before its connection"


def start(path: Path, errors: Path) -> "subprocess.Popen[bytes]":
    """Start the load of the history in a process of its own."""
    command = [sys.executable, "manage.py", "load_series", "covid-cases", f"--issues={path}", "--no-downloads"]
    command += [*(f"--accept={gate}" for gate in GATES), "--because=history as it was published"]
    with errors.open("wb") as file:
        # As the owner, who sees what its own sessions do.
        env = os.environ | {"DB_LOADER_PASSWORD": ""}
        return subprocess.Popen(command, cwd=settings.APP_DIR, env=env, stdout=subprocess.DEVNULL, stderr=file)


def kill(process: "subprocess.Popen[bytes]", *, session: bool) -> str | None:
    """Kill a load, or end its session; return what it was doing, or None if it had ended by itself."""
    while session and not sessions() and process.poll() is None:
        time.sleep(0.01)
    if process.poll() is not None:
        return None
    active = sessions()
    if session:
        with connection.cursor() as cursor:
            for pid, _ in active:
                cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    else:
        process.send_signal(signal.SIGKILL)
    process.wait()
    while sessions():
        time.sleep(0.01)  # the server has not noticed yet, and may still commit
    return phase(active)


def wait_at_random(process: "subprocess.Popen[bytes]", stored: int, choice: random.Random) -> None:
    """Wait until a load has stored another issue, and a part of the next ones; one time in five, less."""
    if choice.random() < 0.2:
        time.sleep(choice.uniform(0, 10))
        return
    while process.poll() is None and Issue.objects.filter(indicator__slug="cases").count() <= stored:
        time.sleep(0.02)
    time.sleep(choice.uniform(0, 2))


def sizes() -> str:
    """Return how much the history takes, beside every issue whole."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.derived, count(*), sum((SELECT count(*) FROM indicator_issue i WHERE i.indicator_id = s.indicator_id"
            " AND i.id >= v.from_issue_id AND (v.to_issue_id IS NULL OR i.id < v.to_issue_id)) * (v.status <> 6)::int)"
            " FROM indicator_value v JOIN indicator_series s ON s.id = v.series_id JOIN indicator n ON n.id = s.indicator_id"
            " WHERE n.slug = 'cases' GROUP BY s.derived ORDER BY s.derived"
        )
        (_, own, own_whole), (_, totals, totals_whole) = cursor.fetchall()
    with_totals = (own + totals) / (own_whole + totals_whole)
    return (
        f"{own:,} rows of {own_whole:,} ({own / own_whole:.2%}); with the totals of provinces and country "
        f"{own + totals:,} of {own_whole + totals_whole:,} ({with_totals:.2%})"
    )


def main() -> None:
    """Load, kill, compare, and print a line for each kill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--in-order", action="store_true")
    options = parser.parse_args()
    choice = random.Random(options.seed)  # noqa: S311 -- repeatable
    published = Path(settings.GEODATA_DIR) / "series" / CHANGES
    changes = pd.read_csv(published, dtype=str, keep_default_na=False)
    expected = expected_issues(changes)
    failures = []
    with tempfile.TemporaryDirectory() as folder, database_copy():
        path, errors = Path(folder) / "changes.csv", Path(folder) / "errors"
        (changes if options.in_order else changes.sample(frac=1, random_state=options.seed)).to_csv(path, index=False)
        Indicator.objects.filter(slug="cases").delete()
        phases: Counter[tuple[str, str]] = Counter()
        number = stored = 0
        begun = time.monotonic()
        while number < options.kills:
            session = bool(number % 2)
            process = start(path, errors)
            wait_at_random(process, stored, choice)
            doing = kill(process, session=session)
            if doing is None:
                print(
                    f"the load ended by itself with {process.returncode}: {errors.read_text(encoding='utf-8')[-1500:]}",
                    flush=True,
                )
                failures += ["a load failed"] if process.returncode else []
                if not process.returncode:
                    break
                number += 1
                continue
            number += 1
            stored, wrong = wrong_issues(expected, None if number % 10 == 0 else choice)
            failures += wrong
            name = "session ended" if session else "SIGKILL"
            phases[name, doing] += 1
            last = errors.read_text(encoding="utf-8").strip().splitlines()[-1:]
            print(f"{number:4} {name:<14} {doing:<22} {stored:4} issues {wrong or 'right'}  {' '.join(last)[:120]}", flush=True)
        code = start(path, errors).wait()
        stored, wrong = wrong_issues(expected, None)
        failures += wrong
        print(f"exit {code}, {stored} of {len(expected)} issues, wrong: {wrong or 'none'}; {time.monotonic() - begun:.0f} s")
        for (name, doing), count in sorted(phases.items()):
            print(f"  {name:<14} while {doing:<22} {count:4}")
        with contextlib.suppress(ValueError):
            print(f"stored: {sizes()}")
    if failures or code:
        sys.exit(f"{len(failures)} wrong, exit {code}")


if __name__ == "__main__":
    main()
