"""Colour vision and contrast of the map page's palette: class colours, legend text, hatching and labels.

Colour blindness is simulated by the matrices of Machado, Oliveira and Fernandes (2009) at severity 1.0, in linear RGB. Colour
differences are CIE76 in CIELAB under D65; contrast ratios are those of WCAG 2.
"""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from web.styles import palettes

Colour = tuple[float, ...]

CLASSES = tuple(f"class-{index}" for index in range(8))
THEMES = ("light", "dark")
VISION: dict[str, tuple[Colour, ...]] = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
    # Luminance alone, as in a grey print.
    "grey": ((0.2126, 0.7152, 0.0722),) * 3,
}
# Linear sRGB to CIE XYZ.
XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
# A difference of 2.3 is just noticeable.
NEIGHBOURS_DIFFER_BY = 10.0
TEXT_CONTRAST = 4.5
HATCH_CONTRAST = 1.7


PALETTES = palettes()


def linear(colour: str) -> Colour:
    """Return the linear RGB of a hexadecimal sRGB colour, each channel from 0 to 1."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return tuple(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)


def product(matrix: Sequence[Colour], vector: Colour) -> Colour:
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def seen(colour: str, vision: str) -> Colour:
    """Return the CIELAB colour that a kind of colour vision sees."""
    rgb = tuple(min(max(value, 0), 1) for value in product(VISION[vision], linear(colour)))
    xyz = product(
        ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041)), rgb
    )
    x, y, z = (
        ratio ** (1 / 3) if ratio > 0.008856 else 7.787 * ratio + 16 / 116
        for ratio in (value / white for value, white in zip(xyz, (0.95047, 1.0, 1.08883), strict=True))
    )
    return (116 * y - 16, 500 * (x - y), 200 * (y - z))


def difference(left: str, right: str, vision: str) -> float:
    """Return the CIE76 difference of two colours."""
    return float(sum((a - b) ** 2 for a, b in zip(seen(left, vision), seen(right, vision), strict=True)) ** 0.5)


def contrast(left: str, right: str) -> float:
    """Return the WCAG 2 contrast ratio of two colours, from 1 to 21."""
    low, high = sorted(product(VISION["grey"], linear(colour))[0] for colour in (left, right))
    return (high + 0.05) / (low + 0.05)


def test_simulation_agrees_with_known_values() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert difference("#000000", "#ffffff", "normal") == pytest.approx(100, abs=0.1)
    # A pair of colours that red-green colour blindness confuses.
    assert difference("#b04040", "#707020", "deuteranopia") < difference("#b04040", "#707020", "normal") / 2


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("vision", VISION)
def test_neighbouring_classes_differ_for_every_colour_vision(theme: str, vision: str) -> None:
    palette = PALETTES[theme]
    least = NEIGHBOURS_DIFFER_BY if vision != "grey" else 5.0
    differences = {pair: difference(palette[pair[0]], palette[pair[1]], vision) for pair in pairwise(CLASSES)}
    assert {pair: round(value, 1) for pair, value in differences.items() if value < least} == {}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("vision", VISION)
def test_lightness_orders_the_classes(theme: str, vision: str) -> None:
    lightness = [seen(PALETTES[theme][name], vision)[0] for name in CLASSES]
    assert lightness == sorted(lightness, reverse=theme == "light")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("vision", VISION)
def test_negative_corrections_differ_from_every_class(theme: str, vision: str) -> None:
    palette = PALETTES[theme]
    least = 20.0 if vision != "grey" else 0.0
    assert min(difference(palette["class-negative"], palette[name], vision) for name in CLASSES) >= least


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ink", ["ink", "ink-2", "ink-3"])
@pytest.mark.parametrize("ground", ["paper", "paper-2"])
def test_text_of_legend_and_cards_has_contrast(theme: str, ink: str, ground: str) -> None:
    palette = PALETTES[theme]
    assert contrast(palette[ink], palette[ground]) >= TEXT_CONTRAST


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", ["label", "label-province"])
def test_names_on_the_map_have_contrast_with_their_halo(theme: str, name: str) -> None:
    palette = PALETTES[theme]
    assert contrast(palette[name], palette["label-halo"]) >= 7


@pytest.mark.parametrize("theme", THEMES)
def test_names_of_waters_have_contrast_with_water_and_halo(theme: str) -> None:
    palette = PALETTES[theme]
    assert contrast(palette["label-water"], palette["water"]) >= TEXT_CONTRAST
    assert contrast(palette["label-water"], palette["label-halo"]) >= TEXT_CONTRAST


@pytest.mark.parametrize("theme", THEMES)
def test_hatching_of_not_reported_is_visible(theme: str) -> None:
    palette = PALETTES[theme]
    assert contrast(palette["hatch-line"], palette["hatch-ground"]) >= HATCH_CONTRAST
    assert contrast(palette["hatch-line"], palette["class-0"]) >= HATCH_CONTRAST
