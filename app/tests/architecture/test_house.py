"""Rules of the house that no linter knows."""

import re
from pathlib import Path

import pytest
from django.conf import settings

APP: Path = settings.APP_DIR
MODULES = [path for path in sorted(APP.rglob("*.py")) if "migrations" not in path.parts]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(APP)))
def test_a_module_is_small_enough_to_answer_one_question(path: Path) -> None:
    if "tests" not in path.parts:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 330


@pytest.mark.parametrize("name", ["api", "loader"])
def test_nothing_under_an_app_reaches_for_the_other(name: str) -> None:
    other = {"api": "loader", "loader": "api"}[name]
    for path in (APP / name).rglob("*.py"):
        assert not re.search(rf"^\s*(from|import) {other}\b", path.read_text(encoding="utf-8"), re.MULTILINE), path


def test_plain_values_import_no_orm() -> None:
    for name in ("codes", "coordinates", "errors", "conf", "text"):
        assert "django" not in (APP / "geography" / f"{name}.py").read_text(encoding="utf-8")
