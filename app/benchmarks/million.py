"""Benchmark of spatial joins of a million points in SQL, with their plans: the examples of data/schema/examples.

    bin/manage shell -c "from benchmarks.million import main; main()"

The database's owner needs the right to create a table; the benchmark drops the table at the end. The box of each FSA in force
gets the same number of points, so most are in populated areas and some in the sea. Needs published FSAs and health regions.
Times depend on the machine, plans do not.
"""

import time
from typing import Any

from django.db import connection

POINTS = 1_000_000
TABLE = "public.bench_points"

_MAKE = f"""
    create table {TABLE} as
    select row_number() over () as id, st_x(p) as lon, st_y(p) as lat, st_transform(p, 3347)::geometry(Point, 3347) as geom
    from (
        select (st_dump(st_generatepoints(st_envelope(geom_4326), ceil(%s / (select count(*) from geo.fsa))::int, 1))).geom as p
        from geo.fsa
    ) as scattered
    limit %s
"""
# The second and the third example of data/schema/examples, applied to the table.
_JOINS = {
    "point by point, geo.health_region_at": f"""
        select count(*) from {TABLE} p cross join lateral geo.health_region_at(p.lon, p.lat) r
    """,
    "piece by piece, geo.region_parts": f"""
        select count(*) from (
            select distinct on (p.id) p.id, r.hruid
            from geo.health_regions r join geo.region_parts part using (region_id)
            join {TABLE} p on st_dwithin(p.geom, part.geom, 0.001)
            order by p.id, r.hruid
        ) as located
    """,
}


def main(points: int = POINTS) -> None:
    """Create the table, run each join once, and print rows, seconds, points per second and the indexes of the plan."""
    with connection.cursor() as cursor:
        cursor.execute(f"drop table if exists {TABLE}")
        try:
            _timed("making the table", cursor, _MAKE, [float(points), points])
            _timed("its index", cursor, f"create index bench_points_geom on {TABLE} using gist (geom)")
            cursor.execute(f"analyze {TABLE}")
            for name, sql in _JOINS.items():
                seconds = _timed(name, cursor, sql)
                (row,) = cursor.fetchone()
                print(f"  {row:,} of {points:,} points have a region: {points / seconds:,.0f} points a second")
                cursor.execute(f"explain {sql}")
                print("".join(f"  {line}\n" for (line,) in cursor if "Index Scan" in line), end="")
        finally:
            cursor.execute(f"drop table if exists {TABLE}")


def _timed(name: str, cursor: Any, sql: str, parameters: list[Any] | None = None) -> float:
    start = time.perf_counter()
    cursor.execute(sql, parameters)
    seconds = time.perf_counter() - start
    print(f"{name}: {seconds:.1f} s", flush=True)
    return seconds
