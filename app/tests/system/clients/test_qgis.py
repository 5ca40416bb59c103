"""QGIS opens the views as layers, through its PostgreSQL provider."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from tests.system.clients.conftest import run_in_qgis

LAYERS = [
    (view, column)
    for view in ("health_regions", "health_regions_all", "fsa", "fsa_all", "regions", "regions_all")
    for column in ("geom", "geom_4326", "rep_point")
]


@pytest.fixture(scope="module")
def layers(database: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    results = run_in_qgis("qgis_layers.py", {"database": database, "layers": LAYERS}, tmp_path_factory.mktemp("qgis"))
    for result in results:
        print(result["view"], result["column"], result["seconds_to_open"], "s to open")  # noqa: T201 - shown with pytest -s
    return {(result["view"], result["column"]): result for result in results}


@pytest.mark.parametrize(("view", "column"), LAYERS)
def test_view_opens_as_qgis_layer(view: str, column: str, layers: dict[tuple[str, str], dict[str, Any]]) -> None:
    layer = layers[view, column]
    assert layer["valid"], layer["error"]
    assert layer["key"] == ["region_id"]
    assert layer["type"] == ("Point" if column == "rep_point" else "MultiPolygon")
    assert layer["crs"] == ("EPSG:3347" if column == "geom" else "EPSG:4326")
    assert layer["comment"].startswith("Stable integer key")
    assert 0 < layer["in_the_middle"] < layer["features"]


@pytest.mark.django_db
def test_qgis_layer_has_every_region(layers: dict[tuple[str, str], dict[str, Any]]) -> None:
    for view in ("health_regions", "fsa", "regions"):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM geo.{view}")
            assert cursor.fetchone() == (layers[view, "geom"]["features"],)


def test_geometry_columns_are_typed(run: Callable[..., str], database: dict[str, str]) -> None:
    # The first query of QGIS, ogr2ogr and other clients.
    from tests.support.roles import connected

    with connected("geo_reader") as cursor:
        cursor.execute("SELECT f_table_name, f_geometry_column, srid, type FROM geometry_columns WHERE f_table_schema = 'geo'")
        result = {(view, column): (srid, kind) for view, column, srid, kind in cursor}
    assert {result[view, "geom"] for view, _ in LAYERS} == {(3347, "MULTIPOLYGON")}
    assert {result[view, "geom_4326"] for view, _ in LAYERS} == {(4326, "MULTIPOLYGON")}
    assert 0 not in {srid for srid, _ in result.values()}
