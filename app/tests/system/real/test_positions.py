"""IndexLocator and PostgisLocator compared on real boundaries: covering regions, nearby regions, distance to the border."""

from collections.abc import Sequence

import numpy as np
import pytest
from django.db import connection

from covidtrends_geo.projection import distance_m, scale, to_lambert
from geography.coordinates import LonLat
from geography.lookup import registry
from geography.lookup.index import IndexLocator
from geography.lookup.postgis import PostgisLocator
from geography.lookup.types import Located, Search
from geography.models import Vintage
from loader.pipeline import Outcome

pytestmark = [pytest.mark.real, pytest.mark.django_db]

# Standard deviation in degrees around vertices: on a vertex, about 50 m away, tens of kilometres away (land or sea).
SPREADS = {"on a vertex": 0.0, "near a border": 0.0005, "anywhere": 0.5}


@pytest.fixture
def vintages(loaded: dict[str, Outcome]) -> dict[str, Vintage]:
    """Return a vintage with a small misfit (2015), a vintage with a large misfit (2022), and FSAs."""
    return {label: loaded[label].vintage for label in ("2015", "2022", "2011")}


def index_of(vintage: Vintage) -> IndexLocator:
    index = registry.get_index(vintage)
    assert index is not None
    return index


def positions_about(vintage: Vintage, spread: float, count: int) -> list[LonLat]:
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


def differing(results: Sequence[Located], others: Sequence[Located]) -> list[tuple[Located, Located]]:
    """Return the pairs of results that are not the same; distances may differ by a micrometre."""

    def same(result: Located, other: Located) -> bool:
        distances = [(result.distance_m, other.distance_m), (result.distance_to_border_m, other.distance_to_border_m)]
        if any((mine is None) != (theirs is None) for mine, theirs in distances):
            return False
        near = all(abs(mine - theirs) < 1e-6 for mine, theirs in distances if mine is not None and theirs is not None)
        plain = result._replace(distance_m=other.distance_m, distance_to_border_m=other.distance_to_border_m)
        return near and plain == other

    return [pair for pair in zip(results, others, strict=True) if not same(*pair)]


@pytest.mark.parametrize("label", ["2015", "2022", "2011"])
@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("radius", [2.0, 35.0, 400.0])
def test_index_and_postgis_agree_single_and_batch(vintages, label, spread, radius):
    vintage = vintages[label]
    positions = positions_about(vintage, SPREADS[spread], 200)
    search = Search(radius, nearest_m=20_000.0, border=label != "2011")
    batch = index_of(vintage).locate(positions, search)
    assert not differing(batch, [result for position in positions for result in index_of(vintage).locate([position], search)])
    assert not differing(batch, PostgisLocator(vintage).locate(positions, search))
    assert sum(bool(item.near) for item in batch) > 25
    assert any(item.neighbour for item in batch) == search.border


@pytest.mark.parametrize("label", ["2015", "2022"])
def test_batch_around_towns_agrees_with_single(vintages, label):
    random = np.random.default_rng(2015)
    middles = np.repeat(positions_about(vintages[label], 0.002, 30), 50, axis=0)
    positions = [LonLat(*item) for item in (middles + random.normal(0, 0.01, middles.shape)).tolist()]
    search, index = Search(2.0, nearest_m=20_000.0, border=True), index_of(vintages[label])
    assert not differing(index.locate(positions, search), [index.locate([position], search)[0] for position in positions])


def test_circle_shares_of_index_and_postgis_agree(vintages):
    for vintage in vintages.values():
        for position in positions_about(vintage, 0.01, 60):
            for radius in (35.0, 2_000.0):
                shares = index_of(vintage).circle_shares(position, radius)
                assert shares == pytest.approx(PostgisLocator(vintage).circle_shares(position, radius), abs=1e-6)


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
        assert to_lambert(lon, lat) == (x, y)
        assert distance_m(lon, lat, lon + 0.1, lat) == pytest.approx(metres, abs=1e-6)
        assert 0.96 < scale(lon, lat, x, y) < 1.08
