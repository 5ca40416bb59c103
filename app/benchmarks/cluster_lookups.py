"""Processor time of lookups in Spark beside the search itself, with workers of one core on this machine.

    python -m benchmarks.cluster_lookups POINTS.parquet WORKERS HRUID_LOOKUP CFSAUID_LOOKUP [--standalone] [--runs 2]

Runs in the environment `.local/engines` of bin/clients with PYTHONPATH=app. POINTS has columns lon and lat, in row groups. The
cluster is `local-cluster[WORKERS,1,1024]`, or with --standalone a master and workers of its own. Prints JSON: seconds of
processor time of the search by itself in as many processes at once, before and after, and of the cluster's Python and Java
processes in each run, of which the start of the cluster is no part; and the private memory of the largest Python worker.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread

import psutil
import pyarrow.parquet as pq
import pyspark
from pyspark.sql import SparkSession

from covidtrends_geo.arrow_batches import Options, added_columns, open_verified
from covidtrends_geo.spark import locate

_HOST, _PORT = "127.0.0.1", 7177
_BATCH = 10_000
_START_S = 120


def plain(points: str, lookups: dict[str, str], part: int, parts: int) -> float:
    """Return the processor time of the search and of its Arrow columns for one of the parts, without reading and writing."""
    files = {code: open_verified(Path(path)) for code, path in lookups.items()}
    source = pq.ParquetFile(points)
    seconds = 0.0
    for batch in source.iter_batches(_BATCH, row_groups=range(part, source.num_row_groups, parts), columns=["lon", "lat"]):
        lon, lat = (batch.column(name).to_numpy() for name in ("lon", "lat"))
        start = time.process_time()
        added_columns(lon, lat, files, Options())
        seconds += time.process_time() - start
    return seconds


def plain_at_once(points: str, lookups: dict[str, str], processes: int) -> float:
    """Return the processor time of the search in several concurrent processes, which slow each other down like the workers."""
    with get_context("spawn").Pool(processes) as pool:
        return sum(pool.starmap(plain, [(points, lookups, part, processes) for part in range(processes)]))


@contextmanager
def standalone(workers: int) -> Iterator[str]:
    """Run a standalone cluster on loopback; yield its address."""
    home = Path(pyspark.__file__).parent
    environment = os.environ | {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": _HOST, "SPARK_DAEMON_MEMORY": "512m"}
    master = f"spark://{_HOST}:{_PORT}"
    with tempfile.TemporaryDirectory() as folder:
        programs = [["master.Master", "--host", _HOST, "--port", str(_PORT), "--webui-port", "0"]]
        worker = ["worker.Worker", "--cores", "1", "--memory", "2g", "--host", _HOST, "--webui-port", "0", "-d", folder, master]
        programs += [worker] * workers
        processes = []
        try:
            for number, (name, *arguments) in enumerate(programs):
                log = Path(folder, f"{number}.log")
                command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", *arguments]
                with log.open("w") as output:
                    processes.append(subprocess.Popen(command, env=environment, stderr=output, stdout=output))
                ready = "New state: ALIVE" if not number else "Successfully registered with master"
                for _ in range(_START_S * 2):
                    if ready in log.read_text():
                        break
                    time.sleep(0.5)
                else:
                    raise TimeoutError(log.read_text()[-2_000:])
            yield master
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()


def python_workers() -> list[psutil.Process]:
    """Return the Python processes of the executors."""
    workers = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if any("pyspark" in argument for argument in process.cmdline()) and process.name() != "java":
                workers.append(process)
    return workers


def cpu_seconds() -> dict[str, float]:
    """Return the processor time of the cluster's processes by kind, with that of their children that have ended."""
    seconds = {"python": 0.0, "java": 0.0}
    workers = python_workers()
    java = [process for process in psutil.Process().children(recursive=True) if process.name() == "java"]
    for kind, processes in (("python", workers), ("java", java)):
        for process in processes:
            times = process.cpu_times()
            seconds[kind] += times.user + times.system
            if kind == "python":
                seconds[kind] += times.children_user + times.children_system
    return seconds


def watch_memory(ended: Event, most: list[int]) -> None:
    """Set the private memory of the largest Python worker until the event is set."""
    while not ended.wait(1):
        for process in python_workers():
            with suppress(psutil.Error):
                most[0] = max(most[0], process.memory_full_info().uss)


def measure(master: str, points: str, lookups: dict[str, str], runs: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the processor time, the time on a clock and the memory of each run by its name."""
    session = (
        SparkSession.builder.master(master)
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", _HOST)
        .config("spark.driver.host", _HOST)
        .config("spark.executorEnv.PYTHONPATH", os.environ["PYTHONPATH"])
        .getOrCreate()
    )
    with tempfile.TemporaryDirectory() as folder:
        for run in (f"run {number}" for number in range(1, runs + 1)):
            ended, most = Event(), [0]
            watcher = Thread(target=watch_memory, args=(ended, most))
            watcher.start()
            before, start = cpu_seconds(), time.monotonic()
            locate(session.read.parquet(points), lookups).write.parquet(f"{folder}/{run}")
            after, wall = cpu_seconds(), time.monotonic() - start
            ended.set()
            watcher.join()
            figures = {kind: round(after[kind] - before[kind], 2) for kind in after}
            yield run, figures | {"wall": round(wall, 1), "worker_mb": most[0] // 2**20}
    session.stop()


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("points")
    parser.add_argument("workers", type=int)
    parser.add_argument("lookups", nargs=2)
    parser.add_argument("--standalone", action="store_true")
    parser.add_argument("--runs", type=int, default=2)
    options = parser.parse_args()
    lookups = dict(zip(("hruid", "cfsauid"), options.lookups, strict=True))
    result: dict[str, object] = {"points": pq.read_metadata(options.points).num_rows, "workers": options.workers}

    def run(master: str) -> None:
        result["search"] = round(plain_at_once(options.points, lookups, options.workers), 2)
        result.update(measure(master, options.points, lookups, options.runs))
        result["search_again"] = round(plain_at_once(options.points, lookups, options.workers), 2)

    if options.standalone:
        with standalone(options.workers) as master:
            run(master)
    else:
        run(f"local-cluster[{options.workers},1,1024]")
    result["load"] = round(os.getloadavg()[0], 1)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
