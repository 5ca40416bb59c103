"""Payloads of indicators as JSON, and their rows as CSV and NDJSON (`api.responses.arrow`: as Arrow)."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from io import StringIO
from itertools import groupby
from typing import TYPE_CHECKING, Any

import orjson

from api.http.language import translate
from api.http.links import web_address
from api.responses.held import held_payload
from geography.codes import PROVINCE_BY_PRUID
from geography.translation import Message
from indicators.statuses import WORDS, ValueStatus

if TYPE_CHECKING:
    from indicators.models import Note, Place, Series
    from indicators.queries.catalogue import PublishedIndicator
    from indicators.queries.figures import Figure, Group, Row

# Lower bounds of the map classes, fixed over time. Negative values have no class.
CLASSES: Mapping[str, Sequence[int]] = {"rate_7d": (0, 10, 25, 50, 100, 250, 500)}

MEASURE_WORDS: Mapping[str, Message] = {
    "rate_7d": Message("New in 7 days per 100,000 inhabitants"),
    "new_7d": Message("New in 7 days"),
    "new_1d": Message("New since the previous report"),
    "cumulative": Message("Total"),
    "value": Message("Value"),
    "rate": Message("Per 100,000 inhabitants"),
}
PER_PEOPLE = Message("per 100,000 inhabitants")
UNITS: Mapping[str, Message] = {
    "cases": Message("cases"),
    "deaths": Message("deaths"),
    "admissions": Message("admissions"),
    "patients": Message("patients"),
    "percent": Message("percent"),
}
ROWS_PER_CHUNK = 2_000
COLUMNS = (
    *("indicator", "measure", "place", "kind", "name_en", "name_fr", "province", "date", "from", "to", "reported_on"),
    *("value", "status", "count", "population", "population_year", "method", "group", "misplaced_share"),
)
# Of shares of people that are misplaced.
MISPLACED_DECIMALS = 4
CUBE_COLUMNS = ("indicator", "measure", "place", "kind", "province", "date", "value", "status")


def statuses_payload(language: str) -> list[dict[str, str]]:
    """Return all statuses with name and explanation, in the order of their numbers."""
    return [
        {
            "code": status.code,
            "name": translate(words.name, language),
            "detail": translate(words.detail, language),
            "name_en": translate(words.name, "en"),
            "name_fr": translate(words.name, "fr"),
        }
        for status, words in WORDS.items()
    ]


def unit_of(published: "PublishedIndicator", measure: str, language: str) -> str:
    """Return the unit of a measure as text."""
    if measure.startswith("rate"):
        return translate(PER_PEOPLE, language)
    unit = published.indicator.unit
    return translate(UNITS[unit], language) if unit in UNITS else unit


def source_payload(published: "PublishedIndicator", language: str) -> dict[str, Any]:
    """Return the provenance of values: issue, licence and attribution; `held` where gates hold a later issue."""
    indicator = published.indicator
    return {
        **issue_payload(published, language),
        "attribution": indicator.attribution_fr if language == "fr" else indicator.attribution_en,
        "licence": indicator.licence,
        "licence_url": web_address(indicator.licence_url),
    }


def issue_payload(published: "PublishedIndicator", language: str) -> dict[str, Any]:
    """Return the issue of the values; `held` if a later issue is held."""
    issue = published.issue
    payload: dict[str, Any] = {
        "issue": {"id": issue.pk, "source": issue.source, "issued_at": issue.issued_at, "loaded_at": issue.loaded_at}
    }
    if published.held_issues is not None:
        payload["held"] = held_payload(published.held_issues, issue, language)
    return payload


def table_metadata(published: "PublishedIndicator", language: str) -> dict[str, str]:
    """Return the provenance for a table format with metadata."""
    indicator, issue = published.indicator, published.issue
    return {
        "title": indicator.name_fr if language == "fr" else indicator.name_en,
        "coverage": indicator.coverage,
        "vintage": indicator.vintage_label,
        "source": issue.source,
        "issued_at": issue.issued_at.isoformat(),
        "loaded_at": issue.loaded_at.isoformat(),
        "attribution": indicator.attribution_fr if language == "fr" else indicator.attribution_en,
        "licence": indicator.licence,
        "licence_url": web_address(indicator.licence_url),
    }


def indicator_payload(published: "PublishedIndicator", series: Sequence["Series"], language: str) -> dict[str, Any]:
    """Return an indicator, as `/indicators` lists it."""
    indicator = published.indicator
    french = language == "fr"
    firsts = [place_series.first for place_series in series if place_series.first]
    lasts = [place_series.last for place_series in series if place_series.last]
    return {
        "id": indicator.slug,
        "name": indicator.name_fr if french else indicator.name_en,
        "name_en": indicator.name_en,
        "name_fr": indicator.name_fr,
        "definition": indicator.definition_fr if french else indicator.definition_en,
        "definition_en": indicator.definition_en,
        "definition_fr": indicator.definition_fr,
        "unit": unit_of(published, "value", language),
        "kind": indicator.kind,
        "period": indicator.period,
        "good_direction": indicator.good_direction,
        "measures": [
            {"id": name, "name": translate(MEASURE_WORDS[name], language), "unit": unit_of(published, name, language)}
            for name in published.measures
        ],
        "default_measure": published.measures[0],
        "classes": {name: list(CLASSES[name]) for name in published.measures if name in CLASSES and indicator.slug == "cases"},
        "coverage": indicator.coverage or None,
        "vintage": indicator.vintage_label or None,
        "places": len(series),
        "first": min(firsts, default=None),
        "last": max(lasts, default=None),
        "latest": latest_day(series),
        "cadence": indicator.cadence,
        **source_payload(published, language),
        "links": [
            {"rel": name, "type": "application/json", "href": f"/indicators/{indicator.slug}/{name}"}
            for name in ("map", "cube", "series")
        ],
    }


def latest_day(series: Sequence["Series"]) -> date | None:
    """Return the latest day with a complete national figure, otherwise the latest with any report; None without reports."""
    reports = [(place_series.place.kind, place_series.last_report) for place_series in series if place_series.last_report]
    national = [day for kind, day in reports if kind == "country"]
    return max(national or [day for _, day in reports], default=None)


def place_payload(series: "Series", people: Mapping[int, int], language: str) -> dict[str, Any]:
    """Return a place of an indicator with the time range of its series.

    Args:
        people: population by year.
    """
    place = series.place
    return {
        "place": place.key,
        "kind": place.kind,
        "code": place.code,
        "pruid": place.pruid or None,
        "province": province_of(place),
        "name": place.name_fr if language == "fr" else place.name_en,
        "name_en": place.name_en,
        "name_fr": place.name_fr,
        "derived": series.derived,
        "first": series.first,
        "last": series.last,
        "last_report": series.last_report,
        "ended_on": series.ended_on,
        "population": {str(year): number for year, number in people.items()},
    }


def note_text(note: "Note", language: str) -> str:
    """Return the text of a note, in English if it has no French one."""
    return note.text_fr if language == "fr" and note.text_fr else note.text_en


def note_payload(note: "Note", language: str) -> dict[str, Any]:
    """Return a dated note, in English if it has no French text."""
    french = language == "fr" and note.text_fr
    return {
        "id": note.pk,
        "place": note.place.key if note.place else None,
        "from": note.day_from,
        "to": note.day_to,
        "text": note_text(note, language),
        "language": "fr" if french else "en",
        "url": web_address(note.url) or None,
    }


def province_of(place: "Place") -> str | None:
    """Return the two-letter abbreviation of a place's province; None without a province."""
    province = PROVINCE_BY_PRUID.get(place.pruid)
    return province.abbreviation if province else None


