"""Make the two sample layers: about 1,600 FSAs and the health regions of 2022, approximate but in the official form.

Usage: python make_sample.py  (see README.md beside this file)
"""

import sys
import time

import numpy as np
import shapely

import cells
import inputs
import quality
from shapefile_zip import write_zip

TOLERANCE_M = 60.0
ISLAND_MIN_M2 = 3e6
PART_SHARE = 0.15

FSA_FIELDS = [("CFSAUID", "C", 3), ("DGUID", "C", 21), ("PRUID", "C", 2), ("PRNAME", "C", 55), ("LANDAREA", "N", 12, 4)]
REGION_FIELDS = [("HR_UID", "C", 4), ("DGUID", "C", 21), ("ENGNAME", "C", 80), ("FRENAME", "C", 80)]
PRNAMES = {
    "10": "Newfoundland and Labrador / Terre-Neuve-et-Labrador",
    "11": "Prince Edward Island / Île-du-Prince-Édouard",
    "12": "Nova Scotia / Nouvelle-Écosse",
    "13": "New Brunswick / Nouveau-Brunswick",
    "24": "Quebec / Québec",
    "35": "Ontario",
    "46": "Manitoba",
    "47": "Saskatchewan",
    "48": "Alberta",
    "59": "British Columbia / Colombie-Britannique",
    "60": "Yukon",
    "61": "Northwest Territories / Territoires du Nord-Ouest",
    "62": "Nunavut",
}


def build_fsas(fsa, xy, provinces, pruid_of):
    """Return ({fsa: polygon}, fsa, xy): FSAs that fill the provinces to the coast, and the points that made them."""
    fsa, xy = cells.clean_points(fsa, xy, provinces, pruid_of)
    pruid = np.array([pruid_of[code] for code in fsa])
    provinces = cells.add_shores(provinces, pruid, xy)
    lands, sites = cells.settle(provinces, pruid, fsa, xy)
    lines = [cells.borders(at, label, land) for (label, at), land in zip(sites, lands, strict=True)]
    polygons, area = cells.faces(lines, lands)
    fsas = cells.dissolve(polygons, cells.label_faces(polygons, area, sites))
    return cells.tidy(fsas, pruid_of.get, ISLAND_MIN_M2, PART_SHARE), fsa, xy


def build_units(fsas, fsa, xy, shares):
    """Return {(fsa, hruid): polygon}: a valid coverage on a 1 m grid, simplified, FSAs split as the facts say."""
    whole = {code: next(iter(shares[code])) for code in fsas if len(shares[code]) == 1}
    alone = np.isin(fsa, list(whole))
    town_region, town_xy = inputs.read_region_towns()
    seed_region = np.append([whole[code] for code in fsa[alone]], town_region)
    samples = cells.split_fsas(fsas, shares, seed_region, np.vstack([xy[alone], town_xy]))
    lines = [
        cells.borders(at, region, fsas[code], cells.sample_step(fsas[code])) for code, (region, at) in samples.items()
    ]
    polygons, area = cells.faces(lines, list(fsas.values()))
    sites = [samples[code] if code in samples else (np.array([whole[code]]), np.zeros((1, 2))) for code in fsas]
    region = cells.label_faces(polygons, area, sites)
    label = np.char.add(np.array([f"{code}/" for code in fsas])[area], region)
    units = cells.tidy(cells.dissolve(polygons, label), lambda name: name[:3], ISLAND_MIN_M2, PART_SHARE)
    simple = shapely.coverage_simplify(list(units.values()), TOLERANCE_M)
    return {tuple(name.split("/")): polygon for name, polygon in zip(units, simple, strict=True)}


def merge(units, position):
    """Return {code: union of the units that carry it}, where position picks FSA (0) or health region (1)."""
    return cells.dissolve(np.array(list(units.values())), np.array([key[position] for key in units]))


def write(fsas, regions, pruid_of):
    """Write the two zips beside this file; returns their paths."""
    facts = {row["hruid"]: row for row in inputs.read_regions()}
    fsa_rows = [
        (code, f"2021A0011{code}", pruid_of[code], PRNAMES[pruid_of[code]], quality.area_km2(polygon))
        for code, polygon in fsas.items()
    ]
    region_rows = [(code, facts[code]["dguid"], facts[code]["name_en"], facts[code]["name_fr"]) for code in regions]
    fsa_zip, region_zip = inputs.HERE / "fsa_sample.zip", inputs.HERE / "health_regions_sample.zip"
    write_zip(fsa_zip, "lfsa_sample", FSA_FIELDS, fsa_rows, list(fsas.values()), cpg=None)
    write_zip(region_zip, "HR_sample", REGION_FIELDS, region_rows, list(regions.values()), cpg="UTF-8")
    return [fsa_zip, region_zip]


def main():
    """Fetch, build, write, report."""
    start = time.monotonic()
    postal, provinces_package = inputs.fetch()
    fsa, xy = inputs.read_postal_points(postal)
    provinces = inputs.read_provinces(provinces_package)
    pruid_of, shares = inputs.read_fsa_shares()
    units = build_units(*build_fsas(fsa, xy, provinces, pruid_of), shares)
    fsas, regions = merge(units, 0), merge(units, 1)
    missing = (set(shares) - set(fsas)) | ({row["hruid"] for row in inputs.read_regions()} - set(regions))
    if missing:
        sys.exit(f"no polygon for {', '.join(sorted(missing))}")
    paths = write(fsas, regions, pruid_of)
    quality.report(fsas, regions, units, shares, fsa, xy, paths)
    print(f"made in {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
