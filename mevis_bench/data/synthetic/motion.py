"""Motion of one object: a program of one or two moves, traced to a path.

Axes: x to the right, y down, in pixels of the scene; t frames. Scene coordinates do not move with the camera.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LENGTH = 16
"""Frames of every video."""

STEPS = LENGTH - 1

HEADINGS = {
    "right": 0.0,
    "down_right": 45.0,
    "down": 90.0,
    "down_left": 135.0,
    "left": 180.0,
    "up_left": 225.0,
    "up": 270.0,
    "up_right": 315.0,
}
"""Directions and their angles in degrees, clockwise from the right because y points down."""

SLOW, MEDIUM, FAST = (2.0, 2.6), (4.0, 5.6), (8.0, 9.5)
"""Speed ranges in pixels per frame; the gaps between them make "slowly" and "quickly" unambiguous."""


@dataclass(frozen=True, slots=True)
class Move:
    """One move of a program.

    Attributes:
        kind: A name of ``HEADINGS``, or ``still``, ``circle``, ``zigzag``, ``hop``, ``near``, ``far``.
        speed: Pixels per frame; only headings and ``zigzag`` use it.
        steps: Duration in frame steps, >= 1.
    """

    kind: str
    speed: float
    steps: int


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """The traced program of one object.

    Attributes:
        offsets: float64 ``(t, 2)``, x and y relative to the first frame.
        scales: float64 ``(t,)``, size relative to the sprite's own.
        phases: First and last frame of every move; neighbors share the frame between them.
    """

    offsets: NDArray[np.float64]
    scales: NDArray[np.float64]
    phases: tuple[tuple[int, int], ...]


def trace(program: tuple[Move, ...], rng: np.random.Generator) -> Path:
    """Return the path of a program of ``STEPS`` steps in total, with small random irregularities."""
    offsets = np.zeros((1, 2))
    scales = np.ones(1)
    phases = []
    for move in program:
        first = len(offsets) - 1
        piece, growth = _trace_move(move, rng)
        offsets = np.concatenate([offsets, offsets[-1] + piece])
        scales = np.concatenate([scales, scales[-1] * growth])
        phases.append((first, first + move.steps))
    return Path(offsets, scales / math.sqrt(scales.min() * scales.max()), tuple(phases))


def _trace_move(move: Move, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return offsets ``(steps, 2)`` and scale factors ``(steps,)`` relative to the end of the previous move."""
    n = move.steps
    time = np.arange(1, n + 1)
    flat = np.ones(n)
    if move.kind in HEADINGS:
        angle = math.radians(HEADINGS[move.kind] + rng.uniform(-6, 6))
        lengths = np.cumsum(move.speed * rng.uniform(0.9, 1.1, n))
        return np.outer(lengths, (math.cos(angle), math.sin(angle))), flat
    if move.kind in ("near", "far"):
        rate = math.log(rng.uniform(1.7, 1.95)) / n
        return np.zeros((n, 2)), np.exp((rate if move.kind == "near" else -rate) * time)
    if move.kind == "circle":
        radius, turn = rng.uniform(13, 18), rng.choice([-1, 1])
        start = rng.uniform(0, 2 * math.pi)
        angle_t = start + turn * 2 * math.pi * time / min(n, 8)
        ring = np.stack([np.cos(angle_t) - math.cos(start), np.sin(angle_t) - math.sin(start)], axis=1)
        return radius * ring, flat
    if move.kind == "hop":
        period = 3
        height = rng.uniform(13, 18) * np.abs(np.sin(math.pi * time / period))
        height[time > n // period * period] = 0.0
        return np.stack([np.zeros(n), -height], axis=1), flat
    if move.kind == "zigzag":
        return _zigzag(move.speed, n, rng), flat
    return np.zeros((n, 2)), flat


def _zigzag(speed: float, steps: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return offsets ``(steps, 2)`` of a zigzag along x or y."""
    time = np.arange(1, steps + 1)
    along = rng.choice([-1, 1]) * speed * time
    period = 5
    swing = rng.uniform(10, 13) * rng.choice([-1, 1]) * (2 / math.pi) * np.arcsin(np.sin(2 * math.pi * time / period))
    pair = (along, swing) if rng.random() < 0.75 else (swing, along * 0.8)
    return np.stack(pair, axis=1)


def follow(leader: Path, lag: int) -> Path:
    """Return a path that repeats ``leader`` with a delay of ``lag`` frames, in the leader's coordinates."""
    first_step = leader.offsets[1] - leader.offsets[0]
    before = np.outer(np.arange(-lag, 0), first_step)
    offsets = np.concatenate([before, leader.offsets])[:LENGTH]
    turns = [first + lag for first, _ in leader.phases[1:]]
    return Path(offsets, np.ones(LENGTH), tuple(zip([0, *turns], [*turns, STEPS], strict=True)))
