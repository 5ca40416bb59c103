"""Command that updates the translation catalogue from the code, or reports where it is out of date."""

import re
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation.template import templatize

if TYPE_CHECKING:
    from babel.messages import Catalog

APP_DIR: Path = settings.APP_DIR
FOLDER = APP_DIR / "locale" / "fr" / "LC_MESSAGES"
# `Message` and `Plural` of geography.translation, and the gettext functions of templates.
KEYWORDS: dict[str, Any] = {
    "Message": None,
    "Plural": (1, 2),
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
_EXCLUDED_FOLDERS = {"tests", "benchmarks", "migrations", "locale", "static", "staticfiles"}
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
# Keeps updates of the same texts identical.
_FIXED_DATE = datetime(2000, 1, 1, tzinfo=UTC)


class Command(BaseCommand):
    help = "Update locale/fr/LC_MESSAGES/django.po with the messages of the code, and compile it. Needs requirements-dev.txt."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail if the files are out of date")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        catalog = updated()
        files = {FOLDER / "django.po": as_po(catalog), FOLDER / "django.mo": as_mo(catalog)}
        stale = [path for path, content in files.items() if not path.is_file() or path.read_bytes() != content]
        if not check:
            for path in stale:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(files[path])
                self.stdout.write(f"{path} written")
        elif stale:
            names = ", ".join(str(path.relative_to(APP_DIR)) for path in stale)
            raise CommandError(f"Not up to date: {names}. From app/: python manage.py translations")
        missing = faults(catalog)
        if missing:
            raise CommandError("Missing or faulty translations in locale/fr/LC_MESSAGES/django.po:\n" + "\n".join(missing))


def updated() -> "Catalog":
    """Return the catalogue with all messages of the code, sorted: new ones untranslated, obsolete ones removed."""
    from babel.messages import Catalog  # noqa: PLC0415 - development dependency
    from babel.messages.pofile import read_po  # noqa: PLC0415

    template = Catalog()
    for text, context in messages():
        template.add(text, context=context)
    path = FOLDER / "django.po"
    catalog = read_po(BytesIO(path.read_bytes() if path.is_file() else b""), locale="fr")
    catalog.update(template, no_fuzzy_matching=True)
    catalog.obsolete.clear()
    catalog.project, catalog.version = "COVIDTrends Geo", "1"
    catalog.header_comment = "# French, as written in Canada. Keys are the English texts: manage.py translations"
    catalog.last_translator = catalog.language_team = "COVIDTrends Geo"
    catalog.creation_date = catalog.revision_date = _FIXED_DATE
    catalog.fuzzy = False
    return catalog


def messages() -> Iterator[tuple[Any, str | None]]:
    """Yield all messages of the code and the templates, each with its context or None."""
    from babel.messages.extract import extract  # noqa: PLC0415

    for path in sorted(APP_DIR.rglob("*")):
        if _EXCLUDED_FOLDERS & set(path.relative_to(APP_DIR).parts):
            continue
        if path.suffix == ".py":
            source = path.read_bytes()
        elif path.suffix == ".html":
            # Django converts a template to code for extraction. Indentation is stripped, since it is significant in Python.
            lines = templatize(path.read_text(encoding="utf-8"), origin=str(path)).splitlines()
            source = "\n".join(line.strip() for line in lines).encode()
        else:
            continue
        for _, text, _, context in extract("python", BytesIO(source), KEYWORDS, options={"encoding": "utf-8"}):
            yield text, context


def faults(catalog: "Catalog") -> list[str]:
    """Return the faults of the translations: missing, fuzzy, or with other placeholders than the message."""
    return [
        f"  {message.id!r}: {fault}" for message in catalog if message.id for fault in [_fault(message)] if fault is not None
    ]


def _fault(message: Any) -> str | None:
    texts = message.id if message.pluralizable else (message.id,)
    translations = message.string if message.pluralizable else (message.string,)
    if not all(translations):
        return "no translation"
    if message.fuzzy:
        return "marked fuzzy"
    expected = {name for text in texts for name in _PLACEHOLDER.findall(text)}
    for translation in translations:
        placeholders = set(_PLACEHOLDER.findall(translation))
        # A singular form may omit the count.
        if placeholders != expected and not (message.pluralizable and placeholders == expected - {"count"}):
            return f"placeholders {sorted(placeholders)}, expected {sorted(expected)}"
    return None


def as_po(catalog: "Catalog") -> bytes:
    """Return the .po file, without line numbers, which would change with every edit of the code."""
    from babel.messages.pofile import write_po  # noqa: PLC0415

    written = BytesIO()
    write_po(written, catalog, width=120, no_location=True, sort_output=True)
    return written.getvalue()


def as_mo(catalog: "Catalog") -> bytes:
    """Return the .mo file."""
    from babel.messages.mofile import write_mo  # noqa: PLC0415

    written = BytesIO()
    write_mo(written, catalog)
    return written.getvalue()
