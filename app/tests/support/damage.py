"""Fuzzing of the reader: damages boundary files in many ways and reads them; each must be read or refused.

    cd app && ../.venv/bin/python -m tests.support.damage --minutes 20
    cd app && ../.venv/bin/python -m tests.support.damage --case 1234      # repeats a case, with its traceback

A case is a number: the same number damages the same file in the same way. Cases run in a process of their own, with bounded
memory, so that a crash, a hang or excessive memory is detected. A readable file passes through all steps of a load before the
database.
"""

import argparse
import io
import mmap
import os
import random
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import django

from tests.support.mutations import Parts, damaged_bytes, damaged_json, damaged_names

HANG_S = 60
# Minimum number of cases, at any load of the machine.
MINIMUM_CASES = 50
MEMORY_BYTES = 4 << 30
# Longest acceptable message of a refusal.
LONGEST_MESSAGE = 2_000


def seeds(folder: Path) -> dict[str, Parts]:
    """Write valid files of every format, and return them by kind: file name to content."""
    import pyogrio

    from tests.support import boundary_files as files

    odd = [
        files.region(
            "4601", files.box(0, 0, 9_000, 9_000), files.hole(2_000, 2_000, 4_000, 4_000), name="Île-à-la-Crosse", POP=12
        ),
        files.region("4602", files.box(9_000, 0, 18_000, 9_000), files.box(20_000, 0, 21_000, 900), name="Two parts", POP=0),
        files.region("4603", files.box(0, 9_000, 9_000, 12_000), name="Third", POP=99),
    ]
    fsas = files.fsa_grid(["R3A", "R3B", "R3C", "R3E"])
    degrees = [(values, rings and files.in_degrees(rings)) for values, rings in odd]
    made = {
        "utf-8": files.shape(folder / "a", odd),
        "cp1252": files.shape(folder / "b", odd, encoding="cp1252", cpg=None, language=0x57),
        "fsa": files.shape(folder / "c", fsas),
        "heights": files.shape(folder / "d", odd, kind=15),
        "degrees": files.shape(folder / "e", degrees, prj=files.NAD83_PRJ),
    }
    result = {name: {item.name: item.read_bytes() for item in path.parent.iterdir()} for name, path in made.items()}
    json = files.geojson(folder / "layer.geojson", odd, degrees=True)
    gpkg = folder / "layer.gpkg"
    pyogrio.write_dataframe(pyogrio.read_dataframe(made["utf-8"]), gpkg)
    single = [json, gpkg]
    frame = pyogrio.read_dataframe(made["utf-8"])
    for suffix, driver in (("fgb", "FlatGeobuf"), ("gml", "GML"), ("kml", "LIBKML"), ("geojsonl", "GeoJSONSeq")):
        single.append(folder / f"layer.{suffix}")
        pyogrio.write_dataframe(frame, single[-1], driver=driver)
    single.append(folder / "layer.parquet")
    frame.to_parquet(single[-1])
    result |= {item.suffix: {item.name: item.read_bytes()} for item in single}
    for suffix in ("tab", "mif"):
        (folder / suffix).mkdir()
        pyogrio.write_dataframe(frame, folder / suffix / f"layer.{suffix}", driver="MapInfo File")
        result[f".{suffix}"] = {item.name: item.read_bytes() for item in (folder / suffix).iterdir()}
    return result


def make(case: int, good: dict[str, Parts], folder: Path) -> tuple[str, Path]:
    """Write the damaged file of a case; return its kind and path."""
    chance = random.Random(case)  # noqa: S311 - no secret
    kind = chance.choice(sorted(good))
    parts = dict(good[kind])
    if kind == ".geojson" and chance.random() < 0.7:
        parts = {name: damaged_json(content, chance) for name, content in parts.items()}
    elif chance.random() < 0.85:
        victim = chance.choice(sorted(parts))
        parts[victim] = damaged_bytes(parts[victim], chance)
    if chance.random() < 0.15:
        parts = damaged_names(parts, good[chance.choice(sorted(good))], chance)
    for name in [part for part in parts if "/" in part or "\0" in part or len(part.encode("utf-8", "replace")) > 200]:
        parts[f"regions-{len(name)}.shp" if chance.random() < 0.5 else "x.txt"] = parts.pop(name)
    if chance.random() < 0.4:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
            prefix = chance.choice(["", "", "", "", "a/b/", "../", "/", "/vsicurl/http:/127.0.0.1:9/", "C:\\"])
            for name, content in parts.items():
                archive.writestr(prefix + name.encode("utf-8", "replace").decode(), content)
        whole = packed.getvalue()
        path = folder / "layer.zip"
        path.write_bytes(damaged_bytes(whole, chance) if chance.random() < 0.4 else whole)
        return f"{kind} in a zip", path
    for name, content in parts.items():
        (folder / name).write_bytes(content)
    return kind, folder if chance.random() < 0.5 or len(parts) != 1 else folder / next(iter(parts))


