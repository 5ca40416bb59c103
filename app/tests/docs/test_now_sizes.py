"""Sizes of /now that docs/indicators.md states, for every region and FSA of the demonstration."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from geography.constants import SLIVER_SHARE
from geography.models import Overlap, Region, Vintage

# Bytes of a body without compression: of a certain region, and of every other possible region beside it.
CERTAIN_MAX, OTHER_MAX = 2_000, 500
# Bytes that uncertainty itself adds: reasons, shares, ranges, the attribution of the shares.
UNCERTAIN_MAX = 300

pytestmark = pytest.mark.usefixtures("demonstration", "db")
Size = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def size() -> Size:
    """Return a function that returns the size of a response without compression, and its body."""
    client = Client()

    def ask(**parameters: Any) -> tuple[int, dict[str, Any]]:
        response = client.get("/now", parameters, HTTP_ACCEPT_ENCODING="identity")
        assert response.status_code == 200, response.content
        assert "Content-Encoding" not in response.headers
        return len(response.content), response.json()

    return ask


def checked(size: int, body: dict[str, Any]) -> bool:
    """Assert that a body has at most the documented size; return whether its region is certain."""
    certain = not body["also_possible"]
    most = CERTAIN_MAX if certain else CERTAIN_MAX + UNCERTAIN_MAX + OTHER_MAX * len(body["also_possible"])
    assert size < most, (size, most, body["region"])
    return certain


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_body_of_every_fsa_has_the_documented_size(size: Size, lang: str) -> None:
    vintage = Vintage.objects.get(coverage__slug="health-regions")
    overlaps = Overlap.objects.filter(artefact="", share_of_fsa__gte=SLIVER_SHARE, health_region_vintage=vintage)
    split: dict[str, set[str]] = {}
    for fsa, region in overlaps.values_list("fsa__code", "health_region__code"):
        split.setdefault(fsa, set()).add(region)
    # An FSA of each region and split FSA is enough: others of a region have the same body.
    chosen = {next(iter(regions)): fsa for fsa, regions in sorted(split.items()) if len(regions) == 1}
    codes = [*chosen.values(), *(fsa for fsa, regions in split.items() if len(regions) > 1)]
    certain = {code: checked(*size(fsa=code, lang=lang)) for code in codes}
    assert sum(certain.values()) > 80
    assert sum(not is_certain for is_certain in certain.values()) > 200


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_body_of_a_position_in_every_region_has_the_documented_size(size: Size, lang: str) -> None:
    regions = Region.objects.filter(vintage__coverage__slug="health-regions").order_by("code")
    certain = 0
    for region in regions.select_related("label"):
        point: Any = region.label.geom.transform(4326, clone=True)
        certain += checked(*size(lat=round(point.y, 5), lon=round(point.x, 5), lang=lang))
    assert certain > 90
