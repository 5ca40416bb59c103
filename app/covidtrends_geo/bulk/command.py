"""Command `locate`: options, files and folders, progress and report. `python -m covidtrends_geo` and `bin/manage` share it."""

import json
import sys
import time
from argparse import ArgumentParser, BooleanOptionalAction
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import file_digest
from pathlib import Path
from typing import Any

from covidtrends_geo.bulk.charsets import CHARSETS
from covidtrends_geo.bulk.job import ARROW, CSV, FORMATS, NDJSON, PARQUET, Job, format_of
from covidtrends_geo.bulk.layers import Options
from covidtrends_geo.bulk.pool import usable_cores
from covidtrends_geo.bulk.report import report_of, write_report
from covidtrends_geo.bulk.text_source import InputInvalid
from covidtrends_geo.bulk.work import Locator

ACCURACY_MAX_M = 1_000.0
MAX_DISTANCE_M = 50_000.0
MAX_DISTANCE_DEFAULT_M = 5_000.0
JOURNAL = ".locate.json"
_PROGRESS_S = 0.5


def add_options(parser: ArgumentParser) -> None:
    """Add the options that both entry points have."""
    formats = ", ".join(FORMATS)
    parser.add_argument(
        "file",
        nargs="?",
        default="-",
        help="CSV, NDJSON (.ndjson, .jsonl), Parquet or Arrow file, or a folder of them; - for standard input.",
    )
    parser.add_argument("--out", help="Output file, or folder for a folder; standard output by default.")
    parser.add_argument("--format", choices=FORMATS, help=f"Format of the input: {formats}; by its suffix by default, or CSV.")
    parser.add_argument("--to", choices=FORMATS, help="Format of the output; by its suffix by default, or that of the input.")
    parser.add_argument("--lat-column", help="Name of the column with the latitude; detected by default.")
    parser.add_argument("--lon-column", help="Name of the column with the longitude; detected by default.")
    parser.add_argument("--charset", default="", help=f"Charset of a text file: {', '.join(CHARSETS)}; UTF-8 by default.")
    parser.add_argument("--lang", choices=("en", "fr"), default="en", help="Language of hr_name.")
    parser.add_argument("--accuracy", type=float, help=f"Accuracy of the positions in metres, 0 to {ACCURACY_MAX_M:g}.")
    parser.add_argument(
        "--max-distance",
        type=float,
        default=MAX_DISTANCE_DEFAULT_M,
        help=f"Maximum distance to the nearest region in metres, 0 to {MAX_DISTANCE_M:g} (default %(default)g).",
    )
    parser.add_argument(
        "--border",
        action=BooleanOptionalAction,
        default=None,
        help="Distance of health regions to their border; the default for text output, not for Parquet and Arrow.",
    )
    parser.add_argument("--processes", type=int, help="Number of processes; all cores by default.")
    parser.add_argument("--resume", action="store_true", help="Continue where an earlier run with the same options was cut.")
    parser.add_argument("--report", help="JSON file for the counts by status, match, certainty and region, and the vintages.")


def run(options: Mapping[str, Any], lookup_paths: Sequence[Path], *, quiet: bool = False) -> None:
    """Locate a file, a folder or standard input, with the options of `add_options`.

    Raises: InputInvalid with a message for people; OSError; array_file.DamagedFile; pool.WorkerLost.
    """
    accuracy_m, max_distance_m = options["accuracy"] or 0.0, options["max_distance"]
    if not 0 <= accuracy_m <= ACCURACY_MAX_M or not 0 <= max_distance_m <= MAX_DISTANCE_M:
        raise InputInvalid("--accuracy or --max-distance is out of range; see --help.")
    if options["processes"] is not None and options["processes"] < 1:
        raise InputInvalid("--processes is at least 1.")
    jobs = _jobs(options, lookup_paths, Options(accuracy_m, max_distance_m, language=options["lang"]))
    progress = _Progress(jobs, quiet=quiet)
    counts: Counter[int] = Counter()
    errors: list[str] = []
    folder = Path(options["out"]) if len(jobs) > 1 or _is_folder(options["file"]) else None
    journal = _Journal(folder, resume=options["resume"]) if folder else None
    for job in jobs:
        done = journal.counts_of(job) if journal else None
        if done is None:
            try:
                done = job.run(progress.advance)
            except InputInvalid as error:
                if journal is None:
                    raise
                errors.append(f"{job.source}: {error}")
                continue
            finally:
                progress.clear()
            if journal:
                journal.add(job, done)
        counts.update(done)
    if options["report"]:
        write_report(Path(options["report"]), report_of(counts, jobs[0].layers))
    if errors:
        raise InputInvalid("\n".join([f"{len(errors)} of {len(jobs)} files could not be read to their end:", *errors]))
    if journal:
        journal.delete()


