"""OGC API - Features over real boundaries: EPSG:3347 has every bit of the shapefile's coordinates."""

from collections import Counter
from itertools import pairwise
from typing import Any

import orjson
import pytest
import shapefile
from django.test import Client

from geography.models import Region
from loader.pipeline import Outcome
from tests.support import boundary_files as files

pytestmark = [pytest.mark.real, pytest.mark.django_db]

LAMBERT = "http://www.opengis.net/def/crs/EPSG/0/3347"
FILES = (
    ("health-regions", "2015", "health_regions_2015.zip", "HR_UID"),
    ("health-regions", "2022", "health_regions_2022.zip", "HR_UID"),
    ("fsa", "2011", "fsa_2011.zip", "CFSAUID"),
)
Ring = tuple[tuple[float, float], ...]


def rings_of_file(path: Any, field: str) -> dict[str, Counter[Ring]]:
    """Return the rings of each region of a shapefile, by code."""
    # Without an encoding pyshp reads the .cpg file; the codes are ASCII.
    with shapefile.Reader(str(path), encodingErrors="replace") as reader:
        field_names = [item[0] for item in reader.fields]
        assert field in field_names, field_names
        rings: dict[str, Counter[Ring]] = {}
        for record in reader.iterShapeRecords():
            points, starts = record.shape.points, [*record.shape.parts, len(record.shape.points)]
            parts = [tuple(map(tuple, points[start:end])) for start, end in pairwise(starts)]
            rings.setdefault(record.record[field], Counter()).update(parts)
    return rings


def features(collection: str, label: str) -> Any:
    """Yield every feature of a vintage in EPSG:3347, page by page."""
    client = Client()
    href = f"/ogc/collections/{collection}/items?vintage={label}&crs={LAMBERT}&limit=1000"
    while href:
        response = client.get(href)
        assert response.status_code == 200
        body = orjson.loads(b"".join(response))
        yield from body["features"]
        href = next((link["href"] for link in body["links"] if link["rel"] == "next"), "")


@pytest.mark.parametrize(("collection", "label", "name", "field"), FILES)
def test_epsg_3347_has_the_coordinates_of_the_file(
    loaded: dict[str, Outcome], collection: str, label: str, name: str, field: str
) -> None:
    expected = rings_of_file(files.real(name), field)
    repaired = set(Region.objects.filter(vintage=loaded[label].vintage, repaired=True).values_list("code", flat=True))
    compared = 0
    for feature in features(collection, label):
        assert feature["geometry"]["type"] == "MultiPolygon"
        rings = Counter(tuple(map(tuple, ring)) for polygon in feature["geometry"]["coordinates"] for ring in polygon)
        if feature["id"] not in repaired:
            assert rings == expected[feature["id"]], feature["id"]
            compared += 1
    assert compared + len(repaired) == len(expected)
    assert compared > 0.9 * len(expected)
