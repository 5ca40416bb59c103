"""GDAL's driver OAPIF, of the GDAL that this project brings, pulls every collection in every CRS."""

import pytest
from pyogrio import __gdal_version__

from tests.support.oapif import STORED, assert_same, read_layer

pytestmark = pytest.mark.django_db
COLLECTIONS = ("health-regions", "fsa", "covid-reporting-regions")


@pytest.mark.parametrize("crs", STORED)
@pytest.mark.parametrize("collection", COLLECTIONS)
def test_collection_has_the_stored_geometry(service: str, collection: str, crs: str) -> None:
    layer = read_layer(service, collection, CRS=crs)
    assert_same(layer["regions"], collection, crs)
    # GDAL takes EPSG:4326 for CRS84, which comes first in the list.
    assert layer["crs"] == crs if crs in ("EPSG:3857", "EPSG:3347") else "CRS84" in layer["crs"]
    assert layer["type"] == "MultiPolygon"


def test_storage_crs_is_the_default(service: str) -> None:
    assert read_layer(service, "health-regions")["crs"] == "EPSG:3347"


def test_gdal_is_recent_enough_to_ask_for_a_crs() -> None:
    assert __gdal_version__ >= (3, 7)


@pytest.mark.parametrize("page_size", [7, 50])
def test_pages_are_followed(service: str, page_size: int) -> None:
    layer = read_layer(service, "health-regions", PAGE_SIZE=page_size)
    assert_same(layer["regions"], "health-regions", "EPSG:3347")


def test_fields_have_types(service: str) -> None:
    layer = read_layer(service, "health-regions")
    assert {"id", "code", "name_en", "name_fr", "pruid", "province", "vintage", "valid_from"} <= set(layer["fields"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"where": "code = '3595'"}, ["3595"]),
        ({"where": "province = 'NS'"}, ["1201", "1202", "1203", "1204"]),
        ({"bbox": [7_202_000, 920_000, 7_240_000, 930_000]}, ["3595"]),
        ({"bbox": [-79.5, 43.6, -79.3, 43.7], "CRS": "OGC:CRS84"}, ["3595"]),
        ({"bbox": [-79.5, 43.6, -79.3, 43.7], "CRS": "EPSG:4326"}, ["3595"]),
    ],
    ids=str,
)
def test_filters(service: str, options: dict[str, object], expected: list[str]) -> None:
    codes = set(read_layer(service, "health-regions", **options)["regions"])
    assert set(expected) <= codes
    assert len(codes) < 20
