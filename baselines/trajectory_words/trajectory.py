"""From one object's masks to what it did: one move, or two one after the other.

Lengths are in frame diagonals, independent of the video's size. Camera motion is not estimated: a pan looks like
a motion of everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import Rle

STILL = 0.03
"""A path that spans less than this, in frame diagonals, is standing still."""
GROWTH = 0.3
"""Logarithm of the change in diameter from which an object counts as coming closer or going away."""
FULL_TURN = 1.5 * np.pi
"""Turned through by a circle, in radians."""
BEND = 0.015
"""Mean distance from steady motion, in frame diagonals, from which one move is not enough."""
SHORTEST = 3
"""Steps of a move at least."""

HEADINGS = ("right", "down right", "down", "down left", "left", "up left", "up", "up right")


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """Positions of one object in the frames that show it.

    Attributes:
        centers: float64 ``(n, 2)``, x and y of the center of mass, in frame diagonals.
        diameters: float64 ``(n,)``, square root of the area, in frame diagonals.
        appears: It is absent from the first frame.
        vanishes: It is absent from the last frame.
    """

    centers: NDArray[np.float64]
    diameters: NDArray[np.float64]
    appears: bool
    vanishes: bool


def trace(masks: Sequence[Rle | None]) -> Trajectory | None:
    """Trace an object through its masks; ``None`` where no frame shows it."""
    centers, diameters = [], []
    present = []
    for mask in masks:
        dense = None if mask is None else mask.decode()
        present.append(dense is not None and bool(dense.any()))
        if dense is None or not present[-1]:
            continue
        diagonal = float(np.hypot(*dense.shape))
        rows, columns = np.nonzero(dense)
        centers.append((columns.mean() / diagonal, rows.mean() / diagonal))
        diameters.append(np.sqrt(len(rows)) / diagonal)
    if not any(present):
        return None
    return Trajectory(np.array(centers), np.array(diameters), not present[0], not present[-1])


def moves(trajectory: Trajectory) -> tuple[str, ...]:
    """Name what an object did.

    Returns:
        One or two of ``HEADINGS``, ``still``, ``circle``, ``hop``, ``near``, ``far``, in order of time.
    """
    points, sizes = trajectory.centers, trajectory.diameters
    whole = _move(points, sizes)
    if whole in ("still", "circle", "hop", "near", "far") or len(points) < 2 * SHORTEST + 1:
        return (whole,)
    split = _bend(points)
    if split is None:
        return (whole,)
    first, second = _move(points[: split + 1], sizes[: split + 1]), _move(points[split:], sizes[split:])
    return (first,) if first == second else (first, second)


def _bend(points: NDArray[np.float64]) -> int | None:
    """Index of the point at which two steady motions fit a path best; ``None`` where one does about as well."""
    places = range(SHORTEST, len(points) - SHORTEST)
    misfits = [_misfit(points[: k + 1]).sum() + _misfit(points[k:]).sum() for k in places]
    whole = _misfit(points)
    best = int(np.argmin(misfits))
    return places[best] if whole.mean() > BEND and misfits[best] < 0.5 * whole.sum() else None


def _misfit(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of every point from where an even motion between the ends would have it: ``(n,)``."""
    share = np.linspace(0, 1, len(points))[:, None]
    out: NDArray[np.float64] = np.linalg.norm(points - (points[0] + share * (points[-1] - points[0])), axis=1)
    return out


def _move(points: NDArray[np.float64], sizes: NDArray[np.float64]) -> str:
    """Name one stretch of a path."""
    steps = np.diff(points, axis=0)
    path = float(np.linalg.norm(steps, axis=1).sum())
    net = points[-1] - points[0]
    growth = float(np.log(sizes[-1] / sizes[0]))
    if abs(growth) > GROWTH and _length(net) < 3 * STILL:
        return "near" if growth > 0 else "far"
    if _length(np.ptp(points, axis=0)) < STILL:
        return "still"
    if _length(net) < 0.5 * path:
        if abs(_turned(steps)) > FULL_TURN:
            return "circle"
        if _reversals(steps[:, 1]) >= 3 and np.ptp(points[:, 0]) < STILL:
            return "hop"
    return HEADINGS[round(float(np.arctan2(net[1], net[0])) / (np.pi / 4)) % 8]


def _length(vector: NDArray[np.float64]) -> float:
    return float(np.hypot(*vector))


def _turned(steps: NDArray[np.float64]) -> float:
    """Angle by which a path turns from its first to its last step, in radians; one way only adds up."""
    moving = steps[np.linalg.norm(steps, axis=1) > 1e-3]
    if len(moving) < 2:
        return 0.0
    angles = np.unwrap(np.arctan2(moving[:, 1], moving[:, 0]))
    return float(angles[-1] - angles[0])


def _reversals(values: NDArray[np.float64]) -> int:
    signs = np.sign(values[np.abs(values) > 1e-3])
    return int(np.sum(signs[1:] != signs[:-1]))
