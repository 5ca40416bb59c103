"""Documents that are generated, or that list what code defines."""

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


def test_env_example_lists_every_key_that_settings_read_and_no_other() -> None:
    assert _settings_keys() == _example_keys()


def test_every_key_of_env_example_has_a_comment() -> None:
    lines = (REPO / ".env.example").read_text(encoding="utf-8").splitlines()
    for group in "\n".join(lines).split("\n\n"):
        if re.search(r"^#?[A-Z_]+=", group, re.MULTILINE):
            assert re.search(r"^# ", group, re.MULTILINE), group


@pytest.mark.django_db
def test_the_diagram_and_the_dictionary_are_those_of_the_database() -> None:
    call_command("schema_docs", "--check")


def test_every_column_is_commented() -> None:
    for model in apps.get_app_config("geography").get_models():
        for field in model._meta.local_fields:
            assert field.primary_key or field.db_comment, f"{model.__name__}.{field.name}"
        assert model._meta.db_table_comment


@pytest.mark.django_db
def test_the_gates_in_the_document_are_those_that_are_verified(demonstration: None) -> None:
    vintage = Vintage.objects.filter(layer="fsa-sample").get()
    layer = replace(read_sources().layer(vintage.layer), expected_count=1)
    fit = Fit(valid=True, area_km2=1, overlap_km2=0, gap_km2=0, pairs=(), gaps=())
    gates = verify(layer=layer, vintage=vintage, staged=Staged(rows=1), fit=fit, previous=None)
    document = (REPO / "geodata" / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| (yes|no)[^|]*\|$", document, re.MULTILINE))
    assert rows == {gate.name: "yes" if gate.acceptable else "no" for gate in gates}


def test_the_readme_names_every_level_of_detail() -> None:
    readme = (REPO / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in readme for name in LEVEL_NAMES)


def test_no_document_holds_a_placeholder() -> None:
    for path in [*REPO.glob("*.md"), *REPO.glob("docs/**/*.md"), *REPO.glob("geodata/**/*.md"), *REPO.glob("data/**/*.md")]:
        matches = re.findall(r"\b(MEASURED|TODO|TBD|FIXME|XXX)\b", path.read_text(encoding="utf-8"))
        assert not matches, f"{path.name}: {matches}"
