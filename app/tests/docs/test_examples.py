"""SQL examples: each runs as geo_reader on the demonstration and uses the index that it names."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from benchmarks import million
from tests.support.roles import connected

FOLDER: Path = settings.REPO_DIR / "data" / "schema" / "examples"
EXAMPLES = sorted(FOLDER.glob("*.sql"))

SQL_OF_INDICATORS = re.findall(
    r"^```sql\n(.*?)^```", (settings.REPO_DIR / "docs" / "indicators.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)

# Tables that no example may scan sequentially.
LARGE = {"region", "region_part", "region_level", "overlap", "change", "counterpart"}

# Examples without rows on the demonstration; tests/schema/test_changes.py runs them on two vintages.
EMPTY = {"17_what_changed"}


def run(path: Path, before: str = "") -> list[tuple[Any, ...]]:
    with connected("geo_reader") as cursor:
        cursor.execute(before + path.read_text(encoding="utf-8"))
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


@pytest.fixture
def indexes(demonstration: None) -> dict[str, str]:
    """Return the table and columns of each index, such as `region(vintage_id, code)`."""
    with connected() as cursor:
        cursor.execute(
            "SELECT indexname, tablename || regexp_replace(indexdef, '^.* USING \\w+ (\\([^)]*\\)).*$', '\\1') FROM pg_indexes"
            " WHERE schemaname = 'public'"
        )
        return dict(cursor.fetchall())


def test_at_least_twelve_examples_exist() -> None:
    assert len(EXAMPLES) >= 12


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_returns_rows(path: Path, demonstration: None) -> None:
    rows = run(path)
    assert any(value is not None for row in rows for value in row) != (path.stem in EMPTY)


@pytest.mark.parametrize("path", [example for example in EXAMPLES if example.stem not in EMPTY], ids=lambda path: path.stem)
def test_example_uses_its_named_index(path: Path, indexes: dict[str, str]) -> None:
    (named,) = re.findall(r"^-- Index: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    plan = list(nodes(run(path, "EXPLAIN (FORMAT JSON) ")[0][0][0]["Plan"]))
    used = {indexes[node["Index Name"]] for node in plan if "Index Name" in node}
    start = named.rstrip(")")
    assert any(item.startswith(start) for item in used), f"{named} is not among {sorted(used)}"
    scanned = {node.get("Relation Name") for node in plan if node["Node Type"] == "Seq Scan"}
    assert not scanned & LARGE


@pytest.mark.parametrize("statements", SQL_OF_INDICATORS)
def test_sql_of_the_document_on_indicators_runs(statements: str, demonstration: None) -> None:
    with connected("geo_reader") as cursor:
        cursor.execute(statements)
        assert cursor.description is not None


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_begins_with_a_description(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert re.fullmatch(r"-- [A-Z].*", first)
    assert path.name in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_us_border_example_finds_windsor(demonstration: None) -> None:
    result = {code for code, _ in run(FOLDER / "10_near_the_us_border.sql")}
    assert {"3568", "3595", "2406", "5933"} & result >= {"3568"}, "Windsor is across the river from Detroit"
    assert not {"6201", "6101", "1011"} & result


@pytest.fixture
def my_points(demonstration: None) -> Iterator[None]:
    """Create the table of the third example, with its geometry and index."""
    with connected() as owner:
        owner.execute(
            "CREATE TABLE public.my_points AS SELECT row_number() OVER () AS id, geom"
            " FROM (SELECT (ST_Dump(ST_GeneratePoints(geom, 300, 1))).geom FROM geo.health_regions) AS points"
        )
        owner.execute("CREATE INDEX my_points_geom ON public.my_points USING gist (geom)")
        owner.execute("ANALYZE public.my_points")
        owner.execute("GRANT SELECT ON public.my_points TO geo_reader")
        try:
            yield
        finally:
            owner.execute("DROP TABLE public.my_points")


def test_large_table_join_uses_its_own_index(my_points: None, tmp_path: Path) -> None:
    example = (FOLDER / "03_a_million_points.sql").read_text(encoding="utf-8")
    without_values = tmp_path / "large.sql"
    without_values.write_text(example[example.index("select distinct on") :], encoding="utf-8")
    plan = list(nodes(run(without_values, "EXPLAIN (FORMAT JSON) ")[0][0][0]["Plan"]))
    assert "my_points_geom" in {node.get("Index Name") for node in plan}
    assert "my_points" not in {node.get("Relation Name") for node in plan if node["Node Type"] == "Seq Scan"}
    with connected() as owner:
        owner.execute("SELECT count(*) FROM public.my_points")
        (points,) = owner.fetchone()
    by_pieces = run(without_values)
    assert len(by_pieces) == points
    by_point = "SELECT p.id, r.hruid FROM public.my_points p, LATERAL (SELECT ST_Transform(p.geom, 4326) AS g) d, "
    by_point += "geo.health_region_at(ST_X(d.g), ST_Y(d.g)) r ORDER BY 1"
    without_values.write_text(by_point, encoding="utf-8")
    assert run(without_values) == by_pieces


@pytest.mark.django_db
def test_million_points_benchmark_agrees_both_ways(demonstration: None, capsys: pytest.CaptureFixture[str]) -> None:
    million.main(400)
    details = capsys.readouterr().out
    matches, other = re.findall(r"(\d+) of 400 points have a region", details)
    assert 0 < int(matches) == int(other)
    assert "region_part_geom" in details
    with connected() as owner:
        owner.execute("SELECT to_regclass('public.bench_points')")
        assert owner.fetchone() == (None,)


def test_apportioned_counts_keep_the_total(demonstration: None) -> None:
    assert sum(people for _, _, people in run(FOLDER / "06_apportion_fsa_counts.sql")) == pytest.approx(1_750, abs=1)


def test_geojson_example_is_serializable(demonstration: None) -> None:
    (row,) = run(FOLDER / "15_geojson_for_a_map.sql")
    assert json.dumps(row[0])
    assert row[0]["features"][0]["geometry"]["type"] == "MultiPolygon"
