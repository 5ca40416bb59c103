"""Writer of offline packs: the promised deviation holds by brute force, bytes are reproducible, files stay small."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from covidtrends_geo.pack import PackRegion, deviation_m, write_pack
from tests.support import packs

# Within EPSG:3347's extent of Canada.
MIDDLE = (7_200_000.0, 1_300_000.0)


def coast(seed: int, vertices: int, radius: float, roughness: float, middle: tuple[float, float] = MIDDLE) -> shapely.Polygon:
    """Return a star-shaped polygon whose radius changes at random from vertex to vertex."""
    random = np.random.default_rng(seed)
    turn = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    wave = sum(random.normal() / wave * np.sin(wave * turn + random.uniform(0, 6)) for wave in range(2, 40))
    away = radius * (1 + 0.1 * wave + roughness * random.normal(size=vertices).clip(-3, 3))
    return shapely.Polygon(np.column_stack([middle[0] + away * np.cos(turn), middle[1] + away * np.sin(turn)]))


def islands() -> shapely.MultiPolygon:
    """Return a polygon with holes, of which some are smaller than a step, and islands, of which one is inside a hole."""
    lake = coast(7, 300, 4_000, 0.001)
    land = coast(6, 2_000, 20_000, 0.0005).difference(lake)
    specks = [
        shapely.box(x, y, x + 1.3, y + 0.7) for x, y in np.add(MIDDLE, np.array([[30_000, 0], [0.4, 0.2], [31_000.9, 7]]))
    ]
    ponds = [shapely.box(x, y, x + 0.6, y + 0.6) for x, y in np.add(MIDDLE, [[9_000, 0], [-10_000, 400]])]
    whole = shapely.union_all([land.difference(shapely.union_all(ponds)), *specks])
    return shapely.MultiPolygon(list(shapely.get_parts(whole)))


SHAPES = {
    "few vertices": coast(1, 400, 3_000, 0.01),
    "many vertices": coast(2, 20_000, 60_000, 0.0005),
    "a long coast": coast(3, 400_000, 900_000, 0.000005, (5_000_000.0, 3_000_000.0)),
    "holes and islands": islands(),
    "parts that touch where one ends and the next begins": shapely.MultiPolygon(
        [shapely.Polygon(np.add(MIDDLE, [(0, 0), (x, 0), (0, x)])) for x in (900, -900)]
    ),
    "a needle": shapely.box(*MIDDLE, MIDDLE[0] + 90_000, MIDDLE[1] + 0.9),
    "smaller than a step": shapely.box(*MIDDLE, MIDDLE[0] + 0.5, MIDDLE[1] + 0.5),
}


def region(shape: shapely.Geometry, code: str = "3595", **others: Any) -> PackRegion:
    values: dict[str, Any] = {"name_en": "Somewhere", "name_fr": "Où l'œuvre naît", "pruid": "35", "misfit_m": 0.0}
    return PackRegion(code, wkb=shapely.to_wkb(shape), **(values | others))


def written(folder: Path, *regions: PackRegion, **metadata: str) -> Path:
    path = folder / "some.pack"
    write_pack(path, regions, metadata)
    return path


def inside(rings: list[Any], points: Any) -> Any:
    """Return whether each point is inside an odd number of rings."""
    polygons = [shapely.Polygon(ring) for ring in rings if len(ring) > 2]
    odd = np.zeros(len(points), dtype=bool)
    for start, end in ((ring, np.roll(ring, -1, axis=0)) for ring in (np.array(p.exterior.coords[:-1]) for p in polygons)):
        for (ax, ay), (bx, by) in zip(start, end, strict=True):
            if ay != by:
                crosses = (ay <= points[:, 1]) != (by <= points[:, 1])
                odd ^= crosses & (ax + (points[:, 1] - ay) / (by - ay) * (bx - ax) > points[:, 0])
    return odd


def lines(rings: list[Any]) -> shapely.Geometry:
    """Return the closed rings of an outline; a ring of a single vertex is a point."""
    return shapely.GeometryCollection(
        [shapely.LineString([*ring, ring[0]]) if len(np.unique(ring, axis=0)) > 1 else shapely.Point(ring[0]) for ring in rings]
    )


@pytest.mark.parametrize("name", SHAPES)
def test_points_beyond_the_deviation_are_on_the_side_of_the_published_boundary(name: str, tmp_path: Path) -> None:
    shape = SHAPES[name]
    assert shape.is_valid
    header, (rings,) = packs.decode(written(tmp_path, region(shape)))
    (about,) = header["regions"]
    border = lines(rings)
    shapely.prepare(border)
    random = np.random.default_rng(3347)
    # Around vertices, where simplification moves the line most, from inside the deviation to ten times as far.
    vertices = shapely.get_coordinates(shape)
    chosen = vertices[random.integers(0, len(vertices), 3_000)]
    away = random.choice([0.3, 1, 1.01, 1.5, 3, 10], len(chosen)) * about["deviation_m"]
    turn = random.uniform(0, 2 * np.pi, len(chosen))
    points = chosen + np.column_stack([away * np.cos(turn), away * np.sin(turn)])
    west, south, east, north = shape.bounds
    points = np.concatenate([points, np.column_stack([random.uniform(west, east, 2_000), random.uniform(south, north, 2_000)])])
    distance = shapely.distance(border, shapely.points(points))
    beyond = points[distance > about["deviation_m"]]
    assert len(beyond) > 1_000
    shapely.prepare(shape)
    published = shapely.intersects(shape, shapely.points(beyond))
    assert (inside(rings, beyond) == published).all()


@pytest.mark.parametrize("name", SHAPES)
def test_no_part_of_the_published_boundary_is_farther_from_the_outline_than_the_deviation(name: str, tmp_path: Path) -> None:
    shape = SHAPES[name]
    header, (rings,) = packs.decode(written(tmp_path, region(shape)))
    border = lines(rings)
    shapely.prepare(border)
    dense = shapely.get_coordinates(shapely.segmentize(shape.boundary, 500.0))
    (about,) = header["regions"]
    farthest = shapely.distance(border, shapely.points(dense[:: max(1, len(dense) // 50_000)])).max()
    assert farthest <= about["deviation_m"]
    assert about["deviation_m"] == deviation_m(about["step_m"]) == pytest.approx(about["step_m"] * 1.7071, abs=0.003)


def test_a_long_coast_gets_a_coarser_step_and_a_plain_region_the_finest(tmp_path: Path) -> None:
    header, outlines = packs.decode(written(tmp_path, region(SHAPES["few vertices"], "1"), region(SHAPES["a long coast"], "2")))
    plain, long = header["regions"]
    assert plain["step_m"] == 2
    assert long["step_m"] > 8
    assert sum(map(len, outlines[1])) < shapely.get_num_coordinates(SHAPES["a long coast"]) / 10


def test_header_has_metadata_names_and_rounded_up_misfits(tmp_path: Path) -> None:
    regions = region(SHAPES["few vertices"], misfit_m=12.345, pruid=None), region(SHAPES["a needle"], "X0A")
    header, outlines = packs.decode(written(tmp_path, *regions, vintage="2022", licence="Open", attribution_fr="Adapté"))
    assert header["metadata"] == {"vintage": "2022", "licence": "Open", "attribution_fr": "Adapté"}
    assert header["crs"] == "EPSG:3347"
    first, second = header["regions"]
    assert (first["code"], first["name_fr"], first["pruid"], first["misfit_m"]) == ("3595", "Où l'œuvre naît", None, 12.4)
    assert (second["code"], second["misfit_m"]) == ("X0A", 0)
    assert len(outlines) == 2


def test_same_regions_give_same_bytes(tmp_path: Path) -> None:
    first, second = (written(tmp_path, region(SHAPES["holes and islands"]), vintage="2022").read_bytes() for _ in range(2))
    assert first == second
    # gzip without a time.
    assert first[8 + 4 : 8 + 8] == b"\0\0\0\0"


def test_a_geometry_without_polygons_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="region 3595 has no polygon"):
        written(tmp_path, region(shapely.MultiPolygon()))
    assert not (tmp_path / "some.pack").exists()


def test_deviation_is_rounded_up_to_a_millimetre() -> None:
    for step in (2, 4, 8, 16, 32):
        exact = step + math.hypot(step / 2, step / 2)
        assert 0.001 <= deviation_m(step) - exact < 0.003
