"""Text exports: GeoJSON at a level, CSV of codes and names, CSV of shares."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from geography.codes import PROVINCE_BY_PRUID
from geography.download_formats import code_name
from geography.models import Vintage
from loader.export import rows
from loader.export.columns import code_columns, share_columns
from loader.export.metadata import vintage_metadata
from loader.export.rows import Attributes

_DEGREE_DECIMALS = 6
# Cells of CSV that hold one of these characters are quoted (RFC 4180).
_QUOTED = re.compile(r'[",\r\n]')


def write_geojson(vintage: Vintage, level: str, path: Path) -> None:
    """Write a FeatureCollection (RFC 7946) from stored geometry text, with the metadata as foreign members."""
    code_property = code_name(vintage.coverage.slug)
    members = orjson.dumps({"type": "FeatureCollection", **vintage_metadata(vintage), "detail": level}).removesuffix(b"}")
    with path.open("wb") as target:
        target.write(members + b',"features":[')
        for number, row in enumerate(rows.level_rows(vintage, level)):
            feature = {
                "type": "Feature",
                "id": row.attributes.code,
                "bbox": [round(side, _DEGREE_DECIMALS) for side in row.bbox],
                "properties": {code_property: row.attributes.code} | _properties(row.attributes, vintage),
                "geometry": orjson.Fragment(row.geojson),
            }
            target.write((b",\n" if number else b"\n") + orjson.dumps(feature))
        target.write(b"\n]}\n")


def _properties(attributes: Attributes, vintage: Vintage) -> dict[str, Any]:
    properties = attributes._asdict()
    del properties["code"]
    return properties | {"vintage": vintage.label}


def write_codes(vintage: Vintage, path: Path) -> None:
    """Write a CSV file (RFC 4180, UTF-8) of codes, names, provinces and a point on the surface of each region."""

    def table() -> Iterable[Sequence[Any]]:
        for row in rows.code_rows(vintage):
            region = row.attributes
            province = PROVINCE_BY_PRUID.get(region.pruid or "")
            yield (
                *(region.code, region.dguid, region.name_en, region.name_fr, region.pruid),
                *((province.abbreviation, province.name_en, province.name_fr) if province else ("", "", "")),
                *(region.population, region.land_area_km2, round(region.area_km2, 6)),
                *(round(row.lon, _DEGREE_DECIMALS), round(row.lat, _DEGREE_DECIMALS), vintage.label),
            )

    write_table(path, [column.name for column in code_columns(vintage)], table())


def write_shares(fsa_vintage: Vintage, health_region_vintage: Vintage, path: Path) -> None:
    """Write a CSV file of the health regions that each FSA lies in, with shares of area."""
    labels = {"fsa_vintage": fsa_vintage.label, "health_region_vintage": health_region_vintage.label}
    names = [column.name for column in share_columns()]
    decimals = {"share_of_fsa": 6, "share_of_region": 9, "area_km2": 6}
    shares = (row._asdict() | labels for row in rows.share_rows(fsa_vintage, health_region_vintage))
    write_table(path, names, ([_rounded(row[name], decimals.get(name)) for name in names] for row in shares))


def write_table(path: Path, header: Sequence[str], table: Iterable[Sequence[Any]]) -> None:
    """Write a CSV file (RFC 4180, UTF-8 without a byte order mark); None is an empty cell."""
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(header)
        writer.writerows(table)


def write_columns(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write a CSV file as `write_table` does, from columns in which most cells repeat: each distinct cell is formatted once."""
    path.write_bytes(columns_text(columns))


def columns_text(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Return the content of the file that `write_columns` writes."""
    cells = [_formatted(column) for column in columns.values()]
    return "\r\n".join([",".join(columns), *map(",".join, zip(*cells, strict=True)), ""]).encode()


def _formatted(column: Sequence[Any]) -> list[str]:
    text = {cell: "" if cell is None else str(cell) for cell in set(column)}
    text |= {cell: f'"{plain.replace(chr(34), chr(34) * 2)}"' for cell, plain in text.items() if _QUOTED.search(plain)}
    return [text[cell] for cell in column]


def _rounded(value: Any, decimals: int | None) -> Any:
    return value if decimals is None else round(value, decimals)
