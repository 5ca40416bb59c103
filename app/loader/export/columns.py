"""Columns of the CSV files, and their metadata files by CSV on the Web (W3C tabular metadata)."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from geography.download_formats import DESCRIBES, code_name
from geography.models import Vintage
from indicators.models import Place
from indicators.queries.catalogue import PublishedIndicator
from loader.export.figure_table import measure_columns
from loader.export.metadata import indicator_metadata, vintage_metadata


class Column(NamedTuple):
    """A column: name, datatype of CSV on the Web, description, and the unit of a number that has one."""

    name: str
    datatype: str
    description: str
    unit: str | None = None


def code_columns(vintage: Vintage) -> list[Column]:
    """Return the columns of the CSV file of codes and names of a vintage."""
    return [
        Column(code_name(vintage.coverage.slug), "string", "Code; text, leading zeros kept. Unique within the vintage."),
        Column("dguid", "string", "Dissemination Geography Unique Identifier, where the source gives it."),
        Column("name_en", "string", "English name."),
        Column("name_fr", "string", "French name."),
        Column("pruid", "string", "Province or territory, Statistics Canada code; empty where it lies in several."),
        Column("province", "string", "Two letters of the province or territory."),
        Column("province_en", "string", "English name of the province or territory."),
        Column("province_fr", "string", "French name of the province or territory."),
        Column("population", "integer", "Inhabitants, where the source gives them."),
        Column("land_area_km2", "number", "Land area in km2, where the source gives it.", "km2"),
        Column("area_km2", "number", "Area of the boundary as published, km2 on the GRS 80 ellipsoid.", "km2"),
        Column("lon", "number", "Longitude of a point on the region's surface, WGS 84 degrees.", "degree"),
        Column("lat", "number", "Latitude of that point, WGS 84 degrees.", "degree"),
        Column("vintage", "string", "Label of the vintage."),
    ]


def share_columns() -> list[Column]:
    """Return the columns of the CSV file of shares: the health regions of each FSA."""
    return [
        Column("cfsauid", "string", "Code of the FSA: the first three characters of a postal code."),
        Column("hruid", "string", "Code of a health region that the FSA lies in; text, leading zeros kept."),
        Column("name_en", "string", "English name of the health region."),
        Column("name_fr", "string", "French name of the health region."),
        Column("share_of_fsa", "number", "Part of the FSA's area that lies in the health region, 0 to 1."),
        Column("share_of_region", "number", "Part of the health region's area that lies in the FSA, 0 to 1."),
        Column("area_km2", "number", "Area that the two share, km2 on the GRS 80 ellipsoid.", "km2"),
        Column("fsa_vintage", "string", "Label of the FSAs' vintage."),
        Column("health_region_vintage", "string", "Label of the health regions' vintage."),
    ]


def figure_columns(published: PublishedIndicator) -> list[Column]:
    """Return the columns of the table of an indicator."""
    indicator = published.indicator
    unit = indicator.unit
    rate_unit = f"{unit} per 100,000 inhabitants"
    measures = {
        "new_1d": ("New since the previous report; empty on days without a report.", unit),
        "new_7d": ("New in the 7 days that end with the last report on or before the period.", unit),
        "rate_7d": ("new_7d per 100,000 inhabitants; empty for a negative count.", rate_unit),
        "rate": ("The value per 100,000 inhabitants.", rate_unit),
    }
    return [
        Column("period", "date", "Day, or last day of the period; a local calendar day."),
        Column("place", "string", "Code of a region, two letters of a province, CA, or NS-9999 for what has no region."),
        Column("pruid", "string", "Province or territory, Statistics Canada code; empty for the country."),
        Column("kind", "string", "region, site, unassigned, province or country."),
        Column("coverage", "string", "Coverage in which the code means this place; empty unless it is a region."),
        Column("vintage", "string", "Vintage of that coverage."),
        Column("name_en", "string", "English name of the place."),
        Column("name_fr", "string", "French name of the place."),
        Column("value", "number", f"Value as published ({indicator.kind}); empty, never 0, where there is none.", unit),
        *(Column(name, "number", *measures[name]) for name in measure_columns(indicator)),
        Column("status", "string", "Reason for the presence or absence of the value: reported, carried, not_reported …"),
        Column("status_7d", "string", "The same for new_7d and rate_7d: estimated is the mean for 7 days of a longer period."),
        Column("population", "integer", "Inhabitants behind the rates, of the nearest available year."),
        Column("population_year", "integer", "Year of the population."),
    ]


def wide_columns(published: PublishedIndicator, measure: str, places: Sequence[Place]) -> list[Column]:
    """Return the columns of the wide table of a measure."""
    described = {column.name: column for column in figure_columns(published)}
    unit = described[measure if measure in described else "value"].unit
    names = {place.key: " / ".join(dict.fromkeys((place.name_en, place.name_fr))) for place in places}
    return [described["period"], *(Column(key, "number", f"{measure}: {name}.", unit) for key, name in names.items())]


def describe_figures(published: PublishedIndicator, columns: Sequence[Column], key: list[str], path: Path) -> None:
    """Write the metadata of a CSV file of an indicator."""
    _describe([indicator_metadata(published)], columns, key, path.name.removesuffix(DESCRIBES), path)


def describe_codes(vintage: Vintage, csv_name: str, path: Path) -> None:
    """Write the metadata of the CSV file of codes."""
    _describe([vintage_metadata(vintage)], code_columns(vintage), [code_name(vintage.coverage.slug)], csv_name, path)


def describe_shares(fsa_vintage: Vintage, health_region_vintage: Vintage, csv_name: str, path: Path) -> None:
    """Write the metadata of the CSV file of shares, with source, licence and attribution of both vintages."""
    metadata = [vintage_metadata(vintage) for vintage in (fsa_vintage, health_region_vintage)]
    _describe(metadata, share_columns(), ["cfsauid", "hruid"], csv_name, path)


def _describe(metadata: Sequence[dict[str, str]], columns: Sequence[Column], key: list[str], csv_name: str, path: Path) -> None:
    document = {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "url": csv_name,
        "dc:title": [
            {"@value": " – ".join(source["title"] for source in metadata), "@language": "en"},
            {"@value": " – ".join(source["title_fr"] for source in metadata), "@language": "fr"},
        ],
        "dc:license": _single_or_list([_licence(source) for source in metadata]),
        "dc:rights": [
            {"@value": text, "@language": language}
            for language in ("en", "fr")
            for text in dict.fromkeys(source.get(f"attribution_{language}", "") for source in metadata)
        ],
        "dc:source": _single_or_list([_source(source) for source in metadata]),
        "dialect": {"encoding": "utf-8", "header": True},
        "tableSchema": {"columns": [_column(column) for column in columns], "primaryKey": _single_or_list(key)},
    }
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _source(metadata: dict[str, str]) -> dict[str, Any]:
    """Return a source: product, URL and licence; the checksum of a vintage's file, or the issue of an indicator."""
    address = {"@id": metadata["source_url"]} if "source_url" in metadata else {}
    return address | {
        "dc:title": metadata.get("product") or metadata["title"],
        "dc:license": _licence(metadata),
        "dc:identifier": f"sha256:{metadata['source_sha256']}"
        if "source_sha256" in metadata
        else f"{metadata['source']} {metadata['issued_at']}",
    }


def _licence(metadata: dict[str, str]) -> Any:
    return {"@id": metadata["licence_url"]} if "licence_url" in metadata else metadata.get("licence", "")


def _column(column: Column) -> dict[str, str]:
    description = {
        # A name is a variable of URI templates, which may not hold a hyphen (RFC 6570); the title is the header.
        "name": quote(column.name, safe="").replace("-", "%2D"),
        "titles": column.name,
        "datatype": column.datatype,
        "dc:description": column.description,
    }
    return description | ({"schema:unitText": column.unit} if column.unit else {})


def _single_or_list(values: list[Any]) -> Any:
    distinct = [value for index, value in enumerate(values) if value not in values[:index]]
    return distinct[0] if len(distinct) == 1 else distinct
