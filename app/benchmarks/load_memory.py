"""Benchmark of the memory and time of loading a very large, very skewed layer.

    bin/manage shell -c "from benchmarks.load_memory import main; main()"
    bin/manage shell -c "from benchmarks.load_memory import main; main(vertices=20_000_000, largest_share=0.6)"

Takes the FSAs of 2011 from GEODATA_DIR, divides every edge, and loads the result in a dry run. `largest_share` is the share of
all vertices in the largest region; by default a fifth of them are in X0A, as in the official file of 2021.
"""

import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db import connection

_SOURCE = "fsa_2011"
_Points = npt.NDArray[np.float64]


def main(vertices: int = 20_000_000, largest_share: float | None = None) -> None:
    """Write the file, load it in a separate process, and print duration and memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = Path(settings.GEODATA_DIR) / f"{_SOURCE}.zip"
        made, largest = densify(source, folder, vertices, largest_share)
        size = (folder / "layer.shp").stat().st_size / 2**20
        print(f"{made:,} vertices, {largest:,} of them in one region, {size:,.0f} MB of .shp")
        measure(folder)


def densify(source: Path, folder: Path, vertices: int, largest_share: float | None) -> tuple[int, int]:
    """Write the layer with about `vertices` vertices as `layer.*`; return their number, and that of the largest region.

    Edges are divided at equal steps from their lower end, so that neighbours still share every vertex.
    """
    with zipfile.ZipFile(source) as archive:
        for suffix in (".dbf", ".prj", ".cpg"):
            (folder / f"layer{suffix}").write_bytes(archive.read(f"{_SOURCE}{suffix}"))
        shapes = _records(archive.read(f"{_SOURCE}.shp"))
    counts = np.array([len(points) for _, points in shapes])
    biggest = int(counts.argmax())
    rest, own = counts.sum() - counts[biggest], counts[biggest]
    if largest_share is None:
        factor = factor_biggest = max(round(vertices / counts.sum()), 1)
    else:
        factor = max(round(vertices * (1 - largest_share) / rest), 1)
        factor_biggest = max(round(vertices * largest_share / own), 1)
    total = largest = 0
    with (folder / "layer.shp").open("wb") as shp, (folder / "layer.shx").open("wb") as shx:
        shp.write(bytes(100))
        shx.write(bytes(100))
        for number, (parts, points) in enumerate(shapes):
            starts, cut = _cut(parts, points, factor_biggest if number == biggest else factor)
            total, largest = total + len(cut), max(largest, len(cut))
            box = (*cut.min(axis=0), *cut.max(axis=0))
            head = struct.pack("<i4d2i", 5, *box, len(starts), len(cut)) + np.asarray(starts, "<i4").tobytes()
            content = head + cut.astype("<f8").tobytes()
            shx.write(struct.pack(">2i", shp.tell() // 2, len(content) // 2))
            shp.write(struct.pack(">2i", number + 1, len(content) // 2) + content)
        everything = np.vstack([points for _, points in shapes])
        for file in (shp, shx):
            length = file.tell() // 2
            file.seek(0)
            file.write(struct.pack(">7i", 9994, 0, 0, 0, 0, 0, length))
            file.write(struct.pack("<2i8d", 1000, 5, *everything.min(axis=0), *everything.max(axis=0), 0, 0, 0, 0))
    return total, largest


def _records(shp: bytes) -> list[tuple[list[int], _Points]]:
    shapes, at = [], 100
    while at < len(shp):
        (words,) = struct.unpack_from(">i", shp, at + 4)
        parts, points = struct.unpack_from("<2i", shp, at + 44)
        starts = list(struct.unpack_from(f"<{parts}i", shp, at + 52))
        coordinates = np.frombuffer(shp, "<f8", points * 2, at + 52 + 4 * parts).reshape(-1, 2)
        shapes.append((starts, coordinates))
        at += 8 + 2 * words
    return shapes


def _cut(parts: list[int], points: _Points, factor: int) -> tuple[list[int], _Points]:
    rings, starts, at = [], [], 0
    steps = np.arange(factor)[None, :, None]
    for begin, end in zip(parts, [*parts[1:], len(points)], strict=True):
        first, second = points[begin : end - 1], points[begin + 1 : end]
        swap = (first[:, 0] > second[:, 0]) | ((first[:, 0] == second[:, 0]) & (first[:, 1] > second[:, 1]))
        low, high = np.where(swap[:, None], second, first), np.where(swap[:, None], first, second)
        along = np.where(swap[:, None, None], factor - steps, steps) / factor
        ring = (low[:, None, :] + (high - low)[:, None, :] * along).reshape(-1, 2)
        ring[::factor] = first
        ring = np.vstack((ring, ring[:1]))
        starts.append(at)
        rings.append(ring)
        at += len(ring)
    return starts, np.vstack(rings)


def measure(folder: Path) -> None:
    """Load the layer in a dry run; print the report and the peak memory of the database process."""
    command = [sys.executable, "manage.py", "load_boundaries", "--coverage", "fsa", "--vintage", "densified", "--dry-run"]
    command += ["--effective-from", "2011-05-10", "--representation", "cartographic", "--file", str(folder)]
    command += ["--extract"]
    ends = threading.Event()
    peaks: dict[str, int] = {"server": 0}
    watcher = threading.Thread(target=_watch_server, args=(ends, peaks))
    watcher.start()
    started = time.monotonic()
    subprocess.run(command, cwd=settings.APP_DIR, check=False, env=os.environ)
    ends.set()
    watcher.join()
    print(f"{time.monotonic() - started:.0f} s; peak private memory of the database process {peaks['server']} MB")


def _watch_server(ends: threading.Event, peaks: dict[str, int]) -> None:
    while not ends.wait(0.5):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
            pids = [pid for (pid,) in cursor]
        for pid in pids:
            try:
                status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            except OSError:
                continue
            anonymous = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")), 0)
            peaks["server"] = max(peaks["server"], anonymous // 1024)
