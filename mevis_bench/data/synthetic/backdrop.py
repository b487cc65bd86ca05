"""Textured backgrounds behind the objects, and occluders in front of them."""

import colorsys

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mevis_bench.data.synthetic.plan import HEIGHT, PAN_X, PAN_Y, WIDTH

SCENE = (WIDTH + 2 * PAN_X, HEIGHT + 2 * PAN_Y)
"""Width and height of the scene in pixels, the area that the camera can reach."""

FAMILIES = ("clouds", "waves", "gravel", "meadow", "tiles", "planks", "hills")


def draw_backdrop(light: bool, rng: np.random.Generator) -> Image.Image:
    """Return a background image, RGB, of size ``SCENE``: light for dark sprites, dark for bright ones."""
    family = FAMILIES[rng.integers(len(FAMILIES))]
    width, height = SCENE
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    field = _field(family, x, y, rng)
    value = rng.uniform(0.74, 0.84) if light else rng.uniform(0.3, 0.42)
    hue, saturation = rng.random(), rng.uniform(0.15, 0.45)
    low = np.array(colorsys.hsv_to_rgb(hue, saturation, value * 0.72))
    high = np.array(colorsys.hsv_to_rgb((hue + rng.uniform(-0.08, 0.08)) % 1, saturation * 0.7, min(1.0, value * 1.18)))
    rgb = low + field[..., None] * (high - low)
    rgb += rng.normal(0, 0.012, (height, width, 1))
    image = Image.fromarray((255 * rgb.clip(0, 1)).astype(np.uint8))
    _scatter(image, low, rng)
    return image


def _field(family: str, x: NDArray[np.int64], y: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the texture as brightness ``(h, w)`` in 0..1."""
    if family == "clouds":
        return 0.5 * _noise(4, rng) + 0.3 * _noise(9, rng) + 0.2 * _noise(24, rng)
    if family == "waves":
        phase = 6 * _noise(5, rng)
        return 0.35 + 0.25 * np.sin(y / rng.uniform(3, 6) + phase) + 0.4 * _noise(6, rng)
    if family == "gravel":
        return 0.25 * _noise(6, rng) + 0.75 * _noise(90, rng)
    if family == "meadow":
        blades = Image.fromarray((255 * rng.random((SCENE[1] // 10, SCENE[0] // 2))).astype(np.uint8))
        tall = np.asarray(blades.resize(SCENE, Image.Resampling.BILINEAR)) / 255
        return 0.55 * tall + 0.45 * _noise(5, rng)
    if family == "tiles":
        side = int(rng.integers(18, 30))
        shades = rng.random((SCENE[1] // side + 1, SCENE[0] // side + 1))[y // side, x // side]
        grout = (x % side < 2) | (y % side < 2)
        return np.where(grout, 0.0, 0.35 + 0.4 * shades + 0.25 * _noise(20, rng))
    if family == "planks":
        side = int(rng.integers(14, 24))
        shades = rng.random(SCENE[1] // side + 1)[y // side]
        grain = 0.5 + 0.5 * np.sin(y * 1.3 + 5 * _noise(4, rng))
        return np.where(y % side < 2, 0.0, 0.3 + 0.35 * shades + 0.2 * grain + 0.15 * _noise(30, rng))
    ridge = 0.55 * SCENE[1] + 30 * (_noise(5, rng)[0] - 0.5)
    return np.where(y > ridge[None], 0.45 * _noise(40, rng) + 0.1, 0.75 + 0.25 * _noise(4, rng))


def _noise(cells: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return smooth noise ``(h, w)`` in 0..1 with ``cells`` cells across."""
    small = rng.random((max(2, cells * SCENE[1] // SCENE[0]), cells))
    image = Image.fromarray((255 * small).astype(np.uint8)).resize(SCENE, Image.Resampling.BICUBIC)
    return np.asarray(image) / 255


def _scatter(image: Image.Image, color: NDArray[np.float64], rng: np.random.Generator) -> None:
    """Draw a few flat stones or tufts on the ground, static in the scene and behind every object."""
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(0, 7))):
        x, y = rng.uniform(0, SCENE[0]), rng.uniform(0, SCENE[1])
        rx, ry = rng.uniform(5, 16), rng.uniform(4, 9)
        tint = np.clip(255 * color * rng.uniform(0.7, 1.25), 0, 255).astype(int)
        draw.ellipse((x - rx, y - ry, x + rx, y + ry), fill=tuple(int(channel) for channel in tint))


def draw_props(light: bool, rng: np.random.Generator) -> Image.Image | None:
    """Return occluders in front of every object (posts, bushes, beams), RGBA of size ``SCENE``, or ``None``."""
    count = int(rng.choice([0, 1, 2], p=[0.45, 0.4, 0.15]))
    if not count:
        return None
    image = Image.new("RGBA", SCENE)
    draw = ImageDraw.Draw(image)
    tint = colorsys.hsv_to_rgb(rng.random(), 0.35, 0.55 if light else 0.6)
    for _ in range(count):
        red, green, blue = (int(255 * channel * rng.uniform(0.85, 1.0)) for channel in tint)
        x = rng.uniform(PAN_X + 20, PAN_X + WIDTH - 20)
        shape = rng.choice(["post", "bush", "beam"])
        if shape == "post":
            half = rng.uniform(5, 8)
            draw.rectangle((x - half, 0, x + half, SCENE[1]), fill=(red, green, blue, 255))
            draw.rectangle((x - half, 0, x - half * 0.4, SCENE[1]), fill=(red // 2, green // 2, blue // 2, 255))
        elif shape == "beam":
            y, half = rng.uniform(PAN_Y + 20, PAN_Y + HEIGHT - 20), rng.uniform(4, 6)
            draw.rectangle((0, y - half, SCENE[0], y + half), fill=(red, green, blue, 255))
        else:
            y = rng.uniform(PAN_Y + HEIGHT * 0.4, PAN_Y + HEIGHT)
            for _ in range(9):
                cx, cy, r = x + rng.uniform(-16, 16), y + rng.uniform(-8, 8), rng.uniform(5, 10)
                shade = rng.uniform(0.7, 1.0)
                fill = (int(red * shade), int(green * shade), int(blue * shade), 255)
                draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=fill)
    return image
