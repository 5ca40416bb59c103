"""Processor time of lookups in Spark or Dask beside the search itself, with workers of one core on this machine.

    python -m benchmarks.cluster_lookups POINTS... --workers 2 --lookups HRUID_LOOKUP CFSAUID_LOOKUP [--dask | --standalone]
        [--runs 2] [--columns id,hruid,certain] [--conf KEY=VALUE]...

Runs in the environment `.local/engines` of bin/clients with PYTHONPATH=app. Each of POINTS is a Parquet file or a folder of
them, with columns lon and lat, in row groups. The cluster is `local-cluster[WORKERS,1,1024]`, with --standalone a master and
workers of its own, with --dask a LocalCluster.

Prints JSON. Processor times are seconds per million positions:
    plain, plain_again: the search without a cluster, before and after, in as many processes at once as there are workers:
        each record batch of 10,000 rows by itself (`search`), and as many as `arrow_batches.located` takes together
        (`together`). The columns are those of the jobs; reading and writing do not count.
    runs: of the processes of the cluster, Python's and Java's, in each job (read Parquet, look up, write Parquet), and their
        ratios to `search` and `together`. The first job pays for the start of Python and the compilers of Java.
    floor: the last job without lookup: constants in the columns of the result. Every use of the engine takes as much.
    further: the last job on the last of POINTS less the one on the first, per million that it has more: without fixed costs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from covidtrends_geo.arrow_batches import Options, located, open_verified
from covidtrends_geo.spark import locate

Job = Callable[[str, str], None]

os.environ.setdefault("PYSPARK_PYTHON", sys.executable)

_HOST, _PORT = "127.0.0.1", 7177
_BATCH = 10_000
_START_S = 120
# Row groups of the search by itself in each process: enough for a figure.
_GROUPS = 8


def row_groups(points: str) -> Iterator[list[pa.RecordBatch]]:
    """Yield the record batches of each row group of a Parquet file or of the files of a folder."""
    path = Path(points)
    for file in map(pq.ParquetFile, sorted(path.glob("*.parquet")) if path.is_dir() else [path]):
        for group in range(file.num_row_groups):
            yield list(file.iter_batches(_BATCH, row_groups=[group]))


def rows_of(points: str) -> int:
    """Return the number of positions of a Parquet file or of the files of a folder."""
    path = Path(points)
    return sum(pq.read_metadata(file).num_rows for file in (path.glob("*.parquet") if path.is_dir() else [path]))


def plain(points: str, lookups: dict[str, str], options: Options, part: int, parts: int) -> tuple[int, float, float]:
    """Return the number of positions of a part, and the processor time of the search: each batch by itself, and together."""
    files = {code: open_verified(Path(path)) for code, path in lookups.items()}
    rows, alone, together = 0, 0.0, 0.0
    for batches in islice(row_groups(points), part, _GROUPS * parts, parts):
        start = time.process_time()
        for batch in batches:
            list(located([batch], files, options))
        middle = time.process_time()
        list(located(batches, files, options))
        rows += sum(batch.num_rows for batch in batches)
        alone, together = alone + middle - start, together + time.process_time() - middle
    return rows, alone, together


def plain_at_once(points: str, lookups: dict[str, str], options: Options, processes: int) -> dict[str, float]:
    """Return the processor time of the search per million in several processes: they slow each other down as workers do."""
    with get_context("spawn").Pool(processes) as pool:
        parts = pool.starmap(plain, [(points, lookups, options, part, processes) for part in range(processes)])
    rows, alone, together = map(sum, zip(*parts, strict=True))
    return {"search": round(alone / rows * 1e6, 2), "together": round(together / rows * 1e6, 2)}


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


def workers_of(kind: str) -> list[psutil.Process]:
    """Return the processes of the cluster's workers: `python` of Spark's executors or of Dask, `java`."""
    workers = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            line = " ".join(process.cmdline())
            name = "java" if process.name() == "java" else "python"
            if name == kind and (name == "java" or "pyspark" in line or "multiprocessing.spawn" in line):
                workers.append(process)
    return workers


def cpu_seconds() -> dict[str, float]:
    """Return the processor time of the cluster's processes by kind, with that of Python's children that have ended."""
    seconds = {"python": 0.0, "java": 0.0}
    for kind in seconds:
        for process in workers_of(kind):
            with suppress(psutil.Error):
                times = process.cpu_times()
                seconds[kind] += times.user + times.system
                if kind == "python":
                    seconds[kind] += times.children_user + times.children_system
    return seconds


def watch_memory(ended: Event, most: list[int]) -> None:
    """Set the private memory of the largest Python worker until the event is set."""
    while not ended.wait(1):
        for process in workers_of("python"):
            with suppress(psutil.Error):
                most[0] = max(most[0], process.memory_full_info().uss)


def measure(job: Job, points: str) -> dict[str, float]:
    """Return the processor time per million of a job, the time on a clock and the private memory of the largest worker."""
    rows = rows_of(points) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        ended, most = Event(), [0]
        watcher = Thread(target=watch_memory, args=(ended, most))
        watcher.start()
        before, start = cpu_seconds(), time.monotonic()
        job(points, f"{folder}/out")
        after, wall = cpu_seconds(), time.monotonic() - start
        ended.set()
        watcher.join()
    figures = {kind: (after[kind] - before[kind]) / rows for kind in after}
    return {"points": rows * 1e6, **figures, "wall": wall, "worker_mb": most[0] / 2**20}


@contextmanager
def spark_jobs(master: str, lookups: dict[str, str], options: Options, settings: dict[str, str]) -> Iterator[tuple[Job, Job]]:
    """Yield the job of a lookup and that of constants, in a session of Spark."""
    builder = SparkSession.builder.master(master).config("spark.ui.enabled", "false")
    for key, value in {
        "spark.driver.bindAddress": _HOST,
        "spark.driver.host": _HOST,
        "spark.executorEnv.PYTHONPATH": os.environ["PYTHONPATH"],
        **settings,
    }.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()

    def lookup(points: str, out: str) -> None:
        locate(session.read.parquet(points), lookups, columns=options.columns).write.parquet(out)

    def floor(points: str, out: str) -> None:
        df = session.read.parquet(points)
        schema = locate(df, lookups, columns=options.columns).schema
        read = df.select("lon", "lat", *(name for name in df.columns if name not in {"lon", "lat"} and name in schema.names))
        read.mapInArrow(partial(constants, schema), schema).write.parquet(out)

    yield lookup, floor
    session.stop()


def constants(schema: StructType, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield each batch with constants in the columns that it lacks."""
    for batch in batches:
        columns = {
            name: batch[name]
            if name in batch.schema.names
            else pa.repeat(True if schema[name].dataType.typeName() == "boolean" else "covers", batch.num_rows)
            for name in schema.names
        }
        yield pa.record_batch(columns)


