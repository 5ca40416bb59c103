"""Benchmark of indicators beside a static file and an empty view, on the embedded series and on millions of rows, in one run.

    cd app && python benchmarks/indicators.py [--rows 10000000] [--seconds 4] [--rounds 3]

Needs wrk, the demonstration in the database, and a role that may create databases. Works on a copy of the database, which is
dropped at the end; `--rows` fills it with copies of the indicator `cases` until it has at least that many values.

Servers are granian as in bin/serve, with two workers; 8 connections request uncompressed bodies. Cold: `BODY_CACHE_MB=0`.
Prints the medians of the rounds, and of the ratios to the baseline of the same round.
"""

import argparse
import gzip
import json
import math
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

APP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(APP))
_static = tempfile.TemporaryDirectory(prefix="covidtrends-geo-benchmark-")
os.environ["STATIC_ROOT"] = _static.name

from django.db import connection, connections, transaction

from benchmarks.database import database_copy
from benchmarks.lookups import STRATA, server  # sets Django up
from benchmarks.wrk import wrk
from indicators.models import Indicator, Issue, Place, PlaceKind, Value
from loader.series import pipeline
from loader.series.declarations import read_series

MAP = "/indicators/{}/map?on={}&measure=rate_7d"
DAYS = [f"{year}-{month:02}-15" for year in (2020, 2021, 2022) for month in range(3, 11)]
CUBE = "/indicators/{}/cube?measure=new_1d"
NOW = {name: [f"/now?lat={lat:.4f}&lon={lon:.4f}" for lat, lon in STRATA[name]] for name in ("city", "border")}
NOW["FSAs"] = [f"/now?fsa={code}" for code in ("K0A", "M5V", "G7H", "H3Z", "V6B", "T2P", "S7K", "B3H")]
REGION = "/indicators/{}/series?place={}&measure=new_1d"
ROUTES = {"map": "/indicators/{id}/map", "series": "/indicators/{id}/series"}

_COPY_SERIES = """
    INSERT INTO indicator_series (indicator_id, place_id, derived, first, last, last_report, ended_on)
    SELECT %(to)s, place_id, derived, first, last, last_report, ended_on FROM indicator_series WHERE indicator_id = %(from)s
"""
_PAIRS = """
    FROM indicator_series old JOIN indicator_series new ON new.place_id = old.place_id AND new.indicator_id = %(to)s
    JOIN {} item ON item.series_id = old.id WHERE old.indicator_id = %(from)s
"""
_COPY_VALUES = (
    "INSERT INTO indicator_value (series_id, period, value, status, from_issue_id)"
    " SELECT new.id, item.period, item.value, item.status, %(issue)s" + _PAIRS.format("indicator_value")
) + " AND item.to_issue_id IS NULL"
_COPY_BLOBS = (
    "INSERT INTO indicator_blob (series_id, measure, start, values, statuses, lags, spans)"
    " SELECT new.id, item.measure, item.start, item.values, item.statuses, item.lags, item.spans"
    + _PAIRS.format("indicator_blob")
)


def fill(rows: int) -> list[str]:
    """Copy the indicator `cases` until there are at least `rows` current values; return the slugs of the copies."""
    original = Indicator.objects.get(slug="cases")
    issue = original.issues.get(status="published")
    current = Value.objects.filter(to_issue=None)
    copies = math.ceil((rows - current.count()) / current.filter(series__indicator=original).count())
    slugs = [f"cases-{number}" for number in range(copies)]
    for number, slug in enumerate(slugs):
        with transaction.atomic():
            indicator = Indicator.objects.get(pk=original.pk)
            indicator.pk, indicator.slug = None, slug
            indicator.save()
            copied = Issue.objects.get(pk=issue.pk)
            copied.pk, copied.indicator, copied.sha256 = None, indicator, f"{number:064}"
            copied.save()
            with connection.cursor() as cursor:
                keys = {"from": original.pk, "to": indicator.pk, "issue": copied.pk}
                for sql in (_COPY_SERIES, _COPY_VALUES, _COPY_BLOBS):
                    cursor.execute(sql, keys)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE indicator_value, indicator_series, indicator_blob")
        cursor.execute("SELECT count(*), pg_total_relation_size('indicator_value') FROM indicator_value")
        count, size = cursor.fetchone()
    print(f"{count:,} values, {size / 1e6:,.0f} MB with indexes, {len(slugs)} copies of cases")
    return slugs


def regions() -> list[str]:
    """Return the codes of the reporting regions."""
    places = Place.objects.filter(series__indicator__slug="cases", kind=PlaceKind.REGION)
    return list(places.order_by("key").values_list("key", flat=True))


def load_seconds() -> tuple[int, float]:
    """Return rows and seconds of a load of the cases with all gates, from an empty indicator; nothing is committed."""
    source = read_series()["covid-cases"]
    with transaction.atomic():
        Indicator.objects.filter(slug="cases").delete()
        started = time.monotonic()
        pipeline.load(source)
        seconds = time.monotonic() - started
        count = Value.objects.filter(series__indicator__slug="cases").count()
        transaction.set_rollback(True)
    return count, seconds


