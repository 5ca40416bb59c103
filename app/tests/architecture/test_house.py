"""Project rules that no linter checks."""

from pathlib import Path

import pytest
from django.conf import settings

APP: Path = settings.APP_DIR
GENERATED = APP / "clients" / "python" / "covidtrends_geo_client" / "types.py"
MODULES = [path for path in sorted(APP.rglob("*.py")) if path != GENERATED and "migrations" not in path.relative_to(APP).parts]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(APP)))
def test_module_length_is_limited(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 330
