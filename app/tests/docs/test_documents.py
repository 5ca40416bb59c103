"""Generated documents, and documents that list settings, columns, gates and levels."""

import re
from dataclasses import replace

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command

from geography.constants import LEVEL_NAMES
from geography.models import Vintage
from loader.geometry.coverage_fit import Fit
from loader.geometry.staging import Staged
from loader.publication.gates import verify
from loader.source.declarations import read_sources

REPO = settings.REPO_DIR


def _settings_keys() -> set[str]:
    source = (REPO / "app" / "config" / "settings.py").read_text(encoding="utf-8")
    return set(re.findall(r'env\.(?:\w+)\(\s*"([A-Z_]+)"', source))


def _example_keys() -> set[str]:
    example = (REPO / ".env.example").read_text(encoding="utf-8").split("# --- read by")[0]
    return set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))


def test_env_example_lists_exactly_the_settings() -> None:
    assert _settings_keys() == _example_keys()


def test_env_example_comments_every_key() -> None:
    lines = (REPO / ".env.example").read_text(encoding="utf-8").splitlines()
    for group in "\n".join(lines).split("\n\n"):
        if re.search(r"^#?[A-Z_]+=", group, re.MULTILINE):
            assert re.search(r"^# ", group, re.MULTILINE), group


@pytest.mark.django_db
def test_schema_docs_are_current() -> None:
    call_command("schema_docs", "--check")


def test_every_table_and_column_has_a_comment() -> None:
    for model in apps.get_app_config("geography").get_models():
        for field in model._meta.local_fields:
            assert field.primary_key or field.db_comment, f"{model.__name__}.{field.name}"
        assert model._meta.db_table_comment


@pytest.mark.django_db
def test_documented_gates_equal_verified_gates(demonstration: None) -> None:
    vintage = Vintage.objects.filter(layer="fsa-sample").get()
    layer = replace(read_sources().layer(vintage.layer), expected_count=1)
    fit = Fit(valid=True, area_km2=1, overlap_km2=0, gap_km2=0, pairs=(), gaps=())
    gates = verify(layer=layer, vintage=vintage, staged=Staged(rows=1), fit=fit, previous=None)
    document = (REPO / "geodata" / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| (yes|no)[^|]*\|$", document, re.MULTILINE))
    assert rows == {gate.name: "yes" if gate.acceptable else "no" for gate in gates}


def test_api_document_names_every_level() -> None:
    document = (REPO / "docs" / "api.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in document for name in LEVEL_NAMES)


def test_documents_have_no_placeholders() -> None:
    for path in [*REPO.glob("*.md"), *REPO.glob("docs/**/*.md"), *REPO.glob("geodata/**/*.md"), *REPO.glob("data/**/*.md")]:
        matches = re.findall(r"\b(MEASURED|TODO|TBD|FIXME|XXX)\b", path.read_text(encoding="utf-8"))
        assert not matches, f"{path.name}: {matches}"
