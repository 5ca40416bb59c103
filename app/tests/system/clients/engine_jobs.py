"""Jobs of Sail, Spark and Dask on their own Python: look up the positions of Parquet files, and write Parquet.

    python engine_jobs.py sail | connect | cluster | dask | columns POINTS OUT LOOKUPS

LOOKUPS is JSON: path of a lookup file by name of the code column. `cluster` prints what the lost executor has interrupted.
`columns` writes chosen columns, by Sail and by Dask, to the folders `OUT/sail` and `OUT/dask`.
"""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pyarrow as pa

# The job `columns` names the column `note` so.
NOTE = "a `note`, v.1"
COLUMNS = ("cfsauid_certain", NOTE, "hruid", "id")
EXECUTOR = "org.apache.spark.executor.CoarseGrainedExecutorBackend"


def sail(points: str, out: str, lookups: dict[str, str]) -> None:
    """Run on Sail, whose workers are threads of its server."""
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    from covidtrends_geo.spark import locate

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    session = SparkSession.builder.remote("sc://{}:{}".format(*server.listening_address)).getOrCreate()
    locate(session.read.parquet(points), lookups, border=True, ship=False).write.parquet(out)
    session.stop()
    server.stop()


def connect(points: str, out: str, lookups: dict[str, str]) -> None:
    """Run on Spark Connect: the client knows no SparkContext."""
    from pyspark.sql import SparkSession

    from covidtrends_geo.spark import locate

    session = SparkSession.builder.remote("local[2]").getOrCreate()
    for _ in range(2):  # a file that was sent already is no error
        located = locate(session.read.parquet(points), lookups, border=True)
    located.write.parquet(out)
    session.stop()


def cluster(points: str, out: str, lookups: dict[str, str]) -> None:
    """Run on a cluster with two executors, of which one is killed while it works."""
    from pyspark.sql import SparkSession

    from covidtrends_geo.spark import locate

    tasks = len(list(Path(points).iterdir()))
    session = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.executorEnv.PYTHONPATH", os.environ["PYTHONPATH"])
        .config("spark.sql.files.minPartitionNum", tasks)
        .getOrCreate()
    )
    positions = session.read.parquet(points)
    located = locate(positions.mapInArrow(_slowly, positions.schema), lookups, border=True)
    lost: dict[str, int] = {}
    killer = Thread(target=_kill_executor, args=(session.sparkContext.statusTracker(), lost))
    killer.start()
    located.write.parquet(out)
    killer.join()
    print(json.dumps(lost))
    session.stop()


def _slowly(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        time.sleep(0.3)
        yield batch


def _is_executor(process: psutil.Process) -> bool:
    # Children of the executors come and go.
    with suppress(psutil.Error):
        return EXECUTOR in process.cmdline()
    return False


def _kill_executor(tracker: Any, lost: dict[str, int]) -> None:
    """Kill an executor when both have finished a task."""
    while True:
        for stage in tracker.getActiveStageIds():
            info = tracker.getStageInfo(stage)
            if info and info.numCompletedTasks >= 3:
                executors = [child for child in psutil.Process().children(recursive=True) if _is_executor(child)]
                executors[0].kill()
                lost |= {"executors": len(executors), "completed": info.numCompletedTasks, "tasks": info.numTasks}
                return
        time.sleep(0.05)


def dask(points: str, out: str, lookups: dict[str, str]) -> None:
    """Run on a cluster with two worker processes."""
    import dask.dataframe
    from dask.distributed import Client, LocalCluster

    from covidtrends_geo.dask import locate

    located = locate(dask.dataframe.read_parquet(points), lookups, border=True)
    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as workers, Client(workers):
        located.to_parquet(out)
        assert located.npartitions > 1
        assert located.dtypes.equals(located.get_partition(1).compute().dtypes)


def columns(points: str, out: str, lookups: dict[str, str]) -> None:
    """Write chosen columns, by Sail and by Dask."""
    import dask.dataframe
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    from covidtrends_geo.dask import locate as locate_in_dask
    from covidtrends_geo.spark import locate as locate_in_spark

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    session = SparkSession.builder.remote("sc://{}:{}".format(*server.listening_address)).getOrCreate()
    renamed = session.read.parquet(points).withColumnRenamed("note", NOTE)
    locate_in_spark(renamed, lookups, columns=COLUMNS, ship=False).write.parquet(f"{out}/sail")
    session.stop()
    server.stop()
    renamed = dask.dataframe.read_parquet(points).rename(columns={"note": NOTE})
    locate_in_dask(renamed, lookups, columns=COLUMNS).to_parquet(f"{out}/dask", write_index=False)


if __name__ == "__main__":
    job, points, out, lookups = sys.argv[1:]
    jobs = {"sail": sail, "connect": connect, "cluster": cluster, "dask": dask, "columns": columns}
    jobs[job](points, out, json.loads(lookups))
