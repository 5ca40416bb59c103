"""Benchmark of layers, features and tiles beside the bare SQL of the same bytes, tipg and pygeoapi, in one run.

    cd app && python benchmarks/layers.py --scratch /tmp/layers [--seconds 4] [--rounds 3] [--growth fsa-x4 fsa-x16]

Needs wrk, official boundaries of both coverages in the database, and a connection of its owner, which creates and drops the
tables of the peers; installs tipg and pygeoapi into a virtual environment in the scratch folder. Every server has two workers
and serves 8 connections that request uncompressed bodies. Cold: without the response cache (`BODY_CACHE_MB=0`). Warm: from the
response cache. Static: the national layer as a file, sent by the same server. Each round measures every server; the output has
the median of the rounds, and the median of the ratios to the bare SQL of the same round.

`--growth` names coverages of FSAs with more vertices (`benchmarks.load_memory.densify`), for which the requests are repeated.
"""

import argparse
import math
import os
import statistics
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPException
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

APP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(APP))
_static = tempfile.TemporaryDirectory(prefix="covidtrends-geo-benchmark-")
os.environ["STATIC_ROOT"] = _static.name

from django.db import connection

from benchmarks import peers
from benchmarks.bare import bare
from benchmarks.lookups import server  # sets Django up
from benchmarks.wrk import wrk
from geography.coordinates import TileAddress
from geography.models import Vintage
from geography.queries.tiles import tile_draw
from geography.vintages.resolve import vintage_in_force

# Greater Toronto: more than a hundred FSAs.
BOX = (-79.9, 43.5, -79.0, 44.0)
# Tiles around Toronto, Winnipeg and Halifax.
PLACES = ((-79.38, 43.65), (-97.14, 49.9), (-63.6, 44.65))
ZOOMS = (3, 5, 8, 10, 12)
# A server that takes longer gets no figure.
PATIENCE_S = 20

# A feature with the members of this service's features, assembled as text in the database.
_FEATURE = """
    '{"id":' || to_json(region.code) || ',"type":"Feature","geometry":' || drawn.geojson || ',"properties":'
    || json_build_object('code', region.code, 'dguid', region.dguid, 'name', region.name_en, 'name_en', region.name_en,
        'name_fr', region.name_fr, 'pruid', region.pruid, 'population', region.population,
        'land_area_km2', region.land_area_km2, 'area_km2', region.area_km2, 'vintage', %(label)s)
    || ',"bbox":' || to_json(drawn.extent) || '}'
"""
_LAYER = f"""
    SELECT '{{"type":"FeatureCollection","features":[' || string_agg({_FEATURE}, ',' ORDER BY region.code) || ']}}'
    FROM region JOIN region_level AS drawn ON drawn.region_id = region.id AND drawn.level = %(level)s
    WHERE region.vintage_id = %(vintage)s
"""
_IN_BOX = f"""
    SELECT '{{"type":"FeatureCollection","features":[' || string_agg(feature, ',' ORDER BY code) || ']}}' FROM (
        SELECT region.code, {_FEATURE} AS feature
        FROM region JOIN region_level AS drawn ON drawn.region_id = region.id AND drawn.level = %(level)s
        WHERE region.vintage_id = %(vintage)s AND EXISTS (
            SELECT FROM region_part AS part WHERE part.region_id = region.id
              AND ST_Intersects(part.geom, ST_Transform(
                  ST_Segmentize(ST_MakeEnvelope(%(w)s, %(s)s, %(e)s, %(n)s, 4326), 0.25), 3347)))
        ORDER BY region.code LIMIT 100
    ) AS selected
"""
_ONE = f"""
    SELECT {_FEATURE} FROM region JOIN region_level AS drawn ON drawn.region_id = region.id AND drawn.level = %(level)s
    WHERE region.vintage_id = %(vintage)s AND region.code = %(code)s
"""


def _statement(sql: str, parameters: dict[str, Any]) -> Callable[[], int]:
    def execute() -> int:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return len(cursor.fetchone()[0].encode())

    return execute


def _tiles(vintage: Vintage, addresses: list[TileAddress]) -> Callable[[], int]:
    turn = cycle(addresses)
    return lambda: len(tile_draw(vintage=vintage, address=next(turn)))


