"""Sprites of the objects: a dozen kinds of animals and things, drawn from ellipses and polygons.

A sprite's shape does not reveal its direction of motion: most are symmetric, and all face the same way.
"""

import colorsys
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

MASTER = 128
"""Side of a sprite's image, in pixels; its shapes fill the central ``1 / MARGIN`` of it."""

MARGIN = 1.2
"""Side of the image relative to the sprite's diameter, with room for the outline."""

Shape = tuple[str, str, tuple[float, ...]]
"""(``ellipse`` | ``polygon``, color role, coordinates in -1..1: x, y, radius x, radius y | x, y, x, y ...)."""


@dataclass(frozen=True, slots=True)
class SpriteKind:
    """One kind of object.

    Attributes:
        noun: Singular.
        plural: Plural.
        verb: Verb of its locomotion, a key of ``grammar.VERBS``.
        shapes: Painted in this order. Roles: ``body``, ``accent``, ``dark``, ``light``.
    """

    noun: str
    plural: str
    verb: str
    shapes: tuple[Shape, ...]


def _eyes(x: float, y: float, radius: float) -> tuple[Shape, ...]:
    """Return two eyes with pupils, ``x`` to the left and right of the center."""
    return tuple(
        ("ellipse", role, (side * x, y, radius * share, radius * share))
        for side in (-1, 1)
        for role, share in (("light", 1.0), ("dark", 0.5))
    )