@contextmanager
def dask_jobs(workers: int, lookups: dict[str, str], options: Options, settings: dict[str, str]) -> Iterator[tuple[Job, Job]]:
    """Yield the job of a lookup and that of constants, in a cluster of Dask. A row group is a partition."""
    import dask  # noqa: PLC0415 - Spark's figures need no Dask
    import dask.dataframe  # noqa: PLC0415
    from dask.distributed import Client, LocalCluster  # noqa: PLC0415

    from covidtrends_geo.dask import locate as locate_in_dask  # noqa: PLC0415

    def read(points: str) -> Any:
        return dask.dataframe.read_parquet(points, split_row_groups=1)

    def lookup(points: str, out: str) -> None:
        locate_in_dask(read(points), lookups, columns=options.columns).to_parquet(out)

    def floor(points: str, out: str) -> None:
        frame = read(points)
        meta = locate_in_dask(frame, lookups, columns=options.columns)._meta
        added = {
            name: True if kind.kind == "b" else "covers" for name, kind in meta.dtypes.items() if name not in frame.columns
        }
        frame.assign(**added)[list(meta.columns)].to_parquet(out)

    dask.config.set(settings)
    with LocalCluster(n_workers=workers, threads_per_worker=1, host=_HOST, dashboard_address=None) as cluster, Client(cluster):
        yield lookup, floor


def compare(jobs: tuple[Job, Job], points: list[str], runs: int, plain_figures: dict[str, float]) -> dict[str, Any]:
    """Run the jobs, and return their figures: see the top."""

    def beside(figures: dict[str, float]) -> dict[str, float]:
        of = figures | {"all": figures["python"] + figures["java"]}
        ratios = {f"{kind}_of_{name}": of[kind] / plain for name, plain in plain_figures.items() for kind in ("python", "all")}
        return {key: round(value, 2) for key, value in (figures | ratios).items()}

    lookup, floor = jobs
    measured = {path: [measure(lookup, path) for _ in range(runs if path == points[0] else 1)] for path in points}
    result: dict[str, Any] = {"runs": [beside(figures) for each in measured.values() for figures in each]}
    result["floor"] = beside(measure(floor, points[-1]))
    first, last = measured[points[0]][-1], measured[points[-1]][-1]
    if more := last["points"] - first["points"]:
        kinds = ("python", "java")
        result["further"] = beside(
            {kind: (last[kind] * last["points"] - first[kind] * first["points"]) / more for kind in kinds}
        )
    return result


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("points", nargs="+")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--lookups", nargs=2, required=True)
    parser.add_argument("--columns", help="columns of the result: all without it")
    parser.add_argument("--conf", action="append", default=[], help="setting of Spark or Dask")
    parser.add_argument("--runs", type=int, default=2, help="runs of the job on the first of POINTS; one on each other")
    parser.add_argument("--standalone", action="store_true")
    parser.add_argument("--dask", action="store_true")
    arguments = parser.parse_args()
    lookups = dict(zip(("hruid", "cfsauid"), arguments.lookups, strict=True))
    options = Options(columns=tuple(arguments.columns.split(",")) if arguments.columns else None)
    settings = dict(setting.split("=", 1) for setting in arguments.conf)
    workers = arguments.workers

    def run(jobs: tuple[Job, Job]) -> dict[str, Any]:
        before = plain_at_once(arguments.points[-1], lookups, options, workers)
        figures = compare(jobs, arguments.points, arguments.runs, before)
        return {"plain": before, **figures, "plain_again": plain_at_once(arguments.points[-1], lookups, options, workers)}

    result: dict[str, Any] = {"workers": workers, "columns": options.columns, "conf": settings}
    if arguments.dask:
        with dask_jobs(workers, lookups, options, settings) as jobs:
            result |= run(jobs)
    elif arguments.standalone:
        with standalone(workers) as master, spark_jobs(master, lookups, options, settings) as jobs:
            result |= run(jobs)
    else:
        with spark_jobs(f"local-cluster[{workers},1,1024]", lookups, options, settings) as jobs:
            result |= run(jobs)
    result["load"] = round(os.getloadavg()[0], 1)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
