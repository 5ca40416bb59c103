"""French translations: complete, current and compiled."""

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


def test_catalogue_is_current_complete_and_compiled() -> None:
    call_command("translations", "--check")


def test_check_fails_for_a_missing_translation(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_new_message() -> object:
        yield from stored
        yield "A new text.", None

    stored = list(translations.messages())
    monkeypatch.setattr(translations, "messages", with_new_message)
    with pytest.raises(CommandError, match="Not up to date"):
        call_command("translations", "--check")


def test_check_fails_for_a_removed_message(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_faulty_translation_is_reported(change: dict[str, object], fault: str) -> None:
    catalog = translations.updated()
    message = catalog.get("%(name)s is required.")
    assert message is not None
    for name, value in change.items():
        setattr(message, name, value)
    (faults,) = translations.faults(catalog)
    assert "is required" in faults
    assert fault in faults


def test_django_uses_the_catalogue() -> None:
    with override("fr"):
        assert gettext("Region not found") == "Région introuvable"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(APP)))
def test_message_placeholders_equal_its_values(path: object) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("Message", "Plural")):
            continue
        texts = call.args[: 2 if call.func.id == "Plural" else 1]
        for text in texts:
            assert isinstance(text, ast.Constant), f"line {call.lineno}: no literal, so it cannot be translated"
        values = {keyword.arg for keyword in call.keywords}
        named = {name for text in texts for name in re.findall(r"%\((\w+)\)s", text.value)}  # type: ignore[attr-defined]
        assert named == values or named | {"count"} == values, f"line {call.lineno}"
        for text in texts:
            # A lone percent sign would raise when the message is rendered.
            assert text.value % dict.fromkeys(values, "x")  # type: ignore[attr-defined]