KINDS = (
    SpriteKind("ball", "balls", "roll", (
        ("ellipse", "body", (0, 0, 1, 1)), ("ellipse", "accent", (0, 0, 0.95, 0.32)),
        ("ellipse", "light", (0, 0, 0.3, 0.3)),
    )),
    SpriteKind("balloon", "balloons", "float", (
        ("polygon", "dark", (-0.14, 1, 0.14, 1, 0, 0.68)), ("ellipse", "body", (0, -0.14, 0.74, 0.86)),
        ("ellipse", "light", (-0.28, -0.45, 0.16, 0.24)), ("ellipse", "accent", (0, 0.3, 0.5, 0.12)),
    )),
    SpriteKind("bird", "birds", "fly", (
        ("polygon", "accent", (-0.15, -0.15, -1, -0.55, -0.8, 0.1, -0.15, 0.35)),
        ("polygon", "accent", (0.15, -0.15, 1, -0.55, 0.8, 0.1, 0.15, 0.35)),
        ("polygon", "dark", (-0.25, 0.95, 0.25, 0.95, 0, 0.4)), ("ellipse", "body", (0, 0.1, 0.34, 0.66)),
        ("ellipse", "body", (0, -0.55, 0.28, 0.28)), ("polygon", "light", (-0.1, -0.75, 0.1, -0.75, 0, -1)),
    )),
    SpriteKind("fish", "fish", "swim", (
        ("polygon", "accent", (0.45, 0, 1, -0.55, 1, 0.55)),
        ("polygon", "accent", (-0.2, -0.4, 0.3, -0.85, 0.35, -0.3)), ("ellipse", "body", (-0.2, 0, 0.8, 0.52)),
        ("polygon", "accent", (0.02, -0.46, 0.2, -0.42, 0.2, 0.42, 0.02, 0.46)),
        ("ellipse", "light", (-0.62, -0.12, 0.16, 0.16)), ("ellipse", "dark", (-0.65, -0.12, 0.08, 0.08)),
    )),
    SpriteKind("car", "cars", "drive", (
        ("polygon", "body", (-0.55, -0.05, -0.35, -0.62, 0.35, -0.62, 0.55, -0.05)),
        ("polygon", "light", (-0.4, -0.08, -0.26, -0.5, 0.26, -0.5, 0.4, -0.08)),
        ("polygon", "body", (-1, 0.4, -0.92, -0.08, 0.92, -0.08, 1, 0.4)),
        ("polygon", "accent", (-0.95, 0.22, 0.95, 0.22, 1, 0.4, -1, 0.4)),
        ("ellipse", "dark", (-0.55, 0.42, 0.25, 0.25)), ("ellipse", "dark", (0.55, 0.42, 0.25, 0.25)),
    )),
    SpriteKind("crab", "crabs", "crawl", (
        ("polygon", "dark", (-1, 0.9, -0.85, 0.2, 0.85, 0.2, 1, 0.9, 0.6, 0.45, -0.6, 0.45)),
        ("ellipse", "accent", (-0.75, -0.5, 0.25, 0.36)), ("ellipse", "accent", (0.75, -0.5, 0.25, 0.36)),
        ("ellipse", "body", (0, 0.15, 0.8, 0.52)), *_eyes(0.26, -0.42, 0.17),
    )),
    SpriteKind("ladybug", "ladybugs", "crawl", (
        ("ellipse", "dark", (0, -0.66, 0.42, 0.34)), ("ellipse", "body", (0, 0.12, 0.82, 0.86)),
        ("polygon", "dark", (-0.05, -0.7, 0.05, -0.7, 0.05, 0.95, -0.05, 0.95)),
        *(("ellipse", "dark", (x, y, 0.17, 0.17)) for x in (-0.42, 0.42) for y in (-0.2, 0.45)),
    )),
    SpriteKind("butterfly", "butterflies", "fly", (
        ("ellipse", "body", (-0.55, -0.38, 0.45, 0.52)), ("ellipse", "body", (0.55, -0.38, 0.45, 0.52)),
        ("ellipse", "accent", (-0.45, 0.48, 0.34, 0.42)), ("ellipse", "accent", (0.45, 0.48, 0.34, 0.42)),
        ("ellipse", "light", (-0.58, -0.42, 0.17, 0.2)), ("ellipse", "light", (0.58, -0.42, 0.17, 0.2)),
        ("ellipse", "dark", (0, 0, 0.14, 0.78)),
    )),
    SpriteKind("jellyfish", "jellyfish", "swim", (
        *(
            ("polygon", "accent", (x - 0.1, 0, x + 0.1, 0, x + 0.14, 0.95, x - 0.06, 0.95))
            for x in (-0.5, -0.18, 0.16, 0.46)
        ),
        ("ellipse", "body", (0, -0.28, 0.85, 0.68)), ("ellipse", "light", (-0.25, -0.5, 0.2, 0.15)),
    )),
    SpriteKind("drone", "drones", "fly", (
        ("polygon", "dark", (-0.75, -0.62, -0.62, -0.75, 0.75, 0.62, 0.62, 0.75)),
        ("polygon", "dark", (0.75, -0.62, 0.62, -0.75, -0.75, 0.62, -0.62, 0.75)),
        *(("ellipse", "accent", (x, y, 0.36, 0.36)) for x in (-0.62, 0.62) for y in (-0.62, 0.62)),
        ("ellipse", "body", (0, 0, 0.46, 0.46)), ("ellipse", "light", (0, 0, 0.18, 0.18)),
    )),
    SpriteKind("robot", "robots", "move", (
        ("polygon", "dark", (-0.5, 0.6, -0.12, 0.6, -0.12, 1, -0.5, 1)),
        ("polygon", "dark", (0.5, 0.6, 0.12, 0.6, 0.12, 1, 0.5, 1)),
        ("polygon", "accent", (-0.92, -0.1, 0.92, -0.1, 0.92, 0.25, -0.92, 0.25)),
        ("polygon", "body", (-0.62, -0.2, 0.62, -0.2, 0.62, 0.7, -0.62, 0.7)),
        ("polygon", "body", (-0.5, -0.95, 0.5, -0.95, 0.5, -0.28, -0.5, -0.28)), *_eyes(0.22, -0.62, 0.17),
    )),
    SpriteKind("turtle", "turtles", "crawl", (
        *(("ellipse", "accent", (x, y, 0.26, 0.26)) for x in (-0.68, 0.68) for y in (-0.45, 0.55)),
        ("ellipse", "accent", (0, -0.74, 0.26, 0.26)), ("ellipse", "body", (0, 0.08, 0.74, 0.8)),
        ("polygon", "dark", (0, -0.3, 0.36, -0.08, 0.36, 0.34, 0, 0.56, -0.36, 0.34, -0.36, -0.08)),
        ("polygon", "body", (0, -0.2, 0.27, -0.03, 0.27, 0.29, 0, 0.46, -0.27, 0.29, -0.27, -0.03)),
    )),
    SpriteKind("penguin", "penguins", "move", (
        ("ellipse", "body", (-0.62, 0.15, 0.2, 0.5)), ("ellipse", "body", (0.62, 0.15, 0.2, 0.5)),
        ("polygon", "accent", (-0.5, 1, 0, 0.75, 0.5, 1, 0.4, 0.8, -0.4, 0.8)), ("ellipse", "body", (0, 0, 0.6, 0.95)),
        ("ellipse", "light", (0, 0.28, 0.4, 0.58)), *_eyes(0.2, -0.5, 0.14),
        ("polygon", "accent", (-0.13, -0.36, 0.13, -0.36, 0, -0.15)),
    )),
    SpriteKind("starfish", "starfish", "crawl", (
        ("polygon", "body", tuple(
            wave(k * math.pi / 5) * (0.45 if k % 2 else 1.0) * sign + shift
            for k in range(10) for wave, sign, shift in ((math.sin, 1, 0.0), (math.cos, -1, 0.06))
        )),
        ("ellipse", "accent", (0, 0.06, 0.26, 0.26)),
    )),
)  # fmt: skip


