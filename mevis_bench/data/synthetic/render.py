"""Rendering of a plan: frames and masks of the visible pixels of every object."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mevis_bench.data.synthetic.backdrop import SCENE, draw_backdrop, draw_props
from mevis_bench.data.synthetic.plan import HEIGHT, WIDTH, Plan
from mevis_bench.data.synthetic.poses import draw_poses
from mevis_bench.data.synthetic.sprites import MARGIN, MASTER, SpriteKind, draw_sprite
from mevis_bench.data.synthetic.surfaces import draw_surface
from mevis_bench.data.synthetic.world import World

_POSE_REACH = 1.3
"""Side of the square that a tilted and squeezed sprite needs, relative to its image."""


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


@dataclass(frozen=True, slots=True, eq=False)
class _Actor:
    """One object as it is drawn.

    Attributes:
        sprite: Its image at full and at half size; the smaller one keeps bilinear sampling from aliasing.
        image: float64 ``(t, 2)``, x and y of its center in the frame.
        side: float64 ``(t,)``, side of the sprite's image in the frame.
        poses: See :func:`draw_poses`; ``None``: as the sprite is.
    """

    sprite: tuple[Image.Image, Image.Image]
    image: NDArray[np.float64]
    side: NDArray[np.float64]
    poses: NDArray[np.float64] | None


def render(plan: Plan, kinds: Sequence[SpriteKind], world: World, rng: np.random.Generator) -> Footage:
    """Render every frame; objects later in the plan occlude earlier ones, occluders all.

    Args:
        plan: Objects and camera, one row per frame.
        kinds: Kind of every object.
        world: What there is to see.
        rng: Random generator.
    """
    bright = bool(rng.random() < 0.5)
    draw_background = draw_surface if world.surfaces else draw_backdrop
    backdrop, props = draw_background(not bright, rng), draw_props(not bright, rng)
    actors = _actors(plan, kinds, world, bright, rng)
    frames = []
    length, number = len(plan.camera), len(actors)
    masks = np.zeros((length, number, HEIGHT, WIDTH), bool)
    unoccluded = np.zeros((length, number), np.int64)
    for t in range(length):
        frame = _view(backdrop, plan.camera[t])
        owner = np.zeros((HEIGHT, WIDTH), np.uint8)
        for i, actor in enumerate(actors):
            unoccluded[t, i] = _stamp(frame, owner, i + 1, actor, t)
        if props is not None:
            front = _view(props, plan.camera[t])
            frame.paste(front, mask=front.getchannel("A"))
            owner[np.asarray(front.getchannel("A")) > 127] = 0
        masks[t] = owner == np.arange(1, number + 1, dtype=np.uint8)[:, None, None]
        frames.append(frame)
    return Footage(tuple(frames), masks, unoccluded)


def _actors(
    plan: Plan, kinds: Sequence[SpriteKind], world: World, bright: bool, rng: np.random.Generator
) -> list[_Actor]:
    if world.own_colors:
        sprites = [draw_sprite(kind, bright, rng) for kind in kinds]
    else:
        shared = {kind.noun: draw_sprite(kind, bright, rng) for kind in dict.fromkeys(kinds)}
        sprites = [shared[kind.noun] for kind in kinds]
    return [
        _Actor(
            (sprite, sprite.reduce(2)),
            track.image,
            track.diameter * MARGIN,
            draw_poses(track, rng) if world.poses else None,
        )
        for sprite, track in zip(sprites, plan.tracks, strict=True)
    ]


def _view(scene: Image.Image, corner: NDArray[np.float64]) -> Image.Image:
    """Return the camera's view of the scene, with subpixel position."""
    x, y = float(corner[0]), float(corner[1])
    box = (x, y, min(x + WIDTH, SCENE[0]), min(y + HEIGHT, SCENE[1]))
    if x.is_integer() and y.is_integer():
        return scene.crop((int(x), int(y), int(x) + WIDTH, int(y) + HEIGHT))
    return scene.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR, box=box)


def _stamp(frame: Image.Image, owner: NDArray[np.uint8], number: int, actor: _Actor, t: int) -> int:
    """Draw one object into the frame and the owner map; return its number of pixels."""
    x, y = actor.image[t]
    side = float(actor.side[t])
    tilt, squeeze, reach = (0.0, 1.0, side) if actor.poses is None else (*actor.poses[t], side * _POSE_REACH)
    left, top = int(np.floor(x - reach / 2)), int(np.floor(y - reach / 2))
    extent = int(np.ceil(reach)) + 1
    if left >= WIDTH or top >= HEIGHT or left + extent <= 0 or top + extent <= 0:
        return 0
    small = actor.sprite[int(MASTER / side >= 2)]
    ratio = small.width / side
    shift_x, shift_y = left - (x - side / 2), top - (y - side / 2)
    a, b = ratio * math.cos(tilt) / squeeze, ratio * math.sin(tilt) / squeeze
    d, e = -ratio * math.sin(tilt) * squeeze, ratio * math.cos(tilt) * squeeze
    middle_x, middle_y = side / 2 - shift_x, side / 2 - shift_y
    c = shift_x * ratio + (ratio - a) * middle_x - b * middle_y
    f = shift_y * ratio + (ratio - e) * middle_y - d * middle_x
    piece = small.transform((extent, extent), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR)
    alpha = piece.getchannel("A")
    frame.paste(piece, (left, top), alpha)
    rows = slice(max(top, 0), min(top + extent, HEIGHT))
    columns = slice(max(left, 0), min(left + extent, WIDTH))
    covered = np.asarray(alpha)[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] > 127
    owner[rows, columns][covered] = number
    return int(covered.sum())
