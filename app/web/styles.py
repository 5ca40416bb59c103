"""MapLibre styles of the map for other clients, light and dark: the boundaries with the page's colours, from one address.

The colours are the custom properties of page.css. The layers repeat those of assets/js/style.js; a browser test compares them.
There is no `glyphs`: clients draw the names with a font of their own, as MapLibre GL JS does from version 5.11 on.
"""

import re
from functools import cache
from typing import Any

from geography.codes import PROVINCES
from web import assets
from web.provinces import LABEL_POSITIONS

THEMES = ("light", "dark")
# Tones of land by PRUID, in the order of the page's tones: no two adjacent provinces have the same tone.
_TONES = {"10": 0, "11": 1, "12": 1, "13": 0, "24": 1, "35": 0, "46": 1, "47": 0, "48": 1, "59": 0, "60": 1, "61": 2, "62": 0}
_TEXT, _STRONG = ["Hanken Grotesk", "sans-serif"], ["Hanken Grotesk Strong", "sans-serif"]
_FROM_CANADA = {"center": [-96.0, 62.0], "zoom": 3}
Layer = dict[str, Any]


@cache
def palettes() -> dict[str, dict[str, str]]:
    """Return the custom properties of page.css that hold a hexadecimal colour, by theme."""
    text = (assets.FOLDER / "page.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root(?:\S*)? \{(.*?)\n\s*\}", text, re.DOTALL)[:3]
    # The second block is for dark systems, the third for the chosen dark theme: both are equal.
    light, _, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks)
    return {"light": light, "dark": light | dark}


def style(theme: str, language: str, root: str) -> dict[str, Any]:
    """Return the style of a theme. Args: root: absolute URL of the service, without a slash at the end."""
    colours = palettes()[theme]

    def source(coverage: str) -> dict[str, str]:
        return {"type": "vector", "url": f"{root}/tiles/{coverage}.json"}

    return {
        "version": 8,
        "name": f"COVIDTrends Geo {theme}",
        **_FROM_CANADA,
        "sources": {
            "health-regions": source("health-regions"),
            "fsa": source("fsa"),
            "provinces": {"type": "geojson", "data": _province_points(language)},
        },
        "layers": [
            {"id": "water", "type": "background", "paint": {"background-color": colours["water"]}},
            *_health_region_layers(colours),
            # Names and lines of FSAs, from the zoom at which they fit.
            _fsa_lines(colours),
            _names("fsa", colours, language),
            _names("health-regions", colours, language),
            _province_names(colours),
        ],
    }


def _province_points(language: str) -> dict[str, Any]:
    features = [
        {
            "type": "Feature",
            "properties": {"name": (province.name_fr if language == "fr" else province.name_en).upper()},
            "geometry": {"type": "Point", "coordinates": LABEL_POSITIONS[province.pruid]},
        }
        for province in PROVINCES
    ]
    return {"type": "FeatureCollection", "features": features}


def _by_zoom(*stops: float) -> list[Any]:
    return ["interpolate", ["linear"], ["zoom"], *stops]


def _health_region_layers(colours: dict[str, str]) -> list[Layer]:
    shapes = {"source": "health-regions", "source-layer": "regions"}
    tones = [value for pruid, tone in _TONES.items() for value in (pruid, colours[f"land-{tone}"])]
    land = ["match", ["to-string", ["get", "pruid"]], *tones, colours["land-0"]]
    return [
        {"id": "hr-fill", "type": "fill", **shapes, "paint": {"fill-color": land, "fill-antialias": False}},
        {
            "id": "hr-line",
            "type": "line",
            **shapes,
            "layout": {"line-join": "round"},
            "paint": {"line-color": colours["border"], "line-width": _by_zoom(2, 0.5, 5, 1, 9, 1.8)},
        },
    ]


def _fsa_lines(colours: dict[str, str]) -> Layer:
    return {
        "id": "fsa-line",
        "type": "line",
        "source": "fsa",
        "source-layer": "regions",
        "minzoom": 7,
        "paint": {"line-color": colours["border-fsa"], "line-width": _by_zoom(3, 0.4, 6, 0.9, 10, 1.4)},
    }


def _names(coverage: str, colours: dict[str, str], language: str) -> Layer:
    fsa = coverage == "fsa"
    return {
        "id": f"{coverage}-names",
        "type": "symbol",
        "source": coverage,
        "source-layer": "labels",
        "minzoom": 7 if fsa else 4.6,
        "layout": {
            "text-field": ["get", "code" if fsa else f"name_{language}"],
            "text-font": _STRONG if fsa else _TEXT,
            "text-size": _by_zoom(7, 9.5, 12, 14) if fsa else _by_zoom(4.6, 10.5, 9, 14),
            "text-max-width": 9,
            "text-padding": 6,
        },
        "paint": {"text-color": colours["label-fsa" if fsa else "label"], **_halo(colours)},
    }


def _province_names(colours: dict[str, str]) -> Layer:
    return {
        "id": "province-names",
        "type": "symbol",
        "source": "provinces",
        "maxzoom": 5.2,
        "layout": {
            "text-field": ["get", "name"],
            "text-font": _STRONG,
            "text-size": _by_zoom(2, 9.5, 5, 14),
            "text-letter-spacing": 0.08,
            "text-max-width": 8,
            "text-padding": 4,
        },
        "paint": {
            "text-color": colours["label-province"],
            **_halo(colours),
            "text-opacity": _by_zoom(4.6, 1, 5.2, 0),
        },
    }


def _halo(colours: dict[str, str]) -> dict[str, Any]:
    return {"text-halo-color": colours["label-halo"], "text-halo-width": 2, "text-halo-blur": 0.5}
