"""Declarations of series: parser and checks of geodata/series.toml."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from math import inf
from pathlib import Path
from types import UnionType
from typing import Any

from django.conf import settings

from indicators.measures import MEASURES
from indicators.statistics import OVERDISPERSION
from loader.errors import SourceError
from loader.toml_tables import NUMBER, check_keys, check_types, read_document, required_text, tables_of

SERIES_FILE: Path = settings.REPO_DIR / "geodata" / "series.toml"

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
INTERVALS: Mapping[str, int] = {"day": 1, "week": 7, "2 weeks": 14, "4 weeks": 28}
SHAPES = ("long", "wide")
MATCHES = ("code", "name", "site")
GATES = (
    *("columns", "codes", "sums", "negatives", "duplicates", "future", "cadence", "text", "population"),
    *("vanished", "ends_earlier", "national_falls", "region_moves", "rewrites"),
)

# Default limits; the table `limits` of a declaration can override each.
LIMITS: Mapping[str, float] = {
    "negatives": 0.05,  # share of values
    "cadence": 0.02,  # share of a province's days
    "sums": 0,  # number of days
    "population": 0.2,  # share of the regions without a population
    "national_falls": 0.001,  # share of the previous total
    "region_moves": 0.1,  # share of the previous value
    "rewrites": 0.1,  # share of the previous values
}

_TEXT = {
    **dict.fromkeys(("indicator", "unit", "kind", "period", "file", "url", "licence", "licence_url", "shape", "match"), str),
    **dict.fromkeys(("name_en", "name_fr", "definition_en", "definition_fr", "attribution_en", "attribution_fr"), str),
    **dict.fromkeys(
        ("good_direction", "heading", "province", "decimal", "encoding", "delimiter", "surplus", "duplicates"), str
    ),
}
_LISTS = dict.fromkeys(("null", "suppressed", "capped", "unassigned", "ignore", "cadence", "ended", "forms"), list)
_TABLES = dict.fromkeys(("columns", "places", "aliases", "where", "limits"), dict)
_FLAGS = dict.fromkeys(("carried", "changes", "from_zero", "totals", "embedded"), bool)
_KEYS: Mapping[str, type | UnionType] = (
    _TEXT
    | _LISTS
    | _TABLES
    | _FLAGS
    | {"first_line": int, "suppress_below": int, "issued_at": datetime, "overdispersion": NUMBER}
)
_COLUMNS = ("period", "value", "province", "place", "issue")
_HEADINGS = ("{code}", "{province}-{code}", "{province}{code}")
_FORM: Mapping[str, type] = {"shape": str, "columns": dict, "heading": str, "changes": bool}


@dataclass(frozen=True, slots=True)
class Cadence:
    """Reporting days of a province from `start` on, until the next declaration of the same province.

    Attributes:
        province: two letters, or `*` for all.
        start: a reporting day.
        interval: days between reports.
        skipped, extra: days without a report, and further days with one, in time order. The checksum of a file covers the text
            of its declaration, and that of a set of days differs from process to process.
    """

    province: str
    start: date
    interval: int
    skipped: tuple[date, ...] = ()
    extra: tuple[date, ...] = ()

    def reports_on(self, day: date) -> bool:
        """Return whether a report is due on a day."""
        if day in self.extra:
            return True
        return day not in self.skipped and (day - self.start).days % self.interval == 0


@dataclass(frozen=True, slots=True)
class Ended:
    """A series that stopped before its source: province, code of the region (`*` for all regions), last reporting day."""

    province: str
    code: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Another form of a source's files. It applies to a file that has all of its columns."""

    shape: str = "long"
    columns: Mapping[str, str] = field(default_factory=dict)
    heading: str = "{code}"
    changes: bool = False

    def of(self, source: "Source") -> "Source":
        """Return a source whose files have this form."""
        return replace(source, shape=self.shape, columns=self.columns, heading=self.heading, changes=self.changes, forms=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A declared source; geodata/README.md explains every key."""

    name: str
    indicator: str
    name_en: str
    name_fr: str
    unit: str
    kind: str
    period: str = "day"
    definition_en: str = ""
    definition_fr: str = ""
    good_direction: str = "none"
    overdispersion: float = OVERDISPERSION
    path: Path | None = None
    issued_at: datetime | None = None
    url: str = ""
    licence: str = ""
    licence_url: str = ""
    attribution_en: str = ""
    attribution_fr: str = ""
    shape: str = "long"
    columns: Mapping[str, str] = field(default_factory=dict)
    heading: str = "{code}"
    coverage: str = ""
    vintage: str = ""
    match: str = "code"
    province: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)
    unassigned: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    null: tuple[str, ...] = ("",)
    suppressed: tuple[str, ...] = ()
    capped: tuple[str, ...] = ()
    decimal: str = "."
    encoding: str = "utf-8-sig"
    delimiter: str = ","
    surplus: str = ""
    duplicates: str = "refuse"
    first_line: int = 1
    carried: bool = False
    changes: bool = False
    from_zero: bool = False
    totals: bool = False
    embedded: bool = False
    cadence: tuple[Cadence, ...] = ()
    ended: tuple[Ended, ...] = ()
    forms: tuple["Form", ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    suppress_below: int = 0


def read_series(path: Path | None = None) -> dict[str, Source]:
    """Return the declared sources by name. Relative files are relative to the folder of the TOML file.

    Raises: SourceError, naming the table and key at fault.
    """
    path = path or SERIES_FILE
    document = read_document(path)
    licences = tables_of(document, "licences")
    return {name: _source(name, table, licences, path.parent) for name, table in tables_of(document, "series").items()}


def _source(name: str, table: Mapping[str, Any], licences: Mapping[str, Any], folder: Path) -> Source:
    where = f"series.{name}"
    check_keys(where, table, _KEYS)
    check_types(where, table, _KEYS)
    for key in ("indicator", "name_en", "name_fr", "unit", "kind"):
        required_text(where, table, key)
    parsed = ("file", "places", "cadence", "ended", "forms", "licence")
    options = {key: value for key, value in table.items() if key not in parsed}
    for key in _LISTS:
        if key in options:
            options[key] = tuple(str(option) for option in options[key])
    for key in ("columns", "aliases", "where"):
        if key in options:
            options[key] = {str(left): str(right) for left, right in options[key].items()}
    if options.get("issued_at") is not None:
        if options["issued_at"].tzinfo is None:
            raise SourceError(f"{where}: issued_at needs a time zone: 2022-11-16T23:08:20Z.")
        options["issued_at"] = options["issued_at"].astimezone(UTC)
    options |= _licence(where, table.get("licence", ""), licences, options)
    places = table.get("places", {})
    source = Source(
        name=name,
        path=folder / table["file"] if "file" in table else None,
        coverage=str(places.get("coverage", "")),
        vintage=str(places.get("vintage", "")),
        cadence=tuple(_cadence(where, rule) for rule in table.get("cadence", ())),
        ended=tuple(_ended(where, rule) for rule in table.get("ended", ())),
        forms=tuple(_form(f"{where}: forms[{number}]", form) for number, form in enumerate(table.get("forms", ()))),
        **options,
    )
    _check(where, source)
    for number, form in enumerate(source.forms):
        _check(f"{where}: forms[{number}]", form.of(source))
    return source


def _form(where: str, table: Any) -> Form:
    if not isinstance(table, dict):
        raise SourceError(f"{where} must be a table.")
    check_keys(where, table, tuple(_FORM))
    check_types(where, table, _FORM)
    columns = {str(left): str(right) for left, right in table.get("columns", {}).items()}
    return Form(**(table | {"columns": columns}))


def _licence(where: str, name: str, licences: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, str]:
    if not name:
        return {}
    if name not in licences:
        return {"licence": name}
    table = licences[name]
    attributions = {key: str(table.get(key, "")) for key in ("attribution_en", "attribution_fr")}
    missing = {key: text for key, text in attributions.items() if key not in options}
    return {"licence": str(table.get("name", name)), "licence_url": str(table.get("url", ""))} | missing


def _check(where: str, source: Source) -> None:
    choices = {
        "kind": (source.kind, tuple(MEASURES)),
        "period": (source.period, ("day", "week")),
        "shape": (source.shape, SHAPES),
        "match": (source.match, MATCHES),
        "decimal": (source.decimal, (".", ",")),
        "surplus": (source.surplus, ("", "last")),
        "duplicates": (source.duplicates, ("refuse", "last", "sum")),
        "good_direction": (source.good_direction, ("up", "down", "none")),
    }
    for key, (value, allowed) in choices.items():
        if value not in allowed:
            raise SourceError(f"{where}: {key} is one of {', '.join(filter(None, allowed))}, not {value!r}.")
    _check_columns(where, source)
    if source.changes and source.kind != "cumulative":
        raise SourceError(f'{where}: changes requires kind = "cumulative".')
    for gate, limit in source.limits.items():
        if gate not in LIMITS:
            raise SourceError(f"{where}: no gate {gate!r} with a limit. Gates with limits: {', '.join(LIMITS)}.")
        if isinstance(limit, bool) or not isinstance(limit, int | float):
            raise SourceError(f"{where}: limits.{gate} must be a number, not {limit!r}.")
    if source.suppress_below < 0 or (source.suppress_below and source.kind not in ("cumulative", "count", "stock")):
        raise SourceError(f"{where}: suppress_below must be a number of people, for a cumulative, count or stock indicator.")
    if len(source.delimiter) != 1:
        raise SourceError(f"{where}: delimiter must be one character, not {source.delimiter!r}.")
    if source.first_line < 1:
        raise SourceError(f"{where}: first_line must be 1 or more.")
    if not 1 <= source.overdispersion < inf:
        raise SourceError(f"{where}: overdispersion must be a number of 1 or more, not {source.overdispersion!r}.")


def _check_columns(where: str, source: Source) -> None:
    required = ("period", "value") if source.shape == "long" else ("period",)
    for key in required:
        if key not in source.columns:
            raise SourceError(f"{where}: columns.{key} is missing.")
    unknown = set(source.columns) - set(_COLUMNS)
    if unknown:
        raise SourceError(f"{where}: unknown column {sorted(unknown)[0]!r}. Columns: {', '.join(_COLUMNS)}.")
    if "issue" in source.columns and (source.shape != "long" or source.changes):
        raise SourceError(f'{where}: columns.issue requires shape = "long", without changes.')
    if source.heading not in _HEADINGS:
        raise SourceError(f"{where}: heading is one of {', '.join(_HEADINGS)}, not {source.heading!r}.")


def _cadence(where: str, rule: Any) -> Cadence:
    try:
        interval, start = INTERVALS[rule["every"]], rule["from"]
        if not isinstance(start, date):
            raise TypeError("from is a date")
        on = rule.get("on")
        if on is not None and WEEKDAYS[start.weekday()] != str(on).lower():
            raise SourceError(f"{where}: cadence from {start} is a {WEEKDAYS[start.weekday()]}, not a {on}.")
        skipped, extra = (tuple(sorted(rule.get(key, ()))) for key in ("skipped", "extra"))
    except (KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f'{where}: a cadence is {{province="MB", from=2022-03-26, every="week"}}; every is one of '
            f"{', '.join(INTERVALS)} ({error})."
        ) from error
    return Cadence(str(rule.get("province", "*")), start, interval, skipped, extra)


def _ended(where: str, rule: Any) -> Ended:
    try:
        province, _, code = str(rule["place"]).partition(":")
        if not isinstance(rule["on"], date):
            raise TypeError("on is a date")
        return Ended(province, code or "*", rule["on"])
    except (KeyError, TypeError) as error:
        raise SourceError(f'{where}: an end is {{place="NS:*", on=2022-03-04}} ({error}).') from error
