"""Vector tiles of a loaded layer: no gaps, overlaps or seams at any zoom, no region lost; labels."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from django.db import connection
from shapely.geometry import shape

from geography.constants import TILE_BANDS, TILE_BUFFER, TILE_EXTENT
from geography.coordinates import TileAddress
from geography.models import Region, TileLabel, TilePiece, Vintage
from geography.queries.tiles import tile_draw
from loader.publication import publish
from tests.loader.test_levels import rough
from tests.support import boundary_files as files

Load = Callable[..., Any]
CODES = [f"46{index:02d}" for index in range(1, 13)]


@pytest.fixture
def loaded(load: Load, tmp_path: Path) -> Vintage:
    vintage: Vintage = load(files.shape(tmp_path, rough(1))).vintage
    return vintage


def tiles_around(vintage: Vintage, zoom: int) -> list[tuple[int, int]]:
    """Return column and row of every tile that intersects the extent of the vintage."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(extent[1]), min(extent[2]), max(extent[3]), max(extent[4]) FROM region WHERE vintage_id = %s",
            [vintage.pk],
        )
        west, south, east, north = cursor.fetchone()

    def down(lat: float) -> int:
        return int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**zoom)

    columns = range(int((west + 180) / 360 * 2**zoom), int((east + 180) / 360 * 2**zoom) + 1)
    return [(column, row) for column in columns for row in range(down(north), down(south) + 1)]


def decoded(vintage: Vintage, zoom: int, column: int, row: int, layer: str = "regions") -> dict[str, shapely.Geometry]:
    """Return the geometries of a layer of a tile by code, in units of the tile."""
    content = tile_draw(vintage=vintage, address=TileAddress(zoom, column, row))
    tile = mapbox_vector_tile.decode(content, default_options={"y_coord_down": True}) if content else {}
    return {
        feature["properties"]["code"]: shape(feature["geometry"]) for feature in tile.get(layer, {"features": []})["features"]
    }


def slivers(geometries: list[shapely.Geometry]) -> tuple[float, float]:
    """Return the areas of overlaps and of holes, in square units of the tile."""
    union = shapely.union_all(geometries)
    holes = [shapely.Polygon(ring) for part in shapely.get_parts(union) for ring in part.interiors]
    return sum(geometry.area for geometry in geometries) - union.area, sum(hole.area for hole in holes)


@pytest.mark.parametrize("zoom", [0, 3, 4, 5, 6, 7, 8, 9])
def test_neighbours_meet_at_every_zoom(loaded: Vintage, zoom: int) -> None:
    seen: set[str] = set()
    for column, row in tiles_around(loaded, zoom):
        drawn = decoded(loaded, zoom, column, row)
        seen |= drawn.keys()
        assert all(item.is_valid for item in drawn.values())
        around = shapely.length(list(drawn.values())).sum()
        overlaps, holes = slivers(list(drawn.values()))
        # A unit is an eighth of a pixel: half a unit along every border is invisible.
        assert overlaps <= around / 4
        assert holes <= around / 4
    assert sorted(seen) == CODES


@pytest.mark.parametrize("zoom", [5, 6, 7, 8, 9])
def test_adjacent_tiles_agree_along_common_edge(loaded: Vintage, zoom: int) -> None:
    tiles = tiles_around(loaded, zoom)
    compared = 0
    for column, row in tiles:
        if (column + 1, row) not in tiles:
            continue
        here, there = decoded(loaded, zoom, column, row), decoded(loaded, zoom, column + 1, row)
        strip = shapely.box(TILE_EXTENT - TILE_BUFFER, 0, TILE_EXTENT + TILE_BUFFER, TILE_EXTENT)
        nothing = shapely.Polygon()
        for code in here.keys() | there.keys():
            moved = shapely.transform(there.get(code, nothing), lambda xy: xy + np.array([TILE_EXTENT, 0]))
            item, other = shapely.intersection(here.get(code, nothing), strip), shapely.intersection(moved, strip)
            assert shapely.symmetric_difference(item, other).area <= 4 + shapely.length(item) / 2, (code, column, row)
            compared += 1
    assert compared


def test_every_zoom_band_contains_every_region(loaded: Vintage) -> None:
    for band in TILE_BANDS:
        pieces = TilePiece.objects.filter(vintage=loaded, zoom=band.zoom)
        assert sorted(set(pieces.values_list("region__code", flat=True))) == CODES
        for region in Region.objects.all():
            level = region.levels.get(level=band.level or "low")
            whole = shapely.from_wkb(bytes(level.geom.transform(3857, clone=True).wkb))
            cut = shapely.union_all([shapely.from_wkb(bytes(row.geom.wkb)) for row in pieces.filter(region=region)])
            limit = 1.0 if band.level else whole.length * band.tolerance_m
            assert shapely.symmetric_difference(cut, whole).area < limit


def test_large_region_is_stored_in_pieces(loaded: Vintage) -> None:
    deepest = TILE_BANDS[-1]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(ST_NPoints(geom)), max(ST_XMax(geom) - ST_XMin(geom)) FROM tile_piece WHERE zoom = %s", [deepest.zoom]
        )
        vertices, width = cursor.fetchone()
    largest = max(region.levels.get(level="full").vertices for region in Region.objects.all())
    assert vertices < largest / 3
    assert width <= 2 * math.pi * 6_378_137 / 2**deepest.cell_zoom * (1 + 4 * TILE_BUFFER / TILE_EXTENT) + 1


def test_labels_are_inside_regions_far_from_borders(loaded: Vintage) -> None:
    assert TileLabel.objects.count() == 12
    for label in TileLabel.objects.select_related("region"):
        inside = label.geom.transform(3347, clone=True)
        assert label.region.geom.covers(inside)
        published = shapely.from_wkb(bytes(label.region.geom.wkb))
        farthest = shapely.length(shapely.maximum_inscribed_circle(published))
        assert shapely.distance(published.boundary, shapely.from_wkb(bytes(inside.wkb))) > 0.97 * farthest


def test_label_is_in_largest_part(load: Load, tmp_path: Path) -> None:
    rows = [files.region("4601", files.cell(0), files.box(300_000, 0, 400_000, 100_000))]
    load(files.shape(tmp_path, rows))
    label = shapely.from_wkb(bytes(TileLabel.objects.get().geom.transform(3347, clone=True).wkb))
    assert np.allclose(shapely.get_coordinates(label), (files.EAST + 350_000, files.NORTH + 50_000), atol=300)


def test_delete_of_vintage_deletes_its_tiles(loaded: Vintage) -> None:
    publish.delete(loaded)
    assert not TilePiece.objects.exists()
    assert not TileLabel.objects.exists()
