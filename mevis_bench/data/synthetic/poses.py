"""Poses of an object over time: tilt and squeeze, with which it sways and pulsates while it moves."""

import math

import numpy as np
from numpy.typing import NDArray

from mevis_bench.data.synthetic.motion import STEPS
from mevis_bench.data.synthetic.plan import Track

TILT, SWAY = math.radians(14), (math.radians(6), math.radians(14))
"""Largest lasting tilt, and range of the amplitude of swaying, in radians."""

SQUEEZE, PULSE = 0.07, (0.05, 0.12)
"""Largest lasting squeeze, and range of the amplitude of pulsating; both are logarithms of a width."""

_MOVES, _GROWS = 2.0, 0.03
"""Pixels and logarithm of the size per planned moment from which an object is fully in motion."""


def draw_poses(track: Track, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a pose per frame, float64 ``(t, 2)``: tilt in radians, and width relative to the sprite's.

    An object that does not move keeps its pose, so that it is motionless; every object is tilted and squeezed a little
    all the time, so that the pose in one frame does not reveal whether it moves.
    """
    activity = _activity(track)
    period = rng.uniform(4, 7) * (len(activity) - 1) / STEPS
    beat = rng.uniform(0, 2 * math.pi) + 2 * math.pi * np.cumsum(activity) / period
    tilt = rng.uniform(-TILT, TILT) + rng.uniform(*SWAY) * activity * np.sin(beat)
    squeeze = rng.uniform(-SQUEEZE, SQUEEZE) + rng.uniform(*PULSE) * activity * np.sin(2 * beat)
    return np.stack([tilt, np.exp(squeeze)], axis=1)


def _activity(track: Track) -> NDArray[np.float64]:
    """Return how much an object moves or grows in each frame, ``(t,)`` in 0..1, smooth over time."""
    frames = len(track.center)
    per_moment = (frames - 1) / STEPS
    speed = np.linalg.norm(np.gradient(track.center, axis=0), axis=1) * per_moment
    growth = np.abs(np.gradient(np.log(track.diameter))) * per_moment
    now = np.clip(np.maximum(speed / _MOVES, growth / _GROWS), 0, 1)
    half = max(1, round(per_moment))
    padded = np.pad(now, half, mode="edge")
    return np.convolve(padded, np.full(2 * half + 1, 1 / (2 * half + 1)), mode="valid")
