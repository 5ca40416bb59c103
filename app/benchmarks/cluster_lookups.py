"""Processor time of lookups in Spark beside the search itself, with workers of one core on this machine.

    python -m benchmarks.cluster_lookups POINTS.parquet WORKERS HRUID_LOOKUP CFSAUID_LOOKUP

Runs in the environment `.local/engines` of bin/clients with PYTHONPATH=app. POINTS has columns lon and lat. Prints JSON:
seconds of processor time of the search by itself, and of the cluster's Python and Java processes in a first and in a second
run, of which the start of the cluster is no part.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from covidtrends_geo.arrow_batches import Options, added_columns, open_verified
from covidtrends_geo.spark import locate

_ROWS = 1_000_000


def plain(points: str, lookups: dict[str, str]) -> float:
    """Return the processor time of the search and of its Arrow columns, in this process, without reading and writing."""
    files = {code: open_verified(Path(path)) for code, path in lookups.items()}
    seconds = 0.0
    for batch in pq.ParquetFile(points).iter_batches(_ROWS, columns=["lon", "lat"]):
        lon, lat = (batch.column(name).to_numpy() for name in ("lon", "lat"))
        start = time.process_time()
        added_columns(lon, lat, files, Options())
        seconds += time.process_time() - start
    return seconds


def cpu_seconds() -> dict[str, float]:
    """Return the processor time of this process and its descendants, by kind, and of those that have ended."""
    seconds = {"python": 0.0, "java": 0.0}
    for process in psutil.Process().children(recursive=True):
        kind = "java" if process.name() == "java" else "python"
        times = process.cpu_times()
        seconds[kind] += times.user + times.system + (times.children_user + times.children_system if kind == "python" else 0)
    return seconds


def main() -> None:
    """Measure, and print the figures."""
    points, workers, hruid, cfsauid = sys.argv[1:]
    lookups = {"hruid": hruid, "cfsauid": cfsauid}
    result: dict[str, object] = {"points": pq.read_metadata(points).num_rows, "workers": int(workers)}
    result["plain_s"] = round(plain(points, lookups), 2)
    session = (
        SparkSession.builder.master(f"local-cluster[{workers},1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.executorEnv.PYTHONPATH", os.environ["PYTHONPATH"])
        .getOrCreate()
    )
    with tempfile.TemporaryDirectory() as folder:
        for run in ("first", "second"):
            before, start = cpu_seconds(), time.monotonic()
            locate(session.read.parquet(points), lookups).write.parquet(f"{folder}/{run}")
            after = cpu_seconds()
            result[run] = {kind: round(after[kind] - before[kind], 2) for kind in after} | {
                "wall": round(time.monotonic() - start, 1)
            }
    session.stop()
    result["load"] = round(os.getloadavg()[0], 1)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
