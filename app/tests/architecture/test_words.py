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
