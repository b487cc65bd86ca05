"""Rendering of a plan: frames and masks of the visible pixels of every object."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mevis_bench.data.synthetic.backdrop import SCENE, draw_backdrop, draw_props
from mevis_bench.data.synthetic.motion import LENGTH
from mevis_bench.data.synthetic.plan import HEIGHT, WIDTH, Plan, Track
from mevis_bench.data.synthetic.sprites import MARGIN, MASTER, SpriteKind, draw_sprite


@dataclass(frozen=True, slots=True, eq=False)
class Footage:
    """A rendered video.

    Attributes:
        frames: RGB images, ``WIDTH`` by ``HEIGHT``.
        masks: bool ``(t, n, h, w)``, visible pixels of every object, without occluded ones.
        unoccluded: int64 ``(t, n)``, pixels of the object in the frame, occluded ones included.
    """

    frames: tuple[Image.Image, ...]
    masks: NDArray[np.bool_]
    unoccluded: NDArray[np.int64]


def render(plan: Plan, kind: SpriteKind, rng: np.random.Generator) -> Footage:
    """Render every frame; objects later in the plan occlude earlier ones, occluders all."""
    bright = bool(rng.random() < 0.5)
    backdrop, props = draw_backdrop(not bright, rng), draw_props(not bright, rng)
    sprite = draw_sprite(kind, bright, rng)
    frames = []
    masks = np.zeros((LENGTH, len(plan.tracks), HEIGHT, WIDTH), bool)
    unoccluded = np.zeros((LENGTH, len(plan.tracks)), np.int64)
    for t in range(LENGTH):
        frame = _view(backdrop, plan.camera[t])
        owner = np.zeros((HEIGHT, WIDTH), np.uint8)
        for i, track in enumerate(plan.tracks):
            unoccluded[t, i] = _stamp(frame, owner, i + 1, sprite, track, t)
        if props is not None:
            front = _view(props, plan.camera[t])
            frame.paste(front, mask=front.getchannel("A"))
            owner[np.asarray(front.getchannel("A")) > 127] = 0
        masks[t] = owner == np.arange(1, len(plan.tracks) + 1, dtype=np.uint8)[:, None, None]
        frames.append(frame)
    return Footage(tuple(frames), masks, unoccluded)


def _view(scene: Image.Image, corner: NDArray[np.float64]) -> Image.Image:
    """Return the camera's view of the scene, with subpixel position."""
    x, y = float(corner[0]), float(corner[1])
    box = (x, y, min(x + WIDTH, SCENE[0]), min(y + HEIGHT, SCENE[1]))
    if x.is_integer() and y.is_integer():
        return scene.crop((int(x), int(y), int(x) + WIDTH, int(y) + HEIGHT))
    return scene.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR, box=box)


def _stamp(frame: Image.Image, owner: NDArray[np.uint8], number: int, sprite: Image.Image, track: Track, t: int) -> int:
    """Draw one object into the frame and the owner map; return its number of pixels."""
    x, y = track.image[t]
    side = track.diameter[t] * MARGIN
    left, top = int(np.floor(x - side / 2)), int(np.floor(y - side / 2))
    extent = int(np.ceil(side)) + 1
    if left >= WIDTH or top >= HEIGHT or left + extent <= 0 or top + extent <= 0:
        return 0
    ratio = MASTER / side
    shift_x, shift_y = left - (x - side / 2), top - (y - side / 2)
    small = _downscale(sprite, ratio)
    ratio *= small.width / MASTER
    matrix = (ratio, 0.0, shift_x * ratio, 0.0, ratio, shift_y * ratio)
    piece = small.transform((extent, extent), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    alpha = piece.getchannel("A")
    frame.paste(piece, (left, top), alpha)
    rows = slice(max(top, 0), min(top + extent, HEIGHT))
    columns = slice(max(left, 0), min(left + extent, WIDTH))
    covered = np.asarray(alpha)[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] > 127
    owner[rows, columns][covered] = number
    return int(covered.sum())


def _downscale(sprite: Image.Image, ratio: float) -> Image.Image:
    """Return the sprite at half size if it is at least twice too large, so that bilinear sampling does not alias."""
    if ratio < 2:
        return sprite
    return sprite.reduce(2)
