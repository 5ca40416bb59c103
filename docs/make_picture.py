"""Draws docs/fsa-k0a.svg from a running service: python3 docs/make_picture.py http://127.0.0.1:8000"""

import json
import math
import sys
import urllib.request
from pathlib import Path

WIDTH, HEIGHT, LEGEND = 760, 330, 290
COLOURS = ["#2b6a99", "#e07b39", "#5b9a5b", "#9467bd", "#b5a12c", "#c0504d", "#7f7f7f"]
FSA = "K0A"


def get(address: str) -> dict:
    """Return the JSON at an address of the service."""
    with urllib.request.urlopen(address) as response:  # noqa: S310
        return json.load(response)


def main(service: str) -> None:
    """Draw the FSA, its health regions in the order of the response, and their shares of its people and of its area."""
    answer = get(f"{service}/fsa/{FSA}?detail=medium")
    boundary = get(f"{service}/fsa/{FSA}/boundary?detail=medium")
    west, south, east, north = boundary["bbox"]
    squeeze = math.cos(math.radians((south + north) / 2))
    scale = min((WIDTH - LEGEND) / ((east - west) * squeeze), HEIGHT / (north - south)) * 0.9
    left = (WIDTH - LEGEND - (east - west) * squeeze * scale) / 2
    top = (HEIGHT - (north - south) * scale) / 2

    def path(geometry: dict) -> str:
        polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
        return "".join(
            "M" + "L".join(f"{left + (x - west) * squeeze * scale:.1f} {top + (north - y) * scale:.1f}" for x, y in ring) + "Z"
            for polygon in polygons
            for ring in polygon
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#f4f6f8"/>',
        f'<clipPath id="map"><rect width="{WIDTH - LEGEND}" height="{HEIGHT}"/></clipPath><g clip-path="url(#map)">',
    ]
    legend = []
    for index, feature in enumerate(answer["features"]):
        colour, properties = COLOURS[index % len(COLOURS)], feature["properties"]
        parts.append(f'<path d="{path(feature["geometry"])}" fill="{colour}" fill-opacity=".35" stroke="#fff"/>')
        y = 70 + 34 * index
        shares = " · ".join(
            f"{properties[key]:.1%} of {word}"
            for key, word in (("share_of_people", "people"), ("share_of_fsa", "area"))
            if properties.get(key) is not None
        )
        name = f"{properties['hruid']}  {properties['name']}".replace("&", "&amp;")
        legend += [
            f'<rect x="{WIDTH - LEGEND}" y="{y - 11}" width="12" height="12" fill="{colour}" fill-opacity=".6"/>',
            f'<text x="{WIDTH - LEGEND + 20}" y="{y}" font-size="12" fill="#222">{shares}</text>',
            f'<text x="{WIDTH - LEGEND + 20}" y="{y + 14}" font-size="10" fill="#555">{name}</text>',
        ]
    parts.append(f'<path d="{path(boundary["geometry"])}" fill="none" stroke="#222" stroke-width="2"/></g>')
    title = f'<text x="{WIDTH - LEGEND}" y="36" font-size="15" font-weight="600" fill="#222">GET /fsa/{FSA}</text>'
    drawing = "\n".join([*parts, title, *legend, "</svg>\n"])
    Path(__file__).with_name(f"fsa-{FSA.lower()}.svg").write_text(drawing, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
