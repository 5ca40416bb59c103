"""geodata/sources.toml: every boundary layer that can be loaded, as data."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings

from geography.models import Representation
from loader.errors import SourceError

SOURCES_FILE: Path = settings.REPO_DIR / "geodata" / "sources.toml"

# Our columns that a file's field may fill. Whatever else a file holds is kept in region.attributes.
COLUMNS = ("code", "dguid", "name_en", "name_fr", "pruid", "land_area_km2", "population")

_LABEL = re.compile(r"[0-9a-z][0-9a-z.-]{0,39}")


@dataclass(frozen=True, slots=True)
class CoverageSource:
    """How the regions of a coverage are called in files.

    Attributes:
        slug: name in URLs.
        code_pattern: what a whole code must match.
        columns: for each of COLUMNS the spellings of its field, the first that a file has wins.
        name_is_code: True where regions have no other name.
    """

    slug: str
    name_en: str
    name_fr: str
    code_pattern: re.Pattern[str]
    columns: Mapping[str, tuple[str, ...]]
    name_is_code: bool = False


@dataclass(frozen=True, slots=True)
class Layer:
    """One edition of a coverage, as declared. Addresses and files are not yet looked at.

    Attributes:
        path: the local file, None where it is downloaded from `url`.
        size, sha256: of the download, where the source states them.
        srid: of coordinates, only used where the file does not say.
        encoding: of the text, wins over what the file says.
        expected_count: how many regions there must be, None where nobody knows.
    """

    name: str
    coverage: CoverageSource
    vintage: str
    effective_from: date
    representation: Representation
    title_en: str
    title_fr: str
    licence: str = ""
    licence_url: str = ""
    attribution_en: str = ""
    attribution_fr: str = ""
    effective_to: date | None = None
    path: Path | None = None
    url: str = ""
    size: int | None = None
    sha256: str = ""
    srid: int | None = None
    encoding: str = ""
    expected_count: int | None = None
    demo: bool = False
    extract: bool = False
    embedded: bool = False
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def spellings(self, column: str) -> tuple[str, ...]:
        """Return the field names under which a column is looked for, the layer's own first."""
        return (*self.columns.get(column, ()), *self.coverage.columns.get(column, ()))


@dataclass(frozen=True, slots=True)
class Sources:
    """All that is declared."""

    coverages: Mapping[str, CoverageSource]
    layers: Mapping[str, Layer]

    def layer(self, name: str) -> Layer:
        """Return a layer by name. Raises: SourceError, listing what there is."""
        if name not in self.layers:
            raise SourceError(f"There is no layer {name!r} in sources.toml. There are: {', '.join(self.layers)}.")
        return self.layers[name]

    def ad_hoc(self, coverage: str, options: Mapping[str, Any]) -> Layer:
        """Return a layer for a file that sources.toml does not know; options are the keys of a layer's paragraph.

        Raises: SourceError for an unknown coverage and for options that do not fit.
        """
        if coverage not in self.coverages:
            raise SourceError(f"There is no coverage {coverage!r}. There are: {', '.join(self.coverages)}.")
        return _layer("ad-hoc", {"coverage": coverage, **options}, self.coverages, {}, Path())


def read_sources(path: Path | None = None) -> Sources:
    """Read the declarations; relative files are relative to the folder of the TOML file.

    Raises: SourceError naming the paragraph and the key at fault.
    """
    path = path or SOURCES_FILE
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"{path} is not valid TOML: {error}.") from error
    coverages = {slug: _coverage(slug, table) for slug, table in document.get("coverages", {}).items()}
    licences = document.get("licences", {})
    layers = {name: _layer(name, table, coverages, licences, path.parent) for name, table in document.get("layers", {}).items()}
    return Sources(coverages, layers)


def _coverage(slug: str, table: dict[str, Any]) -> CoverageSource:
    where = f"coverages.{slug}"
    _known(where, table, {"name_en", "name_fr", "code_pattern", "name_is_code", "fields"})
    columns = {column: tuple(names) for column, names in table.get("fields", {}).items()}
    _known(f"{where}.fields", columns, set(COLUMNS))
    if "code" not in columns:
        raise SourceError(f"{where}: fields.code is missing.")
    try:
        pattern = re.compile(_text(where, table, "code_pattern"))
    except re.error as error:
        raise SourceError(f"{where}: code_pattern is no regular expression: {error}.") from error
    return CoverageSource(
        slug=slug,
        name_en=_text(where, table, "name_en"),
        name_fr=_text(where, table, "name_fr"),
        code_pattern=pattern,
        columns=columns,
        name_is_code=bool(table.get("name_is_code", False)),
    )


def _layer(
    name: str,
    table: dict[str, Any],
    coverages: Mapping[str, CoverageSource],
    licences: Mapping[str, Mapping[str, str]],
    folder: Path,
) -> Layer:
    where = f"layers.{name}"
    table = dict(table)
    coverage = coverages.get(table.pop("coverage", ""))
    if coverage is None:
        raise SourceError(f"{where}: coverage must be one of {', '.join(coverages)}.")
    licence_name = table.pop("licence", "")
    if licence_name and licences:
        if licence_name not in licences:
            raise SourceError(f"{where}: there is no licence {licence_name!r}.")
        licence = licences[licence_name]
        table = {
            "licence": licence["name"],
            "licence_url": licence["url"],
            "attribution_en": licence["attribution_en"].format(title=table.get("title_en", "")),
            "attribution_fr": licence["attribution_fr"].format(title=table.get("title_fr", "")),
        } | table
    elif licence_name:
        table["licence"] = licence_name
    table["expected_count"] = table.pop("expect", {}).get("count")
    if "file" in table:
        table["path"] = folder / table.pop("file")
    if "bytes" in table:
        table["size"] = table.pop("bytes")
    if "fields" in table:
        table["columns"] = {column: tuple(names) for column, names in table.pop("fields").items()}
        _known(f"{where}.fields", table["columns"], set(COLUMNS))
    _known(where, table, {one.name for one in fields(Layer)} - {"name", "coverage"})
    label = _text(where, table, "vintage")
    if not _LABEL.fullmatch(label):
        raise SourceError(f"{where}: vintage {label!r} must be of a-z, 0-9, '.' and '-' (it is a part of URLs).")
    if not isinstance(table.get("effective_from"), date):
        raise SourceError(f"{where}: effective_from must be a date such as 2022-12-01.")
    try:
        table["representation"] = Representation(table.get("representation", ""))
    except ValueError:
        raise SourceError(f"{where}: representation must be digital or cartographic.") from None
    for key in ("title_en", "title_fr"):
        _text(where, table, key)
    return Layer(name=name, coverage=coverage, **table)


def _text(where: str, table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise SourceError(f"{where}: {key} is missing.")
    return value


def _known(where: str, table: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise SourceError(f"{where}: unknown key {unknown[0]!r}. Known are {', '.join(sorted(known))}.")


def with_options(layer: Layer, **options: Any) -> Layer:
    """Return the layer with the given options in place of its own; None leaves the layer's."""
    return replace(layer, **{key: value for key, value in options.items() if value is not None})