def draw_sprite(kind: SpriteKind, bright: bool, rng: np.random.Generator) -> Image.Image:
    """Return a sprite in random colors.

    Args:
        kind: The kind of object.
        bright: Light colors with a dark outline, or deep colors with a light outline.
        rng: Random generator of colors and pattern.

    Returns:
        RGBA, ``(MASTER, MASTER)``; transparent pixels carry the outline's color, so that resampling leaves no fringe.
    """
    colors = _colors(bright, rng)
    outline = (28, 24, 30) if bright else (245, 243, 236)
    rgb = Image.new("RGB", (MASTER, MASTER), outline)
    alpha = Image.new("L", (MASTER, MASTER), 0)
    paint, stencil = ImageDraw.Draw(rgb), ImageDraw.Draw(alpha)
    for form, role, numbers in kind.shapes:
        _draw_shape(paint, form, numbers, colors[role])
        _draw_shape(stencil, form, numbers, 255)
    pattern = rng.uniform(0.8, 1.0, (12, 12)) * 255
    shade = Image.fromarray(pattern.astype(np.uint8)).resize((MASTER, MASTER), Image.Resampling.BICUBIC)
    rgb = ImageChops.multiply(rgb, Image.merge("RGB", (shade,) * 3))
    rgb.paste(outline, mask=ImageChops.invert(alpha))
    sprite = rgb.convert("RGBA")
    sprite.putalpha(alpha.filter(ImageFilter.MaxFilter(7)).filter(ImageFilter.GaussianBlur(1)))
    return sprite


def _draw_shape(
    draw: ImageDraw.ImageDraw, form: str, numbers: tuple[float, ...], color: tuple[int, int, int] | int
) -> None:
    middle, unit = MASTER / 2, MASTER / 2 / MARGIN
    if form == "ellipse":
        x, y, rx, ry = numbers
        box = (middle + (x - rx) * unit, middle + (y - ry) * unit, middle + (x + rx) * unit, middle + (y + ry) * unit)
        draw.ellipse(box, fill=color)
    else:
        draw.polygon([middle + number * unit for number in numbers], fill=color)


def _colors(bright: bool, rng: np.random.Generator) -> dict[str, tuple[int, int, int]]:
    hue = rng.random()
    value, dark = (rng.uniform(0.85, 1.0), 0.2) if bright else (rng.uniform(0.35, 0.55), 0.1)
    return {
        "body": _rgb(hue, rng.uniform(0.55, 0.9), value),
        "accent": _rgb(hue + rng.uniform(0.2, 0.8), rng.uniform(0.5, 0.9), value * rng.uniform(0.8, 1.0)),
        "dark": _rgb(hue, 0.4, dark),
        "light": _rgb(hue, 0.08, 0.97),
    }


def _rgb(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue % 1, saturation, value))
    return red, green, blue
