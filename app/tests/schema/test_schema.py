"""Schema geo: views, and privileges of geo_reader."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from geography.db import sql_objects
from geography.models import Overlap, Vintage
from geography.vintages.resolve import vintage_in_force
from tests.support.demo_regions import World

pytestmark = pytest.mark.django_db


def rows(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        result: list[tuple[Any, ...]] = cursor.fetchall()
    return result


@pytest.mark.parametrize("coverage", ["health-regions", "fsa"])
def test_vintage_in_force_equals_the_service(world: World, coverage: str) -> None:
    in_force = rows("SELECT vintage FROM geo.vintages WHERE coverage = %s AND in_force", coverage)
    assert in_force == [(vintage_in_force(coverage=coverage).label,)]


def test_vintages_view_lists_published_vintages(world: World) -> None:
    published = Vintage.objects.filter(status="published").values_list("coverage__slug", "label")
    assert set(rows("SELECT coverage, vintage FROM geo.vintages")) == set(published)


def test_views_hold_the_regions_in_force(world: World) -> None:
    regions = [code for (code,) in rows("SELECT hruid FROM geo.health_regions ORDER BY 1")]
    assert regions == ["2401", "3501", "3502", "3503", "3504", "6101"]
    assert [code for (code,) in rows("SELECT cfsauid FROM geo.fsa ORDER BY 1")] == ["G7H", "M1A", "M5V", "P0L", "X1A"]


def test_overlaps_view_omits_slivers(world: World) -> None:
    sql = "SELECT hruid, share_of_fsa FROM geo.fsa_health_regions WHERE cfsauid = 'M1A' ORDER BY 1"
    assert [(code, round(share, 3)) for code, share in rows(sql)] == [("3501", 0.4), ("3502", 0.6)]
    Overlap.objects.filter(fsa__code="M1A", health_region__code="3501").update(share_of_fsa=0.0009)
    assert [code for code, _ in rows(sql)] == ["3502"]


def test_readme_statements_run(world: World) -> None:
    document = sql_objects.files()[0].with_name("README.md").read_text(encoding="utf-8")
    statements = [part for part in document.split("```sql")[1].split("```")[0].split(";") if part.strip()]
    assert len(statements) == 4
    for statement in statements:
        rows(statement)


def test_schema_can_be_applied_twice() -> None:
    sql_objects.apply()
    sql_objects.apply()


def test_reader_role_reads_views_only() -> None:
    if not rows("SELECT FROM pg_roles WHERE rolname = 'geo_reader'"):
        pytest.skip("this database's owner may not create roles, so there is no geo_reader")
    views = [f"geo.{name}" for (name,) in rows("SELECT viewname FROM pg_views WHERE schemaname = 'geo'")]
    tables = [f"public.{name}" for (name,) in rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    project_tables = [name for name in tables if name != "public.spatial_ref_sys"]
    assert len(views) >= 10
    assert len(project_tables) > 5
    for name in views:
        assert rows("SELECT has_table_privilege('geo_reader', %s, 'select')", name) == [(True,)]
        assert rows("SELECT has_table_privilege('geo_reader', %s, 'insert, update, delete')", name) == [(False,)]
    for name in project_tables:
        assert rows("SELECT has_table_privilege('geo_reader', %s, 'select, insert, update, delete')", name) == [(False,)]
    assert rows("SELECT has_schema_privilege('geo_reader', 'geo', 'create')") == [(False,)]
    assert rows("SELECT has_database_privilege('geo_reader', current_database(), 'create, temporary')") == [(False,)]


@pytest.mark.parametrize("name", ["erd.md", "dictionary.md"])
def test_schema_docs_check_names_outdated_document(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geography.management.commands.schema_docs.FOLDER", tmp_path)
    call_command("schema_docs", verbosity=0)
    (tmp_path / name).write_text("old", encoding="utf-8")
    with pytest.raises(CommandError, match=name):
        call_command("schema_docs", "--check")


def test_vintage_label_is_published_once(world: World) -> None:
    again = world.vintages["fsa", "2021"]
    again.pk = None
    with pytest.raises(DatabaseError, match="vintage_one_published_per_label"), transaction.atomic():
        again.save(force_insert=True)
