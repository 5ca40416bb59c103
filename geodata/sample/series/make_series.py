"""Makes the embedded series from the publisher's files: regions as one coverage, places with populations, dated notes.

python make_series.py FOLDER, where FOLDER holds hr_wgs84.geojson.gz, hr.csv.gz, pt.csv.gz, can.csv.gz, values.json.gz and the two
embed_*_hr_daily_wide.csv.gz. The only change to the boundaries: overlaps of neighbours are given to one of them, so that they
are one coverage. Needs shapely.
"""

import csv
import gzip
import io
import json
import re
import shutil
import sys
import zipfile
from pathlib import Path

import shapely
from shapely.geometry import mapping, shape

HERE = Path(__file__).resolve().parent
DECIMALS = 7
YEARS = range(2019, 2024)
STAMP = (2024, 1, 1, 0, 0, 0)


def rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a gzipped CSV file."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def regions(folder: Path) -> None:
    """Write the reporting regions as a zip of one GeoJSON file."""
    with gzip.open(folder / "hr_wgs84.geojson.gz", "rt", encoding="utf-8") as file:
        features = json.load(file)["features"]
    shapes = [shapely.make_valid(shape(one["geometry"])) for one in features]
    shapes = list(shapely.coverage_clean(shapely.set_precision(shapes, 10**-DECIMALS)))
    out = []
    for feature, geometry in zip(features, shapes, strict=True):
        rounded = json.loads(json.dumps(mapping(geometry)), parse_float=lambda text: round(float(text), DECIMALS))
        names = {key: feature["properties"][key] for key in ("hruid", "name_canonical", "name_canonical_fr")}
        out.append({"type": "Feature", "properties": names, "geometry": rounded})
    text = json.dumps({"type": "FeatureCollection", "features": out}, ensure_ascii=False, separators=(",", ":"))
    with zipfile.ZipFile(HERE / "covid_reporting_regions.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(zipfile.ZipInfo("covid_reporting_regions.geojson", STAMP), text, zipfile.ZIP_DEFLATED)


def places(folder: Path) -> None:
    """Write names and populations of regions, provinces and the country."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["kind", "code", "pruid", "name_en", "name_fr", "other_names", *(f"pop_{year}" for year in YEARS)])
    names = ("name_short", "name_ccodwg", *(f"name_other_{number}" for number in range(1, 5)))
    for row in rows(folder / "hr.csv.gz"):
        others = dict.fromkeys(row[name] for name in names if row[name])
        people = [row[f"pop_{year}_07"] for year in YEARS]
        writer.writerow(
            ["region", row["hruid"], row["pruid"], row["name_canonical"].strip(), row["name_canonical_fr"].strip(), "|".join(others), *people]
        )
    for kind, name in (("province", "pt"), ("country", "can")):
        for row in rows(folder / f"{name}.csv.gz"):
            code = row["region"] if kind == "province" else "CA"
            pruid = row["pruid"] if kind == "province" else ""
            people = [row.get(f"pop_{year}_07", "") for year in YEARS]
            writer.writerow([kind, code, pruid, row["name_canonical"], row["name_canonical_fr"], row["name_ccodwg"], *people])
    (HERE / "places.csv").write_text(out.getvalue(), encoding="utf-8")


def notes(folder: Path) -> None:
    """Write the dated notes about cases and deaths."""
    with gzip.open(folder / "values.json.gz", "rt", encoding="utf-8") as file:
        values = json.load(file)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["indicator", "province", "from", "to", "text_en", "url"])
    for indicator in ("cases", "deaths"):
        for province, remarks in values[indicator]["data_notes"].items():
            for remark in remarks:
                address = re.match(r"https?://\S+", remark["source"])
                writer.writerow(
                    [
                        indicator,
                        "" if province == "can" else province.upper(),
                        remark["date_start"],
                        remark["date_end"],
                        remark["note"],
                        address.group() if address else "",
                    ]
                )
    (HERE / "notes.csv").write_text(out.getvalue(), encoding="utf-8")


if __name__ == "__main__":
    source = Path(sys.argv[1])
    regions(source)
    places(source)
    notes(source)
    for indicator in ("cases", "deaths"):
        shutil.copyfile(source / f"embed_{indicator}_hr_daily_wide.csv.gz", HERE / f"{indicator}_daily_wide.csv.gz")
    shutil.copyfile(source / "LICENSE.md", HERE / "LICENSE.md")
