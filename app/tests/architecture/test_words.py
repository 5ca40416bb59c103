"""Naming lint: module docstrings lead with a term, bindings are not vague, documents name existing files."""

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings

APP: Path = settings.APP_DIR
GENERATED = APP / "clients" / "python" / "covidtrends_geo_client" / "types.py"  # names of the API
MODULES = [path for path in sorted(APP.rglob("*.py")) if path != GENERATED and "migrations" not in path.relative_to(APP).parts]
NAMES = [str(path.relative_to(APP)) for path in MODULES]
SCRIPTS = sorted((APP / "web" / "assets" / "js").glob("*.js"))
VAGUE = {"one", "found", "told", "given", "known", "some", "asked", "kept"}


def _bindings(tree: ast.AST) -> list[tuple[str, int]]:
    bindings = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bindings.append((node.id, node.lineno))
        elif isinstance(node, ast.arg):
            bindings.append((node.arg, node.lineno))
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bindings.append((node.name, node.lineno))
    return bindings


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_bindings_are_not_vague(path: Path) -> None:
    bindings = _bindings(ast.parse(path.read_text(encoding="utf-8")))
    assert [(name, line) for name, line in bindings if name in VAGUE] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=[path.name for path in SCRIPTS])
def test_names_of_scripts_are_not_vague(path: Path) -> None:
    """No binding or use of one; methods such as `some` of an array, keys of objects, comments and texts are no names."""
    code = re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    code = re.sub(r"`(?:[^`\\$]|\\.|\$(?!\{))*`", "", code)
    assert re.findall(rf"(?<![.\w$-])(?:{'|'.join(sorted(VAGUE))})(?![\w$])(?!\s*:)", code) == []


def _sql_names(sql: str) -> list[str]:
    """Return the vague words that SQL uses as the name of a table or column: after AS, FROM, JOIN or WITH, or before a dot."""
    sql = re.sub(r"--[^\n]*|'[^'\n]*'", "", sql)
    word = f"({'|'.join(sorted(VAGUE))})"
    table = rf"\b(?:AS|FROM|JOIN|WITH|,)\s+{word}\b(?=\s*(?:[(),;]|$|\n|WHERE\b|AS\b|ON\b|USING\b|JOIN\b))|\b{word}\.[a-z_]+"
    return ["".join(names) for names in re.findall(table, sql, re.IGNORECASE)]


def _sql_texts(path: Path) -> list[str]:
    """Return the SQL of a file: all of it, or the string literals of a module with a statement, without docstrings."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".sql":
        return [text]
    texts = []
    nodes = list(ast.walk(ast.parse(text)))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if id(node) in docstrings:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "x" for part in node.values]
            texts.append("".join(str(part) for part in parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.append(node.value)
    return [text for text in texts if re.search(r"\b(?:SELECT|INSERT|UPDATE|DELETE|WITH)\s", text, re.IGNORECASE)]


SQL_FILES = sorted((settings.REPO_DIR / "data" / "schema").rglob("*.sql"))


# The examples of this module are vague on purpose.
WITH_SQL = [path for path in [*MODULES, *SQL_FILES] if path != Path(__file__)]


@pytest.mark.parametrize("path", WITH_SQL, ids=lambda path: str(path.relative_to(settings.REPO_DIR)))
def test_names_in_sql_are_not_vague(path: Path) -> None:
    assert [name for sql in _sql_texts(path) for name in _sql_names(sql)] == []


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT given.x FROM (SELECT 1 AS x) AS given", ["given", "given"]),
        ("with found as materialized (select 1) select count(*) from found", ["found", "found"]),
        ("SELECT x FROM a JOIN known ON true", ["known"]),
        ("SELECT 'one.csv' -- as found\n, some_column FROM matching", []),
    ],
)
def test_vague_names_in_sql_are_recognised(sql: str, names: list[str]) -> None:
    assert _sql_names(sql) == names


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_module_docstring_leads_with_a_term(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert not re.match(r"(What|Which|How|Whether|Who|Whoever|Where|All that|Whatever)\b", docstring), docstring.splitlines()[0]


@pytest.mark.parametrize("document", ["data-flows.md", "glossary.md"])
def test_document_names_existing_files(document: str) -> None:
    text = (settings.REPO_DIR / "docs" / document).read_text(encoding="utf-8")
    files = re.findall(r"`([a-z_]+/[a-z_/]+\.py)`", text)
    assert len(files) > 15
    assert [name for name in files if not (APP / name).exists()] == []