def number(value: float | None) -> float | int | None:
    """Return a JSON number: integral values without a decimal point."""
    return int(value) if value is not None and value == int(value) else value


def figure_payload(figure: "Figure | None") -> dict[str, Any]:
    """Return one figure of a map. A missing value is null, and the status gives the reason."""
    if figure is None:
        return {"v": None, "status": ValueStatus.NOT_REPORTED.code, "method": None}
    period = figure.period
    payload: dict[str, Any] = {
        "v": number(figure.element.value),
        "count": number(figure.count),
        "status": figure.element.status.code,
        "method": figure.method,
        "from": period[0] if period else None,
        "to": period[1] if period else None,
        "reported_on": figure.reported_on,
    }
    if figure.group is not None:
        payload["group"] = group_payload(figure.group)
    elif figure.method != "same":
        payload["place"] = figure.place.key
    if figure.people is not None:
        payload |= {"population": figure.people, "population_year": figure.people_year}
    if figure.misplaced_share is not None:
        payload["misplaced_share"] = round(figure.misplaced_share, MISPLACED_DECIMALS)
    return payload


def group_payload(group: "Group") -> dict[str, list[str]]:
    """Return the codes of the regions and places that share a figure."""
    return {"regions": list(group.regions), "places": list(group.places)}


def runs(statuses: Iterable[ValueStatus]) -> list[list[int]]:
    """Return the run-length encoding of statuses: pairs of the status number and the length of the run."""
    return [[int(status), len(list(group))] for status, group in groupby(statuses)]


def figure_row(published: "PublishedIndicator", measure: str, code: str, figure: "Figure | None", on: date) -> dict[str, Any]:
    """Return one figure of a map as a table row."""
    payload = figure_payload(figure)
    place = figure.place if figure else None
    if figure is not None and figure.group is not None:
        payload["group"] = " ".join(figure.group.regions)
    return {
        "indicator": published.indicator.slug,
        "measure": measure,
        "place": code,
        "kind": place.kind if place else "region",
        "name_en": place.name_en if place else None,
        "name_fr": place.name_fr if place else None,
        "province": province_of(place) if place else None,
        "date": on,
        "value": payload["v"],
        **{name: payload.get(name) for name in COLUMNS if name in payload},
    }


def series_rows(
    published: "PublishedIndicator", measure: str, rows: Sequence["Row"], days: Sequence[date]
) -> Iterator[dict[str, Any]]:
    """Yield series as table rows, by day, then place.

    Every part of a table then holds region codes, which are digits, and other places. Readers that infer the type of a column
    from parts of it, such as pandas, would otherwise read the same column as numbers and as texts.
    """
    heads = [
        {
            "indicator": published.indicator.slug,
            "measure": measure,
            "place": row.place.key,
            "kind": row.place.kind,
            "province": province_of(row.place),
        }
        for row in rows
    ]
    for step, day in enumerate(days):
        for head, row in zip(heads, rows, strict=True):
            element = row.elements[step]
            yield head | {"date": day, "value": number(element.value), "status": element.status.code}


def csv_pieces(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield CSV (RFC 4180) in UTF-8. A missing value is empty; the column `status` gives the reason."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for count, row in enumerate(rows, 1):
        writer.writerow(["" if row.get(name) is None else row[name] for name in columns])
        if count % ROWS_PER_CHUNK == 0:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def ndjson_pieces(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield NDJSON: one object per line."""
    lines: list[bytes] = []
    for row in rows:
        lines.append(orjson.dumps({name: row.get(name) for name in columns}, option=orjson.OPT_APPEND_NEWLINE))
        if len(lines) == ROWS_PER_CHUNK:
            yield b"".join(lines)
            lines.clear()
    yield b"".join(lines)
