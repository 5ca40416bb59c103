"""How good the sample is: counts, validity, agreement with the facts and with real boundary files, if any."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pyogrio
import shapely
from pyproj import Geod, Transformer

SEED = 2022
SAMPLE_SIZE = 150_000
REAL = Path(os.environ.get("GEODATA_DIR", Path(__file__).parents[2] / ".." / "shared" / "geodata"))

_TO_DEGREES = Transformer.from_crs(3347, 4269, always_xy=True)
_ELLIPSOID = Geod(ellps="GRS80")


def area_km2(polygon):
    """Return the area on the ellipsoid, in square kilometres, of a polygon in EPSG:3347 metres."""
    degrees = shapely.transform(polygon, lambda xy: np.column_stack(_TO_DEGREES.transform(*xy.T)))
    area, _ = _ELLIPSOID.geometry_area_perimeter(shapely.orient_polygons(degrees))
    return round(area / 1e6, 4)


def lookup(polygons, codes, xy):
    """Return the code of the polygon that covers each point of an (n, 2) array, "" where none does."""
    found = np.full(len(xy), "", dtype="U4")
    part, owner = shapely.get_parts(polygons, return_index=True)
    inside, point = shapely.STRtree(shapely.points(xy)).query(part, predicate="covers")
    found[point[::-1]] = np.asarray(codes)[owner[inside[::-1]]]
    return found


def report(fsas, regions, units, shares, fsa, xy, paths):
    """Print the figures of the README; fsa and xy are all postal points, in EPSG:3347 metres."""
    for name, layer in (("FSAs", fsas), ("health regions", regions)):
        polygons = list(layer.values())
        print(
            f"{len(layer)} {name}: {shapely.get_num_coordinates(polygons).sum():,} vertices,",
            f"coverage valid {shapely.coverage_is_valid(polygons)}, invalid {(~shapely.is_valid(polygons)).sum()},",
            f"empty {shapely.is_empty(polygons).sum()}",
        )
    print("sizes:", ", ".join(f"{path.name} {path.stat().st_size:,} bytes" for path in paths))
    _report_splits(fsas, units, shares)

    chosen = np.random.default_rng(SEED).permutation(np.flatnonzero(np.isin(fsa, list(shares))))[:SAMPLE_SIZE]
    fsa, xy = fsa[chosen], xy[chosen]
    our_region = lookup(list(regions.values()), list(regions), xy)
    our_fsa = lookup(list(fsas.values()), list(fsas), xy)
    land = our_region != ""
    true = np.array([region in shares[code] for region, code in zip(our_region, fsa, strict=True)])
    print(
        f"{len(xy):,} postal points: {land.mean():.2%} on land; of these in a region of their FSA",
        f"{true[land].mean():.2%}, in their FSA {(our_fsa == fsa)[land].mean():.2%}",
    )
    for file, field, mine, layer in (
        ("health_regions_2022.zip", "HR_UID", our_region, regions),
        ("fsa_2011.zip", "CFSAUID", our_fsa, fsas),
    ):
        if (REAL / file).exists():
            _compare(REAL / file, field, mine, layer, xy)
        else:
            print(f"{file}: not at hand (GEODATA_DIR), not compared")


def _report_splits(fsas, units, shares):
    """Print how many FSAs are split, and how far the shares of their area are from the facts."""
    regions_of = Counter(code for code, _ in units)
    split = {code: of for code, of in shares.items() if len(of) > 1}
    print(
        f"FSAs in several regions: {sum(n > 1 for n in regions_of.values())}, in the facts {len(split)};",
        f"pieces {len(units)}, in the facts {sum(map(len, shares.values()))}",
    )
    nothing = shapely.Polygon()
    error = [
        abs(units.get((code, region), nothing).area / fsas[code].area - share)
        for code, of in split.items()
        for region, share in of.items()
    ]
    print(f"error of their shares: median {np.median(error):.3f}, 95th percentile {np.quantile(error, 0.95):.3f}")


def _compare(path, field, mine, layer, xy):
    """Print how often a real boundary file gives the same code, for postal points and for points spread evenly."""
    _, _, wkb, (codes,) = pyogrio.raw.read(path, columns=[field])
    polygons = shapely.make_valid(shapely.from_wkb(wkb))
    real = lookup(polygons, codes, xy)
    west, south, east, north = shapely.total_bounds(polygons)
    even = np.random.default_rng(SEED).uniform((west, south), (east, north), (SAMPLE_SIZE, 2))
    even_real, even_mine = lookup(polygons, codes, even), lookup(list(layer.values()), list(layer), even)
    both, even_both = (real != "") & (mine != ""), (even_real != "") & (even_mine != "")
    print(
        f"{path.name}: same code for {(real == mine)[both].mean():.2%} of the postal points",
        f"and {(even_real == even_mine)[even_both].mean():.2%} of the area (where both have one)",
    )
