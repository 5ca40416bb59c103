"""The columns of CSV files, and what describes such a file where CSV on the Web (W3C, tabular metadata) looks for it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from geography.download_formats import code_name
from geography.models import Vintage
from loader.export.metadata import vintage_metadata


class Column(NamedTuple):
    """A column: its name, its datatype of CSV on the Web, what it holds, and the unit of a number that has one."""

    name: str
    datatype: str
    description: str
    unit: str | None = None


def code_columns(vintage: Vintage) -> list[Column]:
    """Return the columns of a vintage's codes and names."""
    return [
        Column(code_name(vintage.coverage.slug), "string", "Code; text, leading zeros kept. Unique within the vintage."),
        Column("dguid", "string", "Dissemination Geography Unique Identifier, where the source gives it."),
        Column("name_en", "string", "English name."),
        Column("name_fr", "string", "French name."),
        Column("pruid", "string", "Province or territory, Statistics Canada code; empty where it lies in several."),
        Column("province", "string", "Its two letters."),
        Column("province_en", "string", "Its English name."),
        Column("province_fr", "string", "Its French name."),
        Column("population", "integer", "Inhabitants, where the source gives them."),
        Column("land_area_km2", "number", "Land area in km2, where the source gives it.", "km2"),
        Column("area_km2", "number", "Area of the boundary as published, km2 on the GRS 80 ellipsoid.", "km2"),
        Column("lon", "number", "Longitude of a point on its surface, WGS 84 degrees.", "degree"),
        Column("lat", "number", "Latitude of that point, WGS 84 degrees.", "degree"),
        Column("vintage", "string", "Label of the edition."),
    ]


def share_columns() -> list[Column]:
    """Return the columns of the health regions that FSAs lie in."""
    return [
        Column("cfsauid", "string", "Code of the FSA: the first three characters of a postal code."),
        Column("hruid", "string", "Code of a health region that the FSA lies in; text, leading zeros kept."),
        Column("name_en", "string", "English name of the health region."),
        Column("name_fr", "string", "French name of the health region."),
        Column("share_of_fsa", "number", "Part of the FSA's area that lies in the health region, 0 to 1."),
        Column("share_of_region", "number", "Part of the health region's area that lies in the FSA, 0 to 1."),
        Column("area_km2", "number", "Area that the two share, km2 on the GRS 80 ellipsoid.", "km2"),
        Column("fsa_vintage", "string", "Label of the FSAs' edition."),
        Column("health_region_vintage", "string", "Label of the health regions' edition."),
    ]


def describe_codes(vintage: Vintage, csv_name: str, path: Path) -> None:
    """Write what describes the CSV file of a vintage's codes."""
    _describe([vintage], code_columns(vintage), [code_name(vintage.coverage.slug)], csv_name, path)


def describe_shares(fsa_vintage: Vintage, health_region_vintage: Vintage, csv_name: str, path: Path) -> None:
    """Write what describes the CSV file of shares: both editions have a source, a licence and an attribution."""
    _describe([fsa_vintage, health_region_vintage], share_columns(), ["cfsauid", "hruid"], csv_name, path)


def _describe(vintages: Sequence[Vintage], columns: Sequence[Column], key: list[str], csv_name: str, path: Path) -> None:
    messages = [vintage_metadata(vintage) for vintage in vintages]
    document = {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "url": csv_name,
        "dc:title": [
            {"@value": " – ".join(message["title"] for message in messages), "@language": "en"},
            {"@value": " – ".join(message["title_fr"] for message in messages), "@language": "fr"},
        ],
        "dc:license": _one_or_all([_licence(message) for message in messages]),
        "dc:rights": [
            {"@value": text, "@language": language}
            for language in ("en", "fr")
            for text in dict.fromkeys(message.get(f"attribution_{language}", "") for message in messages)
        ],
        "dc:source": _one_or_all([_source(message) for message in messages]),
        "dialect": {"encoding": "utf-8", "header": True},
        "tableSchema": {"columns": [_column(column) for column in columns], "primaryKey": _one_or_all(key)},
    }
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _source(details: dict[str, str]) -> dict[str, Any]:
    """Return whose file a vintage was read from, under which licence, and the checksum by which it is known again."""
    address = {"@id": details["source_url"]} if "source_url" in details else {}
    return address | {
        "dc:title": details.get("product") or details["title"],
        "dc:license": _licence(details),
        "dc:identifier": f"sha256:{details['source_sha256']}",
    }


def _licence(details: dict[str, str]) -> Any:
    return {"@id": details["licence_url"]} if "licence_url" in details else details.get("licence", "")


def _column(column: Column) -> dict[str, str]:
    described = {"name": column.name, "titles": column.name, "datatype": column.datatype, "dc:description": column.description}
    return described | ({"schema:unitText": column.unit} if column.unit else {})


def _one_or_all(values: list[Any]) -> Any:
    distinct = [value for at, value in enumerate(values) if value not in values[:at]]
    return distinct[0] if len(distinct) == 1 else distinct
