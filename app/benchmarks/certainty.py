"""Share of `certain` answers that are wrong, near provincial borders and for positions with an accuracy.

    cd app && python benchmarks/certainty.py [--points 20000] [--fsa LABEL] [LABEL ...]

Needs published vintages of both coverages. A LABEL selects a health-region vintage; by default, all except extracts.

Borders: random positions within 2 km of a provincial border. An answer is contradictory if the health region and the FSA that
cover the position are in different provinces. The benchmark compares a margin of 2 m (`plain`), the margin of the vintage's
misfit (`misfit`), and the answer of /locate (`locate`), which also uses the FSA's province.

Accuracy: true positions within 500 m of a border of health regions, and the positions that a device reports. The error is
normally distributed in both directions, and within the accuracy in 95 of 100 cases. An answer is wrong if it is certain and its
region is not the region of the true position. The benchmark compares a radius of 1 and 1.5 times the accuracy, plus the misfit.
"""

import argparse
import copy
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely

APP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(APP))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.db import connection

from covidtrends_geo.constants import ACCURACY_FACTOR
from covidtrends_geo.projection import to_degrees
from geography.coordinates import LonLat
from geography.lookup.locate import points_locate, provinces_differ
from geography.lookup.types import Located
from geography.models import Vintage
from geography.vintages.resolve import published_vintages, vintage_in_force

Points = npt.NDArray[np.float64]
_BORDER_M, _NEAR_M = 2_000, 500
# Standard deviations that contain 95 of 100 errors with a normal distribution in two dimensions.
_DEVIATIONS_95 = 2.4477
_ACCURACIES = (10, 30, 100, 300)


def boundaries(vintage: Vintage, by: str) -> dict[str, shapely.Geometry]:
    """Return the boundaries of a vintage's regions, or of their unions by a column, EPSG:3347."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {by}, ST_AsBinary(geom) FROM region WHERE vintage_id = %s", [vintage.pk])
        rows = [(key, shapely.from_wkb(bytes(wkb))) for key, wkb in cursor]
    keys = sorted({key for key, _ in rows})
    return {key: shapely.union_all([shape for name, shape in rows if name == key]) for key in keys}


def near_borders(shapes: dict[str, shapely.Geometry], count: int, within_m: float, chance: np.random.Generator) -> Points:
    """Return random positions (EPSG:3347) within a distance, metres, of the common borders of the shapes."""
    polygons = np.array(list(shapes.values()), dtype=object)
    coordinates, ring_of = shapely.get_coordinates(shapely.get_rings(polygons), return_index=True)
    polygon_of = shapely.get_rings(polygons, return_index=True)[1]
    inside = np.flatnonzero(np.diff(ring_of) == 0)
    lengths = np.hypot(*(coordinates[inside + 1] - coordinates[inside]).T)
    tree = shapely.STRtree(polygons)
    picked: list[Points] = []
    while sum(map(len, picked)) < count:
        edges = inside[chance.choice(len(inside), size=count * 2, p=lengths / lengths.sum())]
        xy = coordinates[edges] + (coordinates[edges + 1] - coordinates[edges]) * chance.random((len(edges), 1))
        point_of, neighbour_of = tree.query(shapely.points(xy), predicate="dwithin", distance=within_m / 2)
        on_border = np.unique(point_of[neighbour_of != polygon_of[ring_of[edges]][point_of]])
        angle, distance = chance.uniform(0, 2 * np.pi, len(on_border)), within_m * np.sqrt(chance.random(len(on_border)))
        offset = np.column_stack((np.cos(angle), np.sin(angle))) * distance[:, None]
        picked.append(xy[on_border] + offset)
    positions: Points = np.concatenate(picked)
    return positions[chance.permutation(len(positions))[:count]]


def positions_of(xy: Points) -> list[LonLat]:
    """Return positions in degrees."""
    lon, lat = to_degrees(*xy.T)
    return [LonLat(*pair) for pair in zip(lon.tolist(), lat.tolist(), strict=True)]


def without_misfit(vintage: Vintage) -> Vintage:
    """Return a copy of a vintage with a misfit of zero."""
    plain = copy.copy(vintage)
    plain.misfit_m = 0.0
    return plain


def contradictions(vintage: Vintage, fsa: Vintage, xy: Points) -> None:
    """Print the number of certain answers near provincial borders that contradict the FSA's province."""
    positions = positions_of(xy)
    answers: dict[str, list[tuple[Located, ...]]] = {
        "plain": points_locate(positions=positions, vintages=[without_misfit(vintage), fsa], borders=[True, False]),
        "misfit": points_locate(positions=positions, vintages=[vintage, fsa], borders=[True, False]),
    }
    answers["locate"] = [
        (region._replace(certain=region.certain and not provinces_differ(region, of_fsa)), of_fsa)
        for region, of_fsa in answers["misfit"]
    ]
    before = sum(region.certain for region, _ in answers["plain"] if region.match == "covers")
    for name, located in answers.items():
        covered = [pair for pair in located if pair[0].match == "covers"]
        certain = [pair for pair in covered if pair[0].certain]
        wrong = sum(pair[1].match == "covers" and provinces_differ(*pair) for pair in certain)
        lost = 1 - len(certain) / before
        print(
            f"  {name:8} {len(covered):7,} covered {len(certain):7,} certain ({lost:6.2%} lost it)"
            f" {wrong:6,} contradict ({wrong / max(len(certain), 1):.3%})"
        )