def sizes(address: str) -> None:
    """Print the sizes of bodies, as they are and compressed."""
    for path in (MAP.format("cases", "2022-01-08"), CUBE.format("cases"), REGION.format("cases", "3595")):
        plain = urllib.request.urlopen(address + path).read()
        request = urllib.request.Request(address + path, headers={"Accept-Encoding": "gzip"})
        packed = urllib.request.urlopen(request).read()
        assert gzip.decompress(packed) == plain
        print(f"{path}: {len(plain) / 1e3:,.1f} kB, gzip {len(packed) / 1e3:,.1f} kB")


def database_ms(address: str, route: str, paths: list[str]) -> float:
    """Return milliseconds of database statements per request, as the server counts them."""

    def counted() -> tuple[float, float]:
        text = urllib.request.urlopen(f"{address}/metrics").read().decode()
        lines = [line for line in text.splitlines() if f'route="{route}"' in line]
        seconds = sum(float(line.split()[-1]) for line in lines if line.startswith("geo_database_seconds_total"))
        requests = sum(float(line.split()[-1]) for line in lines if line.startswith("geo_http_requests_total"))
        return seconds, requests

    before = counted()
    wrk(address, paths, 2, connections=1)
    after = counted()
    return 1e3 * (after[0] - before[0]) / (after[1] - before[1])


Rates = dict[str, list[float]]


def one_round(at: dict[str, str], slugs: list[str], seconds: int, rates: Rates) -> None:
    """Measure every variant once, in requests per second."""
    one_map = [MAP.format("cases", "2022-01-08")]
    maps = [MAP.format(slug, day) for slug in slugs for day in DAYS]
    histories = [REGION.format(slug, place) for slug in slugs for place in regions()]
    measured = {
        "empty view": wrk(at["warm"], ["/empty"], seconds),
        "static file of a map": wrk(at["files"], ["/static/map.json"], seconds),
        "map, warm": wrk(at["warm"], one_map, seconds),
        "map, 304": wrk(at["warm"], one_map, seconds, headers={"If-None-Match": "*"}),
        "map, cold": wrk(at["cold"], maps, seconds),
        "history of a region, warm": wrk(at["warm"], histories[: len(regions())], seconds),
        "history of a region, cold": wrk(at["cold"], histories, seconds),
        "cube of three years, warm": wrk(at["warm"], [CUBE.format("cases")], seconds),
    }
    measured |= {f"now, {name}": wrk(at["warm"], paths, seconds) for name, paths in NOW.items()}
    for name, figures in measured.items():
        rates.setdefault(name, []).append(figures["rate"])


def measure(options: argparse.Namespace, slugs: list[str]) -> None:
    """Run the servers, measure and print."""
    connections.close_all()
    folder = tempfile.TemporaryDirectory(prefix="covidtrends-geo-benchmark-")
    counters = Path(folder.name, "counters")
    counters.mkdir()
    rates: Rates = {}
    with (
        folder,
        server(options.port, BODY_CACHE_MB="0", GEODATA_CACHE=folder.name, PROMETHEUS_MULTIPROC_DIR=str(counters)) as cold,
        server(options.port + 1, BODY_CACHE_MB="512", GEODATA_CACHE=folder.name) as warm,
    ):
        sizes(warm)
        body = urllib.request.urlopen(warm + MAP.format("cases", "2022-01-08")).read()
        json.loads(body)
        Path(_static.name, "map.json").write_bytes(body)
        maps = [MAP.format(slug, day) for slug in slugs for day in DAYS]
        histories = [REGION.format(slug, place) for slug in slugs for place in regions()]
        print(f"map, cold: {database_ms(cold, ROUTES['map'], maps):.2f} ms of database")
        print(f"history of a region, cold: {database_ms(cold, ROUTES['series'], histories):.2f} ms of database")
        with server(options.port + 2) as files:
            for _ in range(options.rounds):
                one_round({"cold": cold, "warm": warm, "files": files}, slugs, options.seconds, rates)
    print(f"\n{'':30} {'per s':>10} {'of empty view':>14} {'of static file':>15}")
    for name, values in rates.items():
        ratios = [
            statistics.median(value / base for value, base in zip(values, rates[baseline], strict=True))
            for baseline in ("empty view", "static file of a map")
        ]
        print(f"{name:30} {statistics.median(values):10,.0f} {ratios[0]:14.2f} {ratios[1]:15.2f}")


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=8950)
    options = parser.parse_args()
    with database_copy():
        print("load of {:,} values with all gates: {:.1f} s".format(*load_seconds()))
        slugs = ["cases", *(fill(options.rows) if options.rows else [])]
        measure(options, slugs)


if __name__ == "__main__":
    main()
