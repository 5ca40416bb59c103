"""Pictures of health regions: PNG and SVG."""

import re
import struct
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest
from django.conf import settings

from api.responses import region_image
from geography.vintages import catalogue

pytestmark = pytest.mark.usefixtures("cache_folder")

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"


def decoded(png):
    """Return the pixels of a PNG without filters, after a check of its chunks."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, position = {}, 8
    while position < len(png):
        length, kind = struct.unpack(">I4s", png[position : position + 8])
        content = png[position + 8 : position + 8 + length]
        (checksum,) = struct.unpack(">I", png[position + 8 + length : position + 12 + length])
        assert checksum == zlib.crc32(kind + content)
        chunks[kind] = content
        position += 12 + length
    width, height, *form = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert form == [8, 2, 0, 0, 0]
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), dtype=np.uint8).reshape(height, 1 + width * 3)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, 3)


def test_picture_of_a_region_is_a_png_of_its_shape(client, related):
    html = client.get("/health-regions/3501.html?vintage=2018").content.decode()
    (address,) = re.findall(r'<meta property="og:image" content="([^"]+)"', html)
    assert address == "http://testserver/health-regions/3501.png?vintage=2018"
    for accept in ("*/*", CHROME, "image/png"):
        assert client.get("/health-regions/3501.png", headers={"Accept": accept}).headers["Content-Type"] == "image/png"
    response = client.get("/health-regions/3501.png")
    assert response.headers["Cache-Control"].startswith("public, max-age=60,")
    pixels = decoded(response.content)
    assert pixels.shape == (630, 1200, 3)
    colours = {tuple(int(part) for part in pixel) for pixel in np.unique(pixels.reshape(-1, 3), axis=0)}
    assert {(0x3D, 0x94, 0xB3), (0xEB, 0xEB, 0xE1), (0xCB, 0xDD, 0xE5)} <= colours
    # The region has two parts, 10 by 10 and 2 by 2 km, 4 km apart, and fills 86 % of the height.
    inside = (pixels == (0x3D, 0x94, 0xB3)).all(axis=2).mean()
    pixel_km = 10 / (630 * 0.86)
    assert inside == pytest.approx((100 + 4) / (630 * 1200 * pixel_km**2), rel=0.02)


def test_drawing_of_a_region_is_an_svg_of_the_same_shapes_without_script(client, related):
    for lang, name in (("en", "West Health Unit"), ("fr", "Circonscription sanitaire de l'Ouest")):
        for accept in ("*/*", CHROME, "image/png"):
            response = client.get(f"/health-regions/3501.svg?lang={lang}", headers={"Accept": accept})
            assert (response.status_code, response.headers["Content-Type"]) == (200, "image/svg+xml")
        svg = ElementTree.fromstring(response.content)  # noqa: S314 - the service's own
        assert svg.attrib["viewBox"] == "0 0 1200 630"
        assert [element.text for element in svg.iter("{http://www.w3.org/2000/svg}title")] == [name]
        fills = [element.attrib["fill"] for element in svg.iter("{http://www.w3.org/2000/svg}path")]
        assert fills[-1] == "#3d94b3"
        assert set(fills[:-1]) == {"#ebebe1"}
    assert {element.tag.partition("}")[2] for element in svg.iter()} == {"svg", "title", "rect", "g", "path"}


def test_drawing_of_an_unknown_region_is_a_problem(client, world, assert_problem):
    assert_problem(client.get("/health-regions/3599.svg", headers={"Accept": CHROME}), 404, "region-unknown")


def test_colours_are_the_light_ones_of_the_pages():
    css = (settings.APP_DIR / "web" / "assets" / "page.css").read_text(encoding="utf-8")
    light = dict(re.findall(r"--([\w-]+): #([0-9a-f]{6});", css.partition("@media")[0]))
    fills = {"beside": "land-2", "this": "chosen"} | {f"cat-{number}": f"cat-{number}" for number in range(1, 8)}
    for css_class, name in fills.items():
        assert region_image.COLOURS[css_class][0] == tuple(bytes.fromhex(light[name])), css_class


def test_page_of_an_fsa_has_the_picture_of_the_service(client, world):
    """No picture of the FSA, which no cache could store."""
    html = client.get("/fsa/M5V.html").content.decode()
    (address,) = re.findall(r'<meta property="og:image" content="http://testserver([^"]+/img/card\.png)">', html)
    assert "M5V" not in address
    assert client.get("/fsa/M5V.png").status_code == 400


def test_picture_is_cached_and_revalidated(client, world, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 60.0)
    first = client.get("/health-regions/3501.png")
    with django_assert_num_queries(0):
        assert client.get("/health-regions/3501.png").content == first.content
        assert client.get("/health-regions/3501.png", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_unknown_region_has_no_picture(client, world, assert_problem):
    assert_problem(client.get("/health-regions/3599.png", headers={"Accept": CHROME}), 404, "region-unknown")