def tiles_of(zoom: int) -> list[TileAddress]:
    """Return the tiles of a zoom around `PLACES`."""
    results = []
    for lon, lat in PLACES:
        across, down = (lon + 180) / 360, (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
        results.append(TileAddress(zoom, int(across * 2**zoom), int(down * 2**zoom)))
    return list(dict.fromkeys(results))


class Case(NamedTuple):
    """The same request to every server: paths here and at the peers (None where a peer has none), and a statement."""

    name: str
    paths: list[str]
    sql: Callable[[], int]
    tipg: list[str] | None
    pygeoapi: list[str] | None


def cases(vintages: dict[str, Vintage]) -> Iterator[Case]:
    """Yield the requests that are compared."""
    regions, fsas = vintages["health-regions"], vintages["fsa"]
    box = ",".join(map(str, BOX))
    west, south, east, north = BOX
    national = {"vintage": regions.pk, "label": regions.label, "level": "low"}
    yield Case(
        "national layer at low",
        [f"/health-regions?vintage={regions.label}&detail=low"],
        _statement(_LAYER, national),
        ["/collections/peers.health_regions_low/items?limit=2000&f=geojson"],
        ["/collections/health_regions_low/items?limit=2000&f=json"],
    )
    in_box = {"vintage": fsas.pk, "label": fsas.label, "level": "low", "w": west, "s": south, "e": east, "n": north}
    yield Case(
        "100 FSAs by bbox at low",
        [f"/fsa?vintage={fsas.label}&detail=low&limit=100&bbox={box}"],
        _statement(_IN_BOX, in_box),
        [f"/collections/peers.fsa_low/items?limit=100&bbox={box}&f=geojson"],
        [f"/collections/fsa_low/items?limit=100&bbox={box}&f=json"],
    )
    code = heaviest(fsas)
    yield Case(
        f"heaviest feature ({code}) at full",
        [f"/coverages/fsa/regions/{code}?vintage={fsas.label}&detail=full"],
        _statement(_ONE, {"vintage": fsas.pk, "label": fsas.label, "level": "full", "code": code}),
        [f"/collections/peers.fsa_full/items/{code}?f=geojson"],
        [f"/collections/fsa_full/items/{code}?f=json"],
    )
    for zoom in ZOOMS:
        of = tiles_of(zoom)
        yield Case(
            f"tiles of FSAs, z{zoom}",
            [f"/tiles/fsa/{item.zoom}/{item.column}/{item.row}.mvt?vintage={fsas.label}" for item in of],
            _tiles(fsas, of),
            [f"/collections/peers.fsa_full/tiles/WebMercatorQuad/{item.zoom}/{item.column}/{item.row}" for item in of],
            [f"/collections/fsa_full/tiles/WebMercatorQuad/{item.zoom}/{item.row}/{item.column}?f=mvt" for item in of],
        )


def heaviest(vintage: Vintage) -> str:
    """Return the code of the region with the longest GeoJSON at level `full`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT code FROM region JOIN region_level AS drawn ON region_id = region.id"
            " WHERE vintage_id = %s AND level = 'full' ORDER BY octet_length(geojson) DESC LIMIT 1",
            [vintage.pk],
        )
        (code,) = cursor.fetchone()
        return str(code)


def size_of(address: str) -> int:
    """Return the length of a response in bytes. Raises: OSError without a response within `PATIENCE_S`."""
    with urllib.request.urlopen(address, timeout=PATIENCE_S) as response:
        return len(response.read())


def without_silent_peers(item: Case, at: dict[str, str]) -> Case:
    """Print the lengths of the responses; return the case without the peers that do not respond."""
    details, peer_paths = [f"bare SQL {item.sql() / 1e3:,.0f} kB"], {"tipg": item.tipg, "pygeoapi": item.pygeoapi}
    details.append(f"here {size_of(at['cold'] + item.paths[0]) / 1e3:,.0f} kB")
    for name, paths in list(peer_paths.items()):
        try:
            details.append(f"{name} {size_of(at[name] + (paths or [''])[0]) / 1e3:,.0f} kB")
        except (OSError, HTTPException) as error:
            details.append(f"{name} no response in {PATIENCE_S} s ({error})")
            peer_paths[name] = None
    print(f"{item.name}: {', '.join(details)}", flush=True)
    return item._replace(tipg=peer_paths["tipg"], pygeoapi=peer_paths["pygeoapi"])


@contextmanager
def servers(options: argparse.Namespace, vintages: dict[str, Vintage]) -> Iterator[dict[str, str]]:
    """Run every server; yield their addresses by name."""
    scratch = Path(options.scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        held.enter_context(peers.tables({name: vintage.pk for name, vintage in vintages.items()}))
        commands = peers.environment(scratch)
        cache = held.enter_context(tempfile.TemporaryDirectory(prefix="covidtrends-geo-benchmark-"))
        yield {
            "cold": held.enter_context(server(options.port, BODY_CACHE_MB="0", GEODATA_CACHE=cache)),
            "warm": held.enter_context(server(options.port + 1, BODY_CACHE_MB="512", GEODATA_CACHE=cache)),
            "tipg": held.enter_context(peers.tipg(commands, scratch, options.port + 2)),
            "pygeoapi": held.enter_context(peers.pygeoapi(commands, scratch, options.port + 3)),
        }


Rows = dict[tuple[str, str], list[float]]


def one_round(item: Case, at: dict[str, str], seconds: int, rows: Rows) -> None:
    """Measure a case on every server once; append the requests per second to the rows."""

    def add(what: str, rate: float) -> None:
        rows.setdefault((item.name, what), []).append(rate)

    add("bare SQL", bare(item.sql, seconds))
    add("cold", wrk(at["cold"], item.paths, seconds)["rate"])
    wrk(at["warm"], item.paths, 1)
    add("warm", wrk(at["warm"], item.paths, seconds)["rate"])
    add("304", wrk(at["warm"], item.paths, seconds, headers={"If-None-Match": "*"})["rate"])
    for name, paths in (("tipg", item.tipg), ("pygeoapi", item.pygeoapi)):
        if paths is not None:
            add(name, wrk(at[name], paths, seconds)["rate"])


def growth(coverages: list[str], at: dict[str, str], seconds: int, rounds: int) -> None:
    """Print the rates for coverages with the same regions and more vertices."""
    rows: dict[str, list[str]] = {}
    for coverage in coverages:
        vintage = vintage_in_force(coverage=coverage)
        code = heaviest(vintage)
        paths_by_name = {
            "layer at low": [f"/coverages/{coverage}/regions?detail=low"],
            "100 by bbox at low": [f"/coverages/{coverage}/regions?detail=low&limit=100&bbox={','.join(map(str, BOX))}"],
            f"heaviest ({code}) at full": [f"/coverages/{coverage}/regions/{code}?detail=full"],
        } | {
            f"tiles z{zoom}": [f"/tiles/{coverage}/{item.zoom}/{item.column}/{item.row}.mvt" for item in tiles_of(zoom)]
            for zoom in ZOOMS
        }
        for name, paths in paths_by_name.items():
            rate = statistics.median(wrk(at["cold"], paths, seconds)["rate"] for _ in range(rounds))
            size = sum(size_of(at["cold"] + path) for path in paths) / len(paths)
            rows.setdefault(name, []).append(f"{rate:9.1f}/s {size / 1e3:9.0f} kB")
    print(f"\n{'cold, by vertices':32} " + " ".join(f"{name:>22}" for name in coverages))
    for name, cells in rows.items():
        print(f"{name:32} " + " ".join(f"{cell:>22}" for cell in cells))


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=8970)
    parser.add_argument("--growth", nargs="*", default=[])
    options = parser.parse_args()
    vintages = {name: vintage_in_force(coverage=name) for name in ("health-regions", "fsa")}
    for vintage in vintages.values():
        print(f"{vintage}: {vintage.region_count} regions")
    rows: Rows = {}
    with servers(options, vintages) as at:
        compared = [without_silent_peers(case, at) for case in cases(vintages)]
        layer = urllib.request.urlopen(at["warm"] + compared[0].paths[0]).read()
        Path(_static.name, "layer.json").write_bytes(layer)
        with server(options.port + 4) as files:
            for _ in range(options.rounds):
                for entry in compared:
                    one_round(entry, at, options.seconds, rows)
                rate = wrk(files, ["/static/layer.json"], options.seconds)["rate"]
                rows.setdefault((compared[0].name, "the same as a static file"), []).append(rate)
        if options.growth:
            growth(["fsa", *options.growth], at, options.seconds, options.rounds)
    print(f"\n{'':34} {'per s':>10} {'of bare SQL':>12}")
    for (name, what), rates in rows.items():
        ratios = [rate / floor for rate, floor in zip(rates, rows[name, "bare SQL"], strict=True)]
        print(f"{name + ', ' + what:60} {statistics.median(rates):10,.1f} {statistics.median(ratios):9.2f}")


if __name__ == "__main__":
    main()
