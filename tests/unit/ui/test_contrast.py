"""The colours of the style sheet have the contrast that WCAG 2.2 asks for."""

from __future__ import annotations

import re
from importlib.resources import files
from math import cos, radians, sin

import pytest

STYLE = (files("airflow_provider_rcs.ui") / "assets" / "rcs.css").read_text(encoding="utf-8")
TEXTS = ("text", "muted", "link")
GRAPHICS = ("requested", "accepted", "delivered", "read", "clicked", "failed", "focus")
LABELS = ("good", "warn", "bad", "info")


def theme(name: str) -> dict[str, str]:
    """Return the colours of a theme: name -> colour."""
    selector = ":root" if name == "light" else ':root[data-theme="dark"]'
    [block] = re.findall(re.escape(selector) + r" \{(.*?)\n\}", STYLE, re.DOTALL)
    return dict(re.findall(r"--([\w-]+): ([^;]+);", block))


def channels(colour: str) -> tuple[float, ...]:
    """Return red, green and blue of a colour, linear, from 0 to 1."""
    if colour.startswith("#"):
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        values = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
        return tuple(each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in values)
    lightness, chroma, hue = map(float, colour.removeprefix("oklch(").removesuffix(")").split())
    a, b = chroma * cos(radians(hue)), chroma * sin(radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def contrast(one: str, other: str) -> float:
    lights = sorted(
        0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in (channels(one), channels(other))
    )
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def test_the_figures_are_those_of_the_standard() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)
    assert contrast("oklch(0.5999 0 0)", "#808080") == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_every_text_has_the_contrast_of_4_5_on_every_background(name: str) -> None:
    colours = theme(name)
    pairs = [(text, behind) for text in TEXTS for behind in ("page", "panel", "soft")]
    pairs += [(label, f"{label}-bg") for label in LABELS]
    pairs += [(label, behind) for label in ("warn", "bad") for behind in ("page", "panel", "soft")]

    assert {
        pair: contrast(*(colours[each] for each in pair))
        for pair in pairs
        if contrast(*(colours[each] for each in pair)) < 4.5
    } == {}


@pytest.mark.parametrize("name", ["light", "dark"])
def test_every_bar_line_and_focus_ring_has_the_contrast_of_3_beside_its_background(name: str) -> None:
    colours = theme(name)
    pairs = [(graphic, behind) for graphic in GRAPHICS for behind in ("page", "panel")]
    pairs += [(graphic, "soft") for graphic in GRAPHICS[:5]]

    assert {
        pair: contrast(*(colours[each] for each in pair))
        for pair in pairs
        if contrast(*(colours[each] for each in pair)) < 3
    } == {}
