"""Photographic surfaces behind the objects: procedural rock, sand, grass ..., with relief, light, blur and grain.

No thing is in them that moves or that a noun of the sentences could mean.
"""

import colorsys
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from mevis_bench.data.synthetic.backdrop import SCENE

Field = NDArray[np.float64]
"""A value per pixel of the scene, ``(h, w)``."""

Surface = tuple[Field, Field, tuple[float, float], float]
"""Relief, tone of the color in 0..1, hues of tones 0 and 1, saturation."""

LUMA = np.array([0.299, 0.587, 0.114])

_WIDTH, _HEIGHT = SCENE


def draw_surface(light: bool, rng: np.random.Generator) -> Image.Image:
    """Return a background image, RGB, of size ``SCENE``: light for dark sprites, dark for bright ones.

    Its luminance keeps to a band around 0.8 or 0.33, so that every sprite stands out.
    """
    relief, tone, hues, saturation = SURFACES[rng.integers(len(SURFACES))](rng)
    color = _color(tone, hues, saturation)
    shade = 1 + 0.35 * _lit(relief, rng.uniform(0, 2 * math.pi)) + 0.12 * _noise(rng, 2.6)
    rgb = color * shade[..., None].clip(0.2, 1.9)
    rgb = _exposed(rgb, rng.uniform(0.77, 0.83) if light else rng.uniform(0.30, 0.36), rng.uniform(0.06, 0.1))
    image = Image.fromarray((255 * rgb).astype(np.uint8)).filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.0)))
    grain = rng.normal(0, rng.uniform(0.5, 2.0), (_HEIGHT, _WIDTH, 1))
    return Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8))


def _rock(rng: np.random.Generator) -> Surface:
    ridges = -np.abs(_noise(rng, 1.7))
    hue = rng.uniform(0.03, 0.12)
    return _noise(rng, 1.7) + 1.5 * ridges, _unit(_noise(rng, 1.6)), (hue, hue + 0.04), rng.uniform(0.08, 0.3)


def _sand(rng: np.random.Generator) -> Surface:
    x, y = _grid()
    angle, wavelength = rng.uniform(-0.6, 0.6), rng.uniform(9, 18)
    ripples = np.sin(2 * math.pi * (y * math.cos(angle) + x * math.sin(angle)) / wavelength + 1.6 * _noise(rng, 2.2))
    hue = rng.uniform(0.07, 0.12)
    return 2 * ripples + 0.25 * _noise(rng, 0.4), _unit(_noise(rng, 1.2)), (hue, hue + 0.02), rng.uniform(0.2, 0.4)


def _grass(rng: np.random.Generator) -> Surface:
    blades = _noise(rng, 1.1, along=(1.0, rng.uniform(3, 6)))
    return 1.5 * blades, _unit(blades + _noise(rng, 2)), (rng.uniform(0.16, 0.22), rng.uniform(0.26, 0.34)), 0.5


def _water(rng: np.random.Generator) -> Surface:
    waves = _noise(rng, 1.5, along=(rng.uniform(3, 6), 1.0))
    hue = rng.uniform(0.48, 0.6)
    return 2.5 * waves, _unit(waves + _noise(rng, 2)), (hue, hue + 0.04), rng.uniform(0.25, 0.5)


def _pebbles(rng: np.random.Generator) -> Surface:
    """Cells around random points, each a rounded stone with its own tone."""
    from scipy.spatial import cKDTree

    points = rng.uniform((0, 0), SCENE, (int(rng.integers(450, 900)), 2))
    x, y = _grid()
    distances, nearest = cKDTree(points).query(np.stack([x, y], axis=-1), k=2)
    gap = distances[..., 1] - distances[..., 0]
    tone = rng.random(len(points))[nearest[..., 0]]
    hue = rng.uniform(0.03, 0.12)
    return 1.2 * np.sqrt(gap.clip(0, 6)), tone * (gap / 2).clip(0.3, 1), (hue, hue + 0.06), rng.uniform(0.08, 0.3)


def _wood(rng: np.random.Generator) -> Surface:
    grain = _noise(rng, 1.2, along=(rng.uniform(12, 25), 1.0))
    rings = np.sin(_grid()[1] * rng.uniform(0.25, 0.6) + 3 * _noise(rng, 2.4, along=(6.0, 1.0)))
    hue = rng.uniform(0.05, 0.09)
    return 0.8 * grain, _unit(grain + 0.8 * rings), (hue, hue + 0.02), rng.uniform(0.35, 0.6)


