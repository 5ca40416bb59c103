"""Layer declarations: parsing and validation of geodata/sources.toml."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings

from geography.models import Representation
from geography.normalize import is_web_address
from indicators.download_formats import GROUP
from loader.errors import SourceError
from loader.toml_tables import check_keys, check_types, read_document, required_text, tables_of

SOURCES_FILE: Path = settings.REPO_DIR / "geodata" / "sources.toml"

# Columns of `region` that fields of a file map to. All other fields are stored in region.attributes.
COLUMNS = ("code", "dguid", "name_en", "name_fr", "pruid", "land_area_km2", "population")

_LABEL = re.compile(r"[0-9a-z][0-9a-z.-]{0,39}")
# The slug of a coverage is part of URLs; its length is that of the column coverage.slug.
_SLUG = re.compile(r"[a-z][0-9a-z-]{0,39}")

# Sources of a region's province or territory where the file has no field for it.
PROVINCE_RULES = ("field", "code", "postal-letter", "none")

# The keys of a layer's table in TOML, with their types.
_KEYS: Mapping[str, type] = {
    **dict.fromkeys(("coverage", "vintage", "title_en", "title_fr", "licence", "licence_url"), str),
    **dict.fromkeys(("representation", "attribution_en", "attribution_fr", "file", "url", "sha256"), str),
    **dict.fromkeys(("encoding", "layer_name"), str),
    **dict.fromkeys(("effective_from", "effective_to"), date),
    **dict.fromkeys(("bytes", "srid"), int),
    **dict.fromkeys(("demo", "extract", "embedded"), bool),
    **dict.fromkeys(("fields", "expect"), dict),
}


@dataclass(frozen=True, slots=True)
class CoverageSource:
    """Declaration of a coverage: codes, names and field names of its regions in files.

    Attributes:
        slug: name in URLs.
        code_pattern: regular expression that a whole code must match.
        columns: for each of COLUMNS the field names to look for; the first that a file has wins.
        name_is_code: True where regions have no name but their code.
        province: one of PROVINCE_RULES. `field`: the file's field alone; `code`: else the first two digits of the code;
            `postal-letter`: else its first letter, as in postal codes; `none`: regions may lie in several provinces.
    """

    slug: str
    name_en: str
    name_fr: str
    code_pattern: re.Pattern[str]
    columns: Mapping[str, tuple[str, ...]]
    name_is_code: bool = False
    province: str = PROVINCE_RULES[0]

    @property
    def field_names(self) -> dict[str, str]:
        """Return the first field name of each column: exported shapefiles use these names."""
        return {column: names[0] for column, names in self.columns.items() if names}


@dataclass(frozen=True, slots=True)
class Layer:
    """Declaration of a vintage of a coverage. Addresses and files are not checked yet.

    Attributes:
        path: local file, None where it is downloaded from `url`.
        size, sha256: of the download, where they are known.
        srid: SRID of the coordinates, only used where the file declares none.
        encoding: of the text; takes precedence over the file's declaration.
        layer_name: of the dataset or the layer to read, where the file holds several.
        expected_count: number of regions that the file must hold, None where it is unknown.
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
    layer_name: str = ""
    expected_count: int | None = None
    demo: bool = False
    extract: bool = False
    embedded: bool = False
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _LABEL.fullmatch(self.vintage):
            raise SourceError(
                f"layers.{self.name}: vintage {self.vintage!r} must be at most 40 of a-z, 0-9, '.' and '-' (URLs hold it)."
            )
        if self.effective_to is not None and self.effective_to <= self.effective_from:
            raise SourceError(f"layers.{self.name}: effective_to must be later than effective_from ({self.effective_from}).")
        for key, address in (("url", self.url), ("licence_url", self.licence_url)):
            if address and not is_web_address(address):
                raise SourceError(f"layers.{self.name}: {key} must begin with https:// or http://.")

    def spellings(self, column: str) -> tuple[str, ...]:
        """Return the field names to look for, those of the layer before those of the coverage."""
        return (*self.columns.get(column, ()), *self.coverage.columns.get(column, ()))


@dataclass(frozen=True, slots=True)
class Sources:
    """The declared coverages and layers."""

    coverages: Mapping[str, CoverageSource]
    layers: Mapping[str, Layer]

    def layer(self, name: str) -> Layer:
        """Return a layer by name. Raises: SourceError with the names that are declared."""
        if name not in self.layers:
            raise SourceError(f"Unknown layer {name!r}: sources.toml declares {', '.join(self.layers)}.")
        return self.layers[name]

    def ad_hoc(self, coverage: str, options: Mapping[str, Any]) -> Layer:
        """Return a layer for a file that sources.toml does not declare; options are the keys of a layer's table.

        Raises: SourceError for an unknown coverage and for invalid options.
        """
        if coverage not in self.coverages:
            raise SourceError(f"Unknown coverage {coverage!r}: sources.toml declares {', '.join(self.coverages)}.")
        options = dict(options)
        # These two have their final types already; the other options are validated like a table.
        final = {key: options.pop(key) for key in ("path", "columns") if key in options}
        return replace(_layer("ad-hoc", {"coverage": coverage, **options}, self.coverages, {}, Path()), **final)


