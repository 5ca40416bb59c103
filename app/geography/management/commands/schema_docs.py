"""`manage.py schema_docs`: generation and check of data/schema/erd.md and dictionary.md from the database."""

import re
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

FOLDER: Path = settings.REPO_DIR / "data" / "schema"

_COLUMNS_SQL = """
    SELECT c.relname, obj_description(c.oid, 'pg_class'), a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           col_description(c.oid, a.attnum),
           EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p' AND a.attnum = ANY(k.conkey)),
           (SELECT f.relname FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid
            WHERE k.conrelid = c.oid AND k.contype = 'f' AND a.attnum = ANY(k.conkey))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE (n.nspname, c.relkind) IN (('public', 'r'), ('geo', 'v')) AND (n.nspname = 'geo' OR c.relname = ANY(%s))
      AND n.nspname = %s
    ORDER BY array_position(%s::text[], c.relname::text), c.relname, a.attnum
"""

_FUNCTIONS_SQL = """
    SELECT p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), obj_description(p.oid, 'pg_proc')
    FROM pg_proc p WHERE p.pronamespace = to_regnamespace('geo') ORDER BY p.proname, 2
"""


class Command(BaseCommand):
    help = "Write data/schema/erd.md and dictionary.md from the database; --check only compares."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="exit non-zero where a document is out of date")

    def handle(self, *args: Any, **options: Any) -> None:
        stale = []
        for name, text in (("erd.md", erd()), ("dictionary.md", dictionary())):
            path = FOLDER / name
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue
            if options["check"]:
                stale.append(name)
            else:
                path.write_text(text, encoding="utf-8")
                self.stdout.write(f"wrote {path}")
        if stale:
            raise CommandError(f"{', '.join(stale)} out of date: run manage.py schema_docs.")


def erd() -> str:
    """Return the entity-relationship diagram of the tables as Markdown with Mermaid."""
    boxes, lines = [], []
    for table, (_, columns) in _tables("public").items():
        rows = []
        for column in columns:
            key = " PK" if column["primary"] else " FK" if column["references"] else ""
            # In Mermaid, a type is a single word.
            kind = "_".join(re.findall(r"\w+", column["type"].replace("[]", " array")))
            rows.append(f"        {kind} {column['name']}{key}")
            if column["references"]:
                lines.append(f"    {column['references']} ||--o{{ {table} : {column['name']}")
        boxes.append("\n".join([f"    {table} {{", *rows, "    }"]))
    return "\n".join(
        [
            "# Tables and how they hang together",
            "",
            "Generated from the database by `manage.py schema_docs`; a test keeps it true. The columns are explained in",
            "[dictionary.md](dictionary.md).",
            "",
            "```mermaid",
            "erDiagram",
            *sorted(lines),
            *boxes,
            "```",
            "",
        ]
    )


def dictionary() -> str:
    """Return every view, function, table and column with its comment as Markdown."""
    parts = [
        "# Dictionary",
        "",
        "Generated from the comments in the database by `manage.py schema_docs`; a test keeps it true.",
        "Analysts read schema `geo`; the tables behind it are the service's own and may change with a release.",
    ]
    for schema, heading in (("geo", "Views for analysts (schema `geo`)"), ("public", "Tables of the service")):
        parts += ["", f"## {heading}"]
        for table, (comment, columns) in _tables(schema).items():
            parts += ["", f"### {table}", "", comment or "", "", "| column | type | |", "|---|---|---|"]
            parts += [
                f"| `{column['name']}` | {column['type']}{', may be null' if column['nullable'] else ''} | {_note(column)} |"
                for column in columns
            ]
        if schema == "geo":
            parts += ["", "## Functions for analysts (schema `geo`)"]
            for name, arguments, result, comment in _functions():
                parts += [
                    "",
                    f"### {name}",
                    "",
                    comment or "",
                    "",
                    "```sql",
                    f"geo.{name}({arguments})",
                    f"returns {result}",
                    "```",
                ]
    return "\n".join([*parts, ""])


def _functions() -> list[tuple[str, str, str, str | None]]:
    with connection.cursor() as cursor:
        cursor.execute(_FUNCTIONS_SQL)
        return list(cursor.fetchall())


def _note(column: dict[str, Any]) -> str:
    return (column["comment"] or "").replace("|", "\\|")


def _tables(schema: str) -> dict[str, tuple[str | None, list[dict[str, Any]]]]:
    tables: dict[str, tuple[str | None, list[dict[str, Any]]]] = {}
    table_names = [model._meta.db_table for model in apps.get_app_config("geography").get_models()]
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS_SQL, [table_names, schema, table_names])
        for table, comment, name, kind, not_null, note, primary, references in cursor:
            tables.setdefault(table, (comment, []))[1].append(
                {
                    "name": name,
                    "type": kind,
                    # PostgreSQL does not record NOT NULL for the columns of views.
                    "nullable": not not_null and schema != "geo",
                    "comment": note,
                    "primary": primary,
                    "references": references,
                }
            )
    return tables
