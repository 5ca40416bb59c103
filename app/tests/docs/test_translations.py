"""Every text for a reader has a French translation, and the compiled catalogue is that of the text."""

import ast
import re

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils.translation import gettext, override

from api.management.commands import translations

APP = settings.APP_DIR
MODULES = [
    path
    for path in sorted(APP.rglob("*.py"))
    if not {"migrations", "tests", "benchmarks"} & set(path.relative_to(APP).parts) and path.name != "translation.py"
]


def test_the_catalogue_is_current_complete_and_compiled() -> None:
    call_command("translations", "--check")


def test_the_check_fails_where_a_translation_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_more() -> object:
        yield from stored
        yield "A new text.", None

    stored = list(translations.messages())
    monkeypatch.setattr(translations, "messages", one_more)
    with pytest.raises(CommandError, match="Not up to date"):
        call_command("translations", "--check")


def test_the_check_fails_where_a_text_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = list(translations.messages())
    monkeypatch.setattr(translations, "messages", lambda: iter(stored[1:]))
    with pytest.raises(CommandError, match="Not up to date"):
        call_command("translations", "--check")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"string": ""}, "no translation"),
        ({"flags": {"fuzzy"}}, "fuzzy"),
        ({"string": "%(nom)s est obligatoire."}, "placeholders"),
        ({"string": "C’est obligatoire."}, "placeholders"),
    ],
)
def test_a_faulty_translation_is_named(change: dict[str, object], fault: str) -> None:
    catalog = translations.updated()
    message = catalog.get("%(name)s is required.")
    assert message is not None
    for name, value in change.items():
        setattr(message, name, value)
    (faults,) = translations.faults(catalog)
    assert "is required" in faults
    assert fault in faults


def test_django_finds_the_catalogue() -> None:
    with override("fr"):
        assert gettext("Region not found") == "Région introuvable"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(APP)))
def test_every_message_is_a_literal_whose_placeholders_are_its_values(path: object) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("Message", "Plural")):
            continue
        texts = call.args[: 2 if call.func.id == "Plural" else 1]
        for text in texts:
            assert isinstance(text, ast.Constant), f"line {call.lineno}: no literal, so nobody can translate it"
        values = {keyword.arg for keyword in call.keywords}
        named = {name for text in texts for name in re.findall(r"%\((\w+)\)s", text.value)}  # type: ignore[attr-defined]
        assert named == values or named | {"count"} == values, f"line {call.lineno}"
        for text in texts:
            # A lone percent sign would be a crash when somebody reads it.
            assert text.value % dict.fromkeys(values, "x")  # type: ignore[attr-defined]
