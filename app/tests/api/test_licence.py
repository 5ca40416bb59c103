"""Attribution and licence of the boundaries, in bodies and in the Link header."""

import pytest

from geography.models import Vintage
from tests.support import demo_regions as worlds

HERE = worlds.position(2_000, 5_000)
A, B = "https://example.org/a", "https://example.org/b?x=é>"
LINK_A, LINK_B = f'<{A}>; rel="license"', '<https://example.org/b?x=%C3%A9%3E>; rel="license"'
GEOJSON = {
    "/health-regions": {"detail": "none"},
    "/health-regions/3501": {},
    "/health-regions/3501/fsa": {},
    "/fsa": {},
    "/fsa/M5V": {},
    "/fsa/M5V/boundary": {},
    "/coverages/fsa/regions": {},
    "/locate": HERE,
}
TWO_VINTAGES = ("/health-regions/3501/fsa", "/fsa/M5V", "/locate")

pytestmark = pytest.mark.usefixtures("world")


def set_licence(coverage, address):
    Vintage.objects.filter(coverage__slug=coverage).update(licence_url=address, licence=f"licence {address[-1:]}")


@pytest.mark.parametrize("path", GEOJSON)
def test_geojson_has_attribution_and_licence_link(get, path):
    set_licence("health-regions", A)
    set_licence("fsa", A)
    response = get(path, **GEOJSON[path])
    assert response.headers["Link"] == LINK_A
    assert response.json()["licence"] == "licence a"
    assert response.json()["attribution"]


@pytest.mark.parametrize("path", TWO_VINTAGES)
def test_two_licences_have_two_links(get, path):
    set_licence("health-regions", A)
    set_licence("fsa", B)
    response = get(path, **GEOJSON[path])
    assert sorted(response.headers["Link"].split(", ")) == [LINK_A, LINK_B]
    assert response.json()["licence"].count("\n") == 1


@pytest.mark.parametrize("path", GEOJSON)
def test_licence_without_url_has_no_link(get, path):
    set_licence("health-regions", "")
    set_licence("fsa", "")
    assert "Link" not in get(path, **GEOJSON[path]).headers


def test_problem_has_no_licence_link(get):
    assert "Link" not in get("/health-regions/9999").headers


def test_cors_exposes_the_link_header(get):
    response = get("/health-regions", headers={"Origin": "https://example.org"})
    assert "Link" in response.headers["Access-Control-Expose-Headers"]
