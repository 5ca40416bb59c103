"""Upgrade of schema geo: changed views are recreated with their grants; a failed upgrade changes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import NotSupportedError, connection, migrations, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration

from geography.db import sql_objects
from geography.management.commands.migrate import Command

pytestmark = pytest.mark.django_db


def rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        result: list[tuple[Any, ...]] = cursor.fetchall()
    return result


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def views() -> dict[str, int]:
    return dict(rows("SELECT relname, oid::int FROM pg_class WHERE relnamespace = 'geo'::regnamespace AND relkind = 'v'"))


def grants() -> set[tuple[Any, ...]]:
    return set(
        rows(
            "SELECT c.relname, a.grantee, a.privilege_type, a.is_grantable FROM pg_class c, aclexplode(c.relacl) a"
            " WHERE c.relnamespace = 'geo'::regnamespace"
            " UNION ALL SELECT p.oid::regprocedure::text, a.grantee, a.privilege_type, a.is_grantable"
            " FROM pg_proc p, aclexplode(p.proacl) a WHERE p.pronamespace = 'geo'::regnamespace"
        )
    )


def plan(*labels: str) -> list[tuple[Migration, bool]]:
    return [(Migration("next", label), False) for label in labels]


@pytest.fixture
def edit_sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Return a function that edits a copy of the schema's SQL files, as a new release would."""
    for path in sql_objects.files():
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(sql_objects, "files", lambda: sorted(tmp_path.glob("*.sql")))

    def change(name: str, old: str, new: str) -> None:
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new), encoding="utf-8")

    return change


def test_unchanged_schema_keeps_its_views() -> None:
    before = views()
    sql_objects.before_migrate(plan=plan("contenttypes"))
    sql_objects.apply()
    assert views() == before


def test_added_column_replaces_the_view_in_place(edit_sql: Any) -> None:
    before = views()
    edit_sql("030_views.sql", "v.source_sha256, v.misfit_m", "v.source_sha256, v.misfit_m, 1 as more")
    sql_objects.apply()
    assert views() == before
    assert rows("SELECT more FROM geo.vintages") == []


def test_changed_columns_recreate_the_view_with_grants(edit_sql: Any) -> None:
    run("GRANT SELECT ON geo.fsa TO PUBLIC")
    before, granted = views(), grants()
    edit_sql("030_views.sql", ", p.vintage_id, p.geom", ", p.geom, p.vintage_id")
    edit_sql("040_functions.sql", "certain boolean, vintage_id bigint)", "certain boolean, vintage_id bigint, more int)")
    edit_sql("040_functions.sql", "f.vintage_id\n  from geo.region_at", "f.vintage_id, 1\n  from geo.region_at")
    sql_objects.apply()
    assert views().keys() == before.keys()
    assert not set(views().values()) & set(before.values())
    assert grants() == granted
    assert rows("SELECT more FROM geo.fsa_at(-75, 45)") == []


def test_migration_can_alter_a_column_of_a_view() -> None:
    run("GRANT SELECT ON geo.health_regions TO PUBLIC")
    granted = grants()
    with pytest.raises(NotSupportedError, match="used by a view"), transaction.atomic():
        run("ALTER TABLE region ALTER COLUMN name_en TYPE varchar(500)")
    sql_objects.before_migrate(plan=plan("geography"))
    assert views() == {}
    run("ALTER TABLE region ALTER COLUMN name_en TYPE varchar(500)")
    sql_objects.apply()
    assert grants() == granted
    assert rows(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'geo.fsa_health_regions'::regclass"
        " AND attname = 'name_en'"
    ) == [("character varying(500)",)]


def test_dependent_foreign_view_stops_the_upgrade() -> None:
    run("CREATE VIEW public.mine AS SELECT hruid FROM geo.health_regions")
    with pytest.raises(CommandError, match=r"view mine depends on view geo\.health_regions"):
        sql_objects.before_migrate(plan=plan("geography"))


def test_all_migrations_are_atomic() -> None:
    loader = MigrationLoader(None)
    geography_migrations = [value for (app, _), value in (loader.disk_migrations or {}).items() if app == "geography"]
    assert geography_migrations
    assert all(migration.atomic for migration in geography_migrations)


@pytest.mark.django_db(transaction=True)
def test_failed_migration_leaves_tables_and_views_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    before = (views(), grants())

    class Broken(Migration):
        operations = [
            migrations.RunSQL("ALTER TABLE region ALTER COLUMN name_en TYPE varchar(500)"),
            migrations.RunSQL("SELECT 1 / 0"),
        ]

    last = max(name for app, name in MigrationLoader(None).disk_migrations or {} if app == "geography")
    Broken.dependencies = [("geography", last)]
    broken = Broken("9999_broken", "geography")
    original = MigrationLoader.load_disk

    def with_broken(self: MigrationLoader) -> None:
        original(self)
        self.disk_migrations["geography", "9999_broken"] = broken

    monkeypatch.setattr(MigrationLoader, "load_disk", with_broken)
    with pytest.raises(Exception, match="division by zero"):
        call_command(Command(), verbosity=0)
    assert (views(), grants()) == before
    assert rows("SELECT data_type FROM information_schema.columns WHERE table_name = 'region' AND column_name = 'name_en'") == [
        ("text",)
    ]