def wrong_with_accuracy(vintage: Vintage, xy: Points, chance: np.random.Generator) -> None:
    """Print the number of certain answers whose region is not the region of the true position."""
    true_regions = [located.region for (located,) in points_locate(positions=positions_of(xy), vintages=[vintage])]
    for factor in (1.0, ACCURACY_FACTOR):
        wrong = certain = 0
        for accuracy in _ACCURACIES:
            reported = positions_of(xy + chance.normal(0, accuracy / _DEVIATIONS_95, xy.shape))
            accuracy_m = accuracy * factor / ACCURACY_FACTOR
            answers = points_locate(positions=reported, vintages=[vintage], accuracy_m=accuracy_m)
            certain_pairs = [
                (located.region, true_region)
                for (located,), true_region in zip(answers, true_regions, strict=True)
                if located.certain and located.region
            ]
            certain += len(certain_pairs)
            wrong += sum(true_region is None or region.code != true_region.code for region, true_region in certain_pairs)
        rate = 10_000 * wrong / max(certain, 1)
        print(f"  radius of {factor:g} times the accuracy: {certain:9,} certain, {wrong:5,} wrong: {rate:.2f} of 10,000")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", nargs="*")
    parser.add_argument("--fsa")
    parser.add_argument("--points", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=3347)
    options = parser.parse_args(arguments)
    fsa = vintage_in_force(coverage="fsa", label=options.fsa)
    complete = [vintage for vintage in published_vintages(coverage="health-regions") if not vintage.extract]
    selected = [vintage for vintage in complete if not options.labels or vintage.label in options.labels]
    for vintage in selected:
        chance = np.random.default_rng(options.seed)
        print(f"{vintage}, {fsa}: misfit up to {vintage.misfit_m or 0:.0f} m; {options.points:,} points, seed {options.seed}")
        print(f" within {_BORDER_M} m of provincial borders")
        contradictions(vintage, fsa, near_borders(boundaries(vintage, "pruid"), options.points, _BORDER_M, chance))
        print(f" within {_NEAR_M} m of borders of health regions, accuracies of {', '.join(map(str, _ACCURACIES))} m")
        wrong_with_accuracy(vintage, near_borders(boundaries(vintage, "code"), options.points, _NEAR_M, chance), chance)


if __name__ == "__main__":
    main()