def _plaster(rng: np.random.Generator) -> Surface:
    hue = rng.random()
    return 0.8 * _noise(rng, 0.9), _unit(_noise(rng, 2)), (hue, hue + 0.05), rng.uniform(0.03, 0.2)


def _leaves(rng: np.random.Generator) -> Surface:
    """Pointed leaves on top of each other, higher ones lighter."""
    image = Image.new("L", SCENE, 40)
    draw = ImageDraw.Draw(image)
    for depth in range(1400):
        x, y, angle = rng.uniform(0, _WIDTH), rng.uniform(0, _HEIGHT), rng.uniform(0, 2 * math.pi)
        length, width = rng.uniform(4, 8), rng.uniform(1.5, 3)
        along, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
        corners = [(length, 0.0), (0.0, width), (-length, 0.0), (0.0, -width)]
        outline = [(x + a * along[0] + b * across[0], y + a * along[1] + b * across[1]) for a, b in corners]
        draw.polygon(outline, fill=int(40 + 150 * depth / 1400 + rng.uniform(-35, 35)))
    tone = np.asarray(image) / 255
    return 6 * tone, tone, (rng.uniform(0.18, 0.25), rng.uniform(0.28, 0.36)), rng.uniform(0.4, 0.6)


def _clouds(rng: np.random.Generator) -> Surface:
    puffs = _noise(rng, 2.0)
    hue = rng.uniform(0.54, 0.62)
    return 0.4 * puffs, _unit(np.maximum(puffs, -0.3)), (hue, hue), rng.uniform(0.15, 0.4)


SURFACES: tuple[Callable[[np.random.Generator], Surface], ...] = (
    _rock, _sand, _grass, _water, _pebbles, _wood, _plaster, _leaves, _clouds,
)  # fmt: skip


def _noise(rng: np.random.Generator, exponent: float, along: tuple[float, float] = (1.0, 1.0)) -> Field:
    """Return noise whose amplitudes fall with ``frequency ** exponent``, as in photographs; mean 0, deviation 1.

    Args:
        rng: Random generator.
        exponent: 0: white noise, 1: as in photographs, 2 and more: smooth.
        along: Elongation of its grains along x and y.
    """
    frequency = np.hypot(along[1] * np.fft.fftfreq(_HEIGHT)[:, None], along[0] * np.fft.rfftfreq(_WIDTH))
    frequency[0, 0] = np.inf
    phases = rng.normal(size=frequency.shape) + 1j * rng.normal(size=frequency.shape)
    field: Field = np.fft.irfft2(phases / frequency**exponent, s=(_HEIGHT, _WIDTH))
    field = (field - field.mean()) / field.std()
    return field


def _grid() -> tuple[Field, Field]:
    x, y = np.meshgrid(np.arange(_WIDTH, dtype=np.float64), np.arange(_HEIGHT, dtype=np.float64))
    return x, y


def _unit(field: Field) -> Field:
    """Return a field scaled to 0..1."""
    unit: Field = (field - field.min()) / (np.ptp(field) + 1e-9)
    return unit


def _lit(relief: Field, angle: float) -> Field:
    """Return the brightness of a relief under light from one side, mean 0, about -1..1."""
    down, right = np.gradient(relief)
    slope = np.asarray(math.cos(angle) * right + math.sin(angle) * down)
    lit: Field = np.tanh(slope / (2 * slope.std() + 1e-9))
    return lit


def _color(tone: Field, hues: tuple[float, float], saturation: float) -> NDArray[np.float64]:
    """Return the color of every pixel, ``(h, w, 3)``, from dark at tone 0 to light at tone 1."""
    low, high = (
        np.array(colorsys.hsv_to_rgb(hue % 1, saturation * share, value))
        for hue, share, value in ((hues[0], 1.0, 0.35), (hues[1], 0.8, 0.8))
    )
    color: NDArray[np.float64] = low + tone[..., None] * (high - low)
    return color


def _exposed(rgb: NDArray[np.float64], mean: float, deviation: float) -> NDArray[np.float64]:
    """Return an image with the given mean and deviation of its luminance, in 0..1, and the colors it had."""
    luma = rgb @ LUMA
    scores = ((luma - luma.mean()) / (luma.std() + 1e-9)).clip(-2.2, 2.2)
    target = mean + deviation * scores
    chroma = rgb - luma[..., None]
    exposed: NDArray[np.float64] = (target[..., None] + chroma).clip(0, 1)
    return exposed
