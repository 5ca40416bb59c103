"""View geo.changes: changes between vintages."""

import re
from collections import defaultdict
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from geography.models import Counterpart, Status
from tests.support.demo_regions import World

pytestmark = pytest.mark.django_db

EXAMPLE = (settings.REPO_DIR / "data" / "schema" / "examples" / "17_what_changed.sql").read_text(encoding="utf-8")


def rows(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        result: list[tuple[Any, ...]] = cursor.fetchall()
    return result


@pytest.mark.parametrize(("item", "other"), [("2018", "2022"), ("2022", "2018")])
def test_changes_view_equals_the_api(related: World, get: Any, item: str, other: str) -> None:
    sql = """
        SELECT code, kind, share_outside, code_reused, other_code, area_km2, share_of_region, share_of_other
        FROM geo.changes WHERE coverage = 'health-regions' AND vintage = %s AND other_vintage = %s
        ORDER BY code, area_km2 DESC, other_code
    """
    seen: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for code, *rest in rows(sql, item, other):
        seen[code].append(tuple(rest))
    changes = get(f"/vintages/health-regions/{item}/changes/{other}").json()["changes"]
    changes_from = [change for change in changes if change["of"] == "from"]
    assert {change["code"]: change["kind"] for change in changes_from} == {code: result[0][0] for code, result in seen.items()}
    for change in changes_from:
        result = seen[change["code"]]
        assert {(round(row[1], 6), row[2]) for row in result} == {(change["share_outside"], change["code_reused"])}
        assert [row[3] for row in result if row[3]] == [each["code"] for each in change["counterparts"]]


def test_changes_view_omits_slivers(related: World) -> None:
    sql = "SELECT other_code FROM geo.changes WHERE vintage = '2018' AND code = '3501' ORDER BY 1"
    assert rows(sql) == [("3501",), ("3502",), ("3503",)]
    smallest = Counterpart.objects.filter(region__code="3501", other_region__code="3503")
    smallest.update(share_of_region=0.0009, share_of_other=0.0009)
    assert rows(sql) == [("3501",), ("3502",)]


@pytest.mark.parametrize("status", [Status.RETIRED, Status.STAGED])
def test_unpublished_vintage_has_no_changes(related: World, status: Status) -> None:
    sql = "SELECT DISTINCT vintage FROM geo.changes WHERE coverage = 'health-regions' ORDER BY 1"
    assert rows(sql) == [("2018",), ("2022",)]
    old = related.vintages["health-regions", "2018"]
    old.status = status
    old.save()
    assert rows(sql) == []


def test_example_lists_changes_of_latest_two_vintages(related: World) -> None:
    changes_from = [(kind, code, code_now, percent) for kind, code, _, code_now, _, _, _, percent in rows(EXAMPLE)]
    assert changes_from == [
        ("new", None, "3504", None),
        ("new", None, "6101", None),
        ("renamed", "2401", "2401", 95),
        ("split", "3501", "3501", 48),
        ("split", "3501", "3502", 46),
        ("split", "3501", "3503", 2),
    ]


def test_example_uses_its_named_index(related: World) -> None:
    (named,) = re.findall(r"^-- Index: change\((.+)\)$", EXAMPLE, re.MULTILINE)
    ((definition,),) = rows("SELECT indexdef FROM pg_indexes WHERE indexname = 'change_once'")
    assert definition.endswith(f"({named})")
    with connection.cursor() as cursor:
        # The planner prefers a sequential scan for tables of a few rows.
        cursor.execute("SET LOCAL enable_seqscan = off")
        # Otherwise the statistics and the dead rows that other tests left decide the plan.
        for table in ("change", "counterpart"):
            cursor.execute(f"REINDEX TABLE {table}")
        cursor.execute("ANALYZE change, counterpart, region, vintage, coverage")
    plan = "\n".join(line for (line,) in rows(f"EXPLAIN {EXAMPLE}"))
    assert "change_once" in plan
    assert "counterpart_once" in plan
    assert not re.search(r"Seq Scan on (change|counterpart|region)\b", plan)
