"""Reads generated sentences and judges them from the masks alone: an independent way to the same truth.

Understands only sentences that say that one straight move comes before another, or that a straight move is all there
is; what it understands must agree with the generator.
"""

import re

import numpy as np
from numpy.typing import NDArray

WAYS = {
    "left": (-1, 0), "leftward": (-1, 0), "right": (1, 0), "rightward": (1, 0),
    "up": (0, -1), "upward": (0, -1), "down": (0, 1), "downward": (0, 1),
}  # fmt: skip

OTHER_MOVES = re.compile(
    r"circ|loop|zig|weave|jump|hop|bounc|still|motionless|clos|near|away|distance|camera|approach|upper|lower|diagonal"
    r"|frame|view|picture|another|other|end|final|start|first|begin|fast|quick|rapid|speed|slow|hurried|turn|revers|rest"
    r"| and the | and to the |initially"
)


def order_of_moves(text: str) -> tuple[str, str] | None:
    """Return the two directions in the order in which they happen, ``None`` if the sentence is not of that kind."""
    words = [word for word in re.findall(r"[a-z]+", text.lower()) if word in WAYS]
    two = [word for index, word in enumerate(words) if index == 0 or word != words[index - 1]]
    if len(two) != 2 or re.search(r"jump|hop|bounc|circ|upper|lower|diagonal| and the ", text.lower()):
        return None
    return (two[1], two[0]) if " after " in text else (two[0], two[1])


def single_move(text: str) -> str | None:
    """Return the direction of a sentence that says nothing but a straight move."""
    words = [word for word in re.findall(r"[a-z]+", text.lower()) if word in WAYS]
    return words[0] if len(words) == 1 and not OTHER_MOVES.search(text.lower()) else None


def centers(masks: NDArray[np.bool_], camera: NDArray[np.float64]) -> NDArray[np.float64]:
    """Middle of an object's bounding box in the scene, from its masks ``(t, h, w)``; NaN where it is not seen."""
    points = np.full((len(masks), 2), np.nan)
    for t, mask in enumerate(masks):
        if mask.any():
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            points[t] = camera[t] + [(columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2]
    return points


def goes(points: NDArray[np.float64], way: str) -> bool:
    """Whether a stretch of a path leads straight in a direction: at least 9 pixels, and hardly sideways."""
    seen = points[~np.isnan(points[:, 0])]
    if len(seen) < 2:
        return False
    step = seen[-1] - seen[0]
    along = float(step @ WAYS[way])
    across = abs(float(step @ WAYS[way][::-1]))
    length = float(np.linalg.norm(np.diff(seen, axis=0), axis=1).sum())
    return along >= 9 and across <= 0.6 * along and length <= 1.35 * float(np.linalg.norm(step))


def goes_in_order(points: NDArray[np.float64], first: str, second: str) -> bool:
    """Whether there is a moment before which it goes one way and after which it goes the other."""
    return any(goes(points[: turn + 1], first) and goes(points[turn:], second) for turn in range(4, len(points) - 4))
