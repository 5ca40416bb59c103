"""MemoryLocator and PostgisLocator compared on real boundaries: covering regions, nearby regions, distance to the border."""

import numpy as np
import pytest
from django.db import connection

from geography.coordinates import LonLat
from geography.lookup import grid, postgis, registry
from geography.lookup.types import SearchOptions
from geography.models import Vintage
from geography.projection import ProjectedPoint, ProjectedPoints, distance_m, scale
from loader.pipeline import Outcome

pytestmark = [pytest.mark.real, pytest.mark.django_db]

# Standard deviation in degrees around vertices: on a vertex, about 50 m away, tens of kilometres away (land or sea).
SPREADS = {"on a vertex": 0.0, "near a border": 0.0005, "anywhere": 0.5}


@pytest.fixture
def vintages(loaded: dict[str, Outcome]) -> dict[str, Vintage]:
    """Return a vintage with a small misfit (2015) and a vintage with a large misfit (2022)."""
    return {label: loaded[label].vintage for label in ("2015", "2022")}


def positions_about(vintage, spread, count):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_X(p.geom), ST_Y(p.geom) FROM region, LATERAL ST_DumpPoints(geom) AS d,"
            " LATERAL (SELECT ST_Transform(d.geom, 4326) AS geom) AS p"
            " WHERE vintage_id = %s AND abs(hashint8(ST_X(d.geom)::bigint)) %% 97 = 1 ORDER BY 1, 2",
            [vintage.pk],
        )
        vertices = np.array(cursor.fetchall())
    random = np.random.default_rng(2022)
    chosen = vertices[random.integers(0, len(vertices), count)] + random.normal(0, spread, (count, 2))
    return [LonLat(*item) for item in chosen.tolist()]


def agree(item, other, reach):
    """Return whether two results have the same regions at the same distances; regions beyond reach are not compared."""

    def details(result):
        end = result.other if result.near or (result.other and result.other[0] <= reach.nearest_m) else None
        return [*result.near, *([end] if end else [])]

    pairs = list(zip(details(item), details(other), strict=False))
    return len(details(item)) == len(details(other)) and all(a[1] == b[1] and abs(a[0] - b[0]) < 1e-6 for a, b in pairs)


@pytest.mark.parametrize("label", ["2015", "2022"])
@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("radius", [2.0, 35.0, 400.0])
def test_memory_and_postgis_agree_single_and_batch(vintages, settings, label, spread, radius):
    vintage = vintages[label]
    settings.LOOKUP_MEMORY_VERTICES = 10_000_000
    layer = registry.get_index(vintage) or registry.load(vintage)
    assert layer is not None
    positions = positions_about(vintage, SPREADS[spread], 200)
    reach = SearchOptions(radius, nearest_m=20_000.0, border=True)
    (tables,) = postgis.lookup_many(positions, [(vintage, reach)])
    batch = layer.lookup_many(ProjectedPoints(positions), reach)
    assert batch == [layer.lookup(ProjectedPoint(position), reach) for position in positions]
    assert not [pair for pair in zip(batch, tables, strict=True) if not agree(*pair, reach)]
    assert sum(bool(item.near) for item in batch) > 25
    assert any(item.other for item in batch)


@pytest.mark.parametrize("label", ["2015", "2022"])
@pytest.mark.parametrize("spread", [0.001, 0.01])
def test_batch_lookup_with_shared_grid_cells_agrees_with_single(vintages, settings, label, spread):
    settings.LOOKUP_MEMORY_VERTICES = 10_000_000
    layer = registry.get_index(vintages[label]) or registry.load(vintages[label])
    assert layer is not None
    random = np.random.default_rng(2015)
    middles = np.repeat(positions_about(vintages[label], 0.002, 30), 50, axis=0)
    positions = [LonLat(*item) for item in (middles + random.normal(0, spread, middles.shape)).tolist()]
    reach = SearchOptions(2.0, nearest_m=20_000.0, border=True)
    batch = layer.lookup_many(ProjectedPoints(positions), reach)
    assert batch == [layer.lookup(ProjectedPoint(position), reach) for position in positions]
    single_region = grid.single_region(ProjectedPoints(positions).xy, 2.2, layer._pieces)
    assert 20 < (single_region >= 0).sum() < len(positions)


def test_circle_shares_of_memory_and_postgis_agree(vintages, settings):
    settings.LOOKUP_MEMORY_VERTICES = 10_000_000
    for vintage in vintages.values():
        layer = registry.get_index(vintage) or registry.load(vintage)
        assert layer is not None
        for position in positions_about(vintage, 0.01, 60):
            for radius in (35.0, 2_000.0):
                memory = layer.circle_shares(position, radius)
                assert memory == pytest.approx(postgis.circle_shares(position, radius, vintage), abs=1e-6)


@pytest.mark.django_db
def test_projection_and_distance_agree_with_postgis():
    random = np.random.default_rng(7)
    for lon, lat in zip(random.uniform(-142, -52, 300).tolist(), random.uniform(41, 84, 300).tolist(), strict=True):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT ST_X(geom), ST_Y(geom), ST_Distance(p::geography, ST_MakePoint(%(lon)s + 0.1, %(lat)s)::geography)"
                " FROM (SELECT p, ST_Transform(p, 3347) AS geom"
                "       FROM (SELECT ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326) AS p) AS q) AS r",
                {"lon": lon, "lat": lat},
            )
            x, y, metres = cursor.fetchone()
        place = ProjectedPoint(LonLat(lon, lat))
        assert (place.x, place.y) == (x, y)
        assert distance_m(lon, lat, lon + 0.1, lat) == pytest.approx(metres, abs=1e-6)
        assert 0.96 < scale(place.position) < 1.08