def read_sources(path: Path | None = None) -> Sources:
    """Read the declarations; relative file paths are relative to the folder of the TOML file.

    Raises: SourceError with the table and the key at fault.
    """
    path = path or SOURCES_FILE
    document = read_document(path)
    tables = {kind: tables_of(document, kind) for kind in ("coverages", "licences", "layers")}
    coverages = {slug: _coverage(slug, table) for slug, table in tables["coverages"].items()}
    licences = {name: _licence(name, table) for name, table in tables["licences"].items()}
    layers = {name: _layer(name, table, coverages, licences, path.parent) for name, table in tables["layers"].items()}
    return Sources(coverages, layers)


def _licence(name: str, table: dict[str, Any]) -> dict[str, str]:
    where, keys = f"licences.{name}", ("name", "url", "attribution_en", "attribution_fr")
    check_keys(where, table, keys)
    return {key: required_text(where, table, key) for key in keys}


def _coverage(slug: str, table: dict[str, Any]) -> CoverageSource:
    where = f"coverages.{slug}"
    check_keys(where, table, {"name_en", "name_fr", "code_pattern", "name_is_code", "province", "fields"})
    check_types(where, table, {"name_is_code": bool, "province": str})
    if not _SLUG.fullmatch(slug):
        raise SourceError(f"{where}: the name must be at most 40 of a-z, 0-9 and '-', a letter first (URLs hold it).")
    if slug == GROUP:
        raise SourceError(f"{where}: another name is necessary, because /downloads/{GROUP} has the files of indicators.")
    province = table.get("province", PROVINCE_RULES[0])
    if province not in PROVINCE_RULES:
        raise SourceError(f"{where}: province must be one of {', '.join(PROVINCE_RULES)}, not {province!r}.")
    columns = _columns(where, table.get("fields", {}))
    if "code" not in columns:
        raise SourceError(f"{where}: fields.code is missing.")
    try:
        # \d means the digits 0 to 9.
        pattern = re.compile(required_text(where, table, "code_pattern"), re.ASCII)
    except re.error as error:
        raise SourceError(f"{where}: code_pattern is not a valid regular expression: {error}.") from error
    return CoverageSource(
        slug=slug,
        name_en=required_text(where, table, "name_en"),
        name_fr=required_text(where, table, "name_fr"),
        code_pattern=pattern,
        columns=columns,
        name_is_code=bool(table.get("name_is_code", False)),
        province=province,
    )


def _layer(
    name: str,
    table: dict[str, Any],
    coverages: Mapping[str, CoverageSource],
    licences: Mapping[str, Mapping[str, str]],
    folder: Path,
) -> Layer:
    where = f"layers.{name}"
    check_keys(where, table, _KEYS)
    check_types(where, table, _KEYS)
    table = dict(table)
    coverage = coverages.get(table.pop("coverage", ""))
    if coverage is None:
        raise SourceError(f"{where}: coverage must be one of {', '.join(coverages)}.")
    for key in ("vintage", "title_en", "title_fr"):
        required_text(where, table, key)
    if "effective_from" not in table:
        raise SourceError(f"{where}: effective_from is missing.")
    licence_name = table.pop("licence", "")
    if licence_name and licences:
        if licence_name not in licences:
            raise SourceError(f"{where}: unknown licence {licence_name!r}: sources.toml declares {', '.join(licences)}.")
        licence = licences[licence_name]
        table = {
            "licence": licence["name"],
            "licence_url": licence["url"],
            "attribution_en": licence["attribution_en"].replace("{title}", table["title_en"]),
            "attribution_fr": licence["attribution_fr"].replace("{title}", table["title_fr"]),
        } | table
    elif licence_name:
        table["licence"] = licence_name
    expect = table.pop("expect", {})
    check_keys(f"{where}.expect", expect, {"count"})
    check_types(f"{where}.expect", expect, {"count": int})
    table["expected_count"] = expect.get("count")
    if "file" in table:
        table["path"] = folder / table.pop("file")
    if "bytes" in table:
        table["size"] = table.pop("bytes")
    if "fields" in table:
        table["columns"] = _columns(where, table.pop("fields"))
    try:
        table["representation"] = Representation(table.get("representation", ""))
    except ValueError:
        raise SourceError(f"{where}: representation must be digital or cartographic.") from None
    return Layer(name=name, coverage=coverage, **table)


def _columns(where: str, table: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(table, dict):
        raise SourceError(f"{where}: fields must be given as fields.COLUMN = [...].")
    check_keys(f"{where}.fields", table, COLUMNS)
    for column, names in table.items():
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) and name for name in names):
            raise SourceError(f'{where}: fields.{column} must be a list of names, such as ["{column.upper()}"].')
    return {column: tuple(names) for column, names in table.items()}


def with_options(layer: Layer, **options: Any) -> Layer:
    """Return the layer with options replaced; None leaves the option of the layer."""
    return replace(layer, **{key: value for key, value in options.items() if value is not None})