def read(path: Path, coverage: str) -> int:
    """Read a file as a load does, up to the rows for the database, and return the number of regions."""
    from geography.models import Vintage
    from loader.geometry import staging
    from loader.source.archive import open_layer
    from loader.source.reader import open_reader

    layer, staged = replace(_declared(coverage), path=path), staging.Staged()
    with open_layer(path) as opened, open_reader(opened, layer) as reader:
        rows = staging._chunks(
            reader.features(), reader.header, layer, vintage=Vintage(pk=1), staged=staged, on_row=lambda: None
        )
        for _ in rows:
            pass
    return staged.rows


@cache
def _declared(coverage: str) -> Any:
    from tests.support import boundary_files as files

    return files.layer(None, coverage)


def try_case(case: int, good: dict[str, Parts]) -> tuple[str, str]:
    """Run a case; return its kind and outcome: `read`, `refused`, or a description of the failure."""
    from loader.errors import FileRefused

    # In memory if possible: a run writes thousands of files an hour.
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:  # noqa: S108
        scratch = Path(name, "scratch")
        scratch.mkdir()
        Path(name, "file").mkdir()
        kind, path = make(case, good, Path(name, "file"))
        tempfile.tempdir = str(scratch)
        try:
            read(path, "fsa" if case % 7 == 0 else "health-regions")
            ended = "read"
        except FileRefused as refusal:
            ended = "refused" if len(str(refusal)) <= LONGEST_MESSAGE else f"a refusal of {len(str(refusal))} characters"
        except BaseException as error:  # any exception is a finding
            ended = f"{type(error).__name__}: {error}"[:300] + traceback.format_exc()[-900:]
        finally:
            tempfile.tempdir = None
        left = list(scratch.iterdir())
    return kind, ended if not left else f"left behind {left}"


def run(first: int, seconds: float) -> tuple[int, Counter[str], list[str]]:
    """Run cases from `first` on for the given time, at least `MINIMUM_CASES`.

    Return the next case, the counts of outcomes, and the findings.
    """
    ended: Counter[str] = Counter()
    findings: list[str] = []
    until, case = time.monotonic() + seconds, first
    with tempfile.TemporaryDirectory() as name:
        good = seeds(Path(name))
        while case < first + MINIMUM_CASES or time.monotonic() < until:
            case = _child(case, first + MINIMUM_CASES, until, good, ended, findings)
    return case, ended, findings


def _child(first: int, end: int, until: float, good: dict[str, Parts], ended: Counter[str], findings: list[str]) -> int:
    """Run cases in a child process until the time is up and case `end` is reached, or until a case ends the process.

    Return the next case.
    """
    shared = mmap.mmap(-1, 16)
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with os.fdopen(into, "w", encoding="utf-8", errors="replace") as details:
            case = first
            while case < end or time.monotonic() < until:
                shared[:16] = struct.pack("<qd", case, time.monotonic())
                details.write(repr((case, *try_case(case, good))) + "\n")
                details.flush()
                case += 1
        os._exit(0)
    os.close(into)
    watched = os.fork()
    if watched == 0:
        while True:
            time.sleep(1)
            case, began = struct.unpack("<qd", shared[:16])
            if began and time.monotonic() - began > HANG_S:
                os.kill(child, signal.SIGKILL)
    last = first - 1
    with os.fdopen(out, encoding="utf-8", errors="replace") as details:
        for line in details:
            last, kind, how = _parsed(line)
            ended[f"{kind}: {how if how in ('read', 'refused') else 'WRONG'}"] += 1
            if how not in ("read", "refused"):
                findings.append(f"case {last} ({kind}): {how}")
    os.kill(watched, signal.SIGKILL)
    os.waitpid(watched, 0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) or os.WEXITSTATUS(status):
        last += 1
        findings.append(f"case {last}: the process ended ({status}); a hang of {HANG_S} s or a crash")
    return last + 1


def _parsed(line: str) -> tuple[int, str, str]:
    import ast

    case, kind, how = ast.literal_eval(line)
    return case, kind, how


def main() -> int:
    """Parse the arguments, run the cases and print the outcome; return 1 if there are findings."""
    parser = argparse.ArgumentParser(description="Damages boundary files and reads them.")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--case", type=int, help="only this one")
    args = parser.parse_args()
    django.setup()
    if args.case is not None:
        with tempfile.TemporaryDirectory() as name:
            sys.stdout.write("{}: {}\n".format(*try_case(args.case, seeds(Path(name)))))
        return 0
    following, ended, findings = run(args.first, args.minutes * 60)
    lines = [f"{count:9,d}  {how}" for how, count in sorted(ended.items())]
    report = "\n".join([f"cases {args.first} to {following - 1}", *lines, *findings, f"{len(findings)} that must not happen"])
    sys.stdout.write(report + "\n")
    return bool(findings)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    raise SystemExit(main())