def _is_folder(name: str) -> bool:
    return name != "-" and Path(name).is_dir()


def _jobs(options: Mapping[str, Any], lookup_paths: Sequence[Path], lookup_options: Options) -> list[Job]:
    """Return a job for the file, or for each file of the folder in the order of their names."""
    source, out = options["file"], options["out"]
    pairs: list[tuple[Path | None, Path | None]] = [(None if source == "-" else Path(source), Path(out) if out else None)]
    if _is_folder(source):
        if not out or Path(out).is_file() or Path(out).resolve() == Path(source).resolve():
            raise InputInvalid("For a folder, name another folder with --out.")
        files = sorted(path for path in Path(source).iterdir() if path.is_file() and not path.name.startswith("."))
        if not files:
            raise InputInvalid(f"There is no file in {source}.")
        Path(out).mkdir(parents=True, exist_ok=True)
        suffix = f".{options['to']}" if options["to"] else None
        pairs = [(path, Path(out) / (path.with_suffix(suffix) if suffix else path).name) for path in files]
        if len({target for _, target in pairs}) < len(pairs):
            raise InputInvalid("Two files of the folder would have the same output; their names differ in the suffix only.")
    elif source != "-" and out and Path(out).exists() and Path(source).exists() and Path(out).samefile(source):
        raise InputInvalid("The output is the input; name another file with --out.")
    jobs = []
    for path, target in pairs:
        form = options["format"] or (format_of(path.name) if path else CSV)
        target_form = options["to"] or (format_of(target.name, form) if target else form)
        border = options["border"] if options["border"] is not None else target_form in {CSV, NDJSON}
        jobs.append(
            Job(
                source=path,
                target=target,
                form=form,
                target_form=target_form,
                locator=Locator(tuple(lookup_paths), lookup_options._replace(border=border)),
                processes=options["processes"] or usable_cores(),
                lat_column=options["lat_column"],
                lon_column=options["lon_column"],
                charset=options["charset"],
                resume=options["resume"],
            )
        )
        if (options["lat_column"] or options["lon_column"]) and form == NDJSON:
            raise InputInvalid("--lat-column and --lon-column apply to tables only, not to NDJSON.")
    return jobs


class _Journal:
    """Journal of the completed files of a folder, so that a resumed run does not locate them again."""

    def __init__(self, folder: Path, *, resume: bool) -> None:
        self._path = folder / JOURNAL
        self._done: dict[str, Any] = {}
        if resume and self._path.exists():
            with suppress(ValueError):
                self._done = json.loads(self._path.read_text(encoding="utf-8"))

    def counts_of(self, job: Job) -> Counter[int] | None:
        """Return the counts of an unchanged file that was completed with the same options; otherwise None."""
        done = self._done.get(str(job.target and job.target.name))
        if done is None or job.target is None or not job.target.exists() or done["signature"] != self._signature(job):
            return None
        return Counter({int(number): count for number, count in done["counts"].items()})

    def add(self, job: Job, counts: Counter[int]) -> None:
        """Record a completed file."""
        self._done[str(job.target and job.target.name)] = {"signature": self._signature(job), "counts": dict(counts)}
        fresh = self._path.with_name(f"{JOURNAL}.new")
        fresh.write_text(json.dumps(self._done), encoding="utf-8")
        fresh.replace(self._path)

    def delete(self) -> None:
        self._path.unlink(missing_ok=True)

    @staticmethod
    def _signature(job: Job) -> dict[str, Any]:
        assert job.source is not None  # noqa: S101 - a file of a folder
        with job.source.open("rb") as content:
            # As JSON, which has no tuples.
            return dict(json.loads(json.dumps({**job.signature(), "sha256": file_digest(content, "sha256").hexdigest()})))


class _Progress:
    """Line with the number of positions on a terminal."""

    def __init__(self, jobs: Sequence[Job], *, quiet: bool) -> None:
        self._shown = not quiet and sys.stderr.isatty()
        self._size = sum(job.source.stat().st_size for job in jobs if job.source and job.form in {CSV, NDJSON})
        if any(job.form in {PARQUET, ARROW} for job in jobs):
            self._size = 0
        self._positions = self._read = 0
        self._last = time.monotonic()

    def advance(self, positions: int, size: int) -> None:
        """Count positions and bytes of text."""
        self._positions += positions
        self._read += size
        if self._shown and time.monotonic() - self._last >= _PROGRESS_S:
            self._last = time.monotonic()
            part = f", {min(self._read / self._size, 1):.0%}" if self._size else ""
            sys.stderr.write(f"\r{self._positions:,} positions{part} ")
            sys.stderr.flush()

    def clear(self) -> None:
        """Delete the line."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
