"""Dated notes of indicators, from the files that geodata/series.toml declares."""

import csv
from datetime import date
from pathlib import Path

from indicators.models import Indicator, Note
from loader.errors import SourceError
from loader.series.declarations import SERIES_FILE
from loader.series.places import province_place
from loader.toml_tables import read_document, required_text, tables_of


def seed_notes(indicator: Indicator, path: Path | None = None) -> None:
    """Replace the notes of an indicator by those of the declared files. Raises: SourceError for an unreadable file."""
    path = path or SERIES_FILE
    notes = []
    for name, table in tables_of(read_document(path), "notes").items():
        file = path.parent / required_text(f"notes.{name}", table, "file")
        try:
            with file.open(encoding="utf-8", newline="") as text:
                rows = [row for row in csv.DictReader(text) if row["indicator"] == indicator.slug]
        except OSError as error:
            raise SourceError(f"{file} cannot be read: {error.strerror}.") from error
        for row in rows:
            notes.append(
                Note(
                    indicator=indicator,
                    place=province_place(row["province"]) if row["province"] else None,
                    day_from=_day(row["from"]),
                    day_to=_day(row["to"]),
                    text_en=row["text_en"],
                    text_fr=row.get("text_fr") or "",
                    url=row["url"],
                )
            )
    indicator.notes.all().delete()
    Note.objects.bulk_create(notes)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
