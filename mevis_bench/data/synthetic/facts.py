"""Facts of a plan: claims about motion, evaluated on the true tracks.

Motion is relative to the scene; camera motion does not count. The logic is three-valued: ``True``, ``False``, or
``None`` where the claim is ambiguous; no sentence is written about an ambiguous claim.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mevis_bench.data.synthetic.motion import HEADINGS, LENGTH
from mevis_bench.data.synthetic.plan import DIAGONAL, Plan, Track

Ternary = bool | None
"""Truth value of Kleene's three-valued logic; ``None``: ambiguous."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement about an object's motion, as data.

    Attributes:
        form: ``whole`` (move, pace), ``order`` (move, move), ``start`` (move), ``end`` (move), ``event`` (name),
            ``relation`` (name), ``extreme`` (name).
        what: Arguments of the form; pace is ``""``, ``fast`` or ``slow``.
    """

    form: str
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Motion:
    """Measured motion of one phase of a track.

    Attributes:
        kind: ``straight``, ``still``, ``circle``, ``zigzag``, ``hop``, ``near``, ``far``, or ``unclear``.
        angle: Heading in degrees, 0..360, clockwise from the right.
        speed: Pixels per frame along the path.
        visible_frames: Number of frames in which at least half of the object is in the image.
    """

    kind: str
    angle: float
    speed: float
    visible_frames: int


def measure(track: Track, first: int, last: int) -> Motion:
    """Return the motion of one phase, frames ``first..last`` inclusive."""
    points = track.center[first : last + 1]
    steps = np.diff(points, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    path = float(lengths.sum())
    net = points[-1] - points[0]
    distance = float(np.hypot(*net))
    growth = math.log(track.diameter[last] / track.diameter[first])
    angle = math.degrees(math.atan2(net[1], net[0])) % 360
    visible_frames = int(np.sum(track.inside[first : last + 1] >= 0.5))
    kind = "unclear"
    if path <= 2 and abs(growth) <= 0.08:
        kind = "still"
    elif path <= 2 and abs(growth) >= 0.4:
        kind = "near" if growth > 0 else "far"
    elif abs(growth) <= 0.08:
        kind = _kind_of_path(steps, path, distance)
    return Motion(kind, angle, path / max(len(steps), 1), visible_frames)


def _kind_of_path(steps: np.ndarray, path: float, distance: float) -> str:
    if distance >= 9 and distance >= 0.95 * path:
        return "straight"
    moving = steps[np.linalg.norm(steps, axis=1) > 0.5]
    if len(moving) == 0:
        return "unclear"
    angles = np.unwrap(np.arctan2(moving[:, 1], moving[:, 0]))
    if abs(angles[-1] - angles[0]) >= math.radians(270) and distance <= 0.5 * path:
        return "circle"
    back_and_forth = [int(np.sum(np.diff(np.sign(moving[:, axis])) != 0)) for axis in (0, 1)]
    if np.ptp(np.cumsum(steps[:, 0])) <= 2 and back_and_forth[1] >= 3:
        return "hop"
    if max(back_and_forth) >= 4 and distance >= 40:
        return "zigzag"
    return "unclear"


def all_of(*values: Ternary) -> Ternary:
    """Return Kleene's conjunction."""
    if any(value is False for value in values):
        return False
    return None if any(value is None for value in values) else True


def not_(value: Ternary) -> Ternary:
    """Return Kleene's negation."""
    return None if value is None else not value


def is_move(motion: Motion, move: str, pace: str = "") -> Ternary:
    """Return whether a phase is the given move at the given pace."""
    value = _is_move_at_any_pace(motion, move)
    if value and (motion.visible_frames < 5):
        return None
    if not pace or value is False:
        return value
    if motion.kind != "straight":
        return None
    return all_of(value, motion.speed >= 7.5 if pace == "fast" else motion.speed <= 3.2)


def _is_move_at_any_pace(motion: Motion, move: str) -> Ternary:
    if motion.kind == "unclear":
        return None
    if move in ("still", "moving"):
        still: Ternary = None if motion.kind in ("near", "far") else motion.kind == "still"
        return still if move == "still" else not_(still)
    if move not in HEADINGS:
        return motion.kind == move
    away = abs((motion.angle - HEADINGS[move] + 180) % 360 - 180)
    if motion.kind == "straight":
        return _band(away, 15, 35 if move in DIAGONAL else 70)
    if motion.kind == "zigzag":
        return None if away < 100 else False
    if motion.kind == "hop":
        return None if move in ("up", "down") else False
    return False


def _band(value: float, true_up_to: float, false_from: float) -> Ternary:
    """Return ``True`` for small values, ``False`` for large ones, ``None`` between the two limits."""
    if value <= true_up_to:
        return True
    return False if value >= false_from else None


class Facts:
    """Evaluates claims about the objects of one kind, which it never compares with those of another one.

    Attributes:
        members: Indices in the plan, ascending; truth values are in this order.
    """

    def __init__(self, plan: Plan, members: Sequence[int] | None = None) -> None:
        self.members = tuple(range(len(plan.tracks)) if members is None else members)
        self.tracks = tuple(plan.tracks[i] for i in self.members)
        self.motions = tuple(tuple(measure(track, *phase) for phase in track.phases) for track in self.tracks)
        self._others = tuple(tuple(j for j in range(len(self.tracks)) if j != i) for i in range(len(self.tracks)))

    def evaluate(self, claim: Claim) -> tuple[Ternary, ...]:
        """Return the truth value of a claim for every member."""
        if claim.form == "extreme":
            return self._extreme(claim.what[0])
        evaluate: Callable[[int, tuple[str, ...]], Ternary] = getattr(self, f"_{claim.form}")
        return tuple(evaluate(i, claim.what) for i in range(len(self.tracks)))

    def targets(self, claim: Claim) -> tuple[int, ...] | None:
        """Return the members for which a claim is true; ``None`` if it is ambiguous for any member."""
        values = self.evaluate(claim)
        if any(value is None for value in values):
            return None
        return tuple(i for i, value in zip(self.members, values, strict=True) if value)

    def _whole(self, i: int, what: tuple[str, ...]) -> Ternary:
        values = [is_move(motion, *what) for motion in self.motions[i]]
        if all(value is False for value in values):
            return False
        return True if all(values) else None

    def _order(self, i: int, what: tuple[str, ...]) -> Ternary:
        phases = self.motions[i]
        return all_of(is_move(phases[0], what[0]), is_move(phases[-1], what[1]))

    def _start(self, i: int, what: tuple[str, ...]) -> Ternary:
        return self._only_in_phase(i, what[0], 0)

    def _end(self, i: int, what: tuple[str, ...]) -> Ternary:
        return self._only_in_phase(i, what[0], -1)

    def _only_in_phase(self, i: int, move: str, phase: int) -> Ternary:
        """Return whether a move starts or ends the video without filling it."""
        motions = self.motions[i]
        in_phase = is_move(motions[phase], move)
        if in_phase is False:
            return False
        return True if in_phase and len(motions) == 2 and is_move(motions[-1 - phase], move) is False else None

    def _event(self, i: int, what: tuple[str, ...]) -> Ternary:
        name = what[0]
        if name == "turn_back":
            return self._turns_back(i)
        inside = self.tracks[i].inside
        if inside.min() >= 0.75:
            return name == "stay_in"
        out = np.flatnonzero(inside <= 0.02)
        if len(out) < 2:
            return None
        starts_out, ends_out = out[0] == 0, out[-1] == LENGTH - 1
        kinds = {"enter": starts_out and not ends_out, "leave": ends_out and not starts_out}
        kinds |= {"return": not starts_out and not ends_out, "stay_in": False}
        if name == "leave" and kinds["return"]:
            return None
        return bool(kinds[name])

    def _turns_back(self, i: int) -> Ternary:
        motions = self.motions[i]
        if any(motion.kind in ("unclear", "zigzag", "circle", "hop") for motion in motions):
            return None
        if len(motions) < 2 or any(motion.kind != "straight" for motion in motions):
            return False
        bend = abs((motions[0].angle - motions[1].angle + 180) % 360 - 180)
        return _band(180 - bend, 25, 60)

    def _relation(self, i: int, what: tuple[str, ...]) -> Ternary:
        """Return whether a relation to any other object holds."""
        name = what[0]
        passive = {"followed": self._follows, "overtaken": self._overtakes}
        active = {"follow": self._follows, "overtake": self._overtakes, "meet": self._meets, "together": self._together}
        if name in passive:
            values = [passive[name](j, i) for j in self._others[i]]
        else:
            values = [active[name](i, j) for j in self._others[i]]
        if True in values:
            return True
        return None if None in values else False

    def _follows(self, i: int, j: int) -> Ternary:
        one, other = self.tracks[i].center, self.tracks[j].center
        if min(self._paths[i], self._paths[j]) < 25:
            return False
        gaps = [float(np.linalg.norm(one[lag:] - other[:-lag], axis=1).mean()) for lag in range(2, 8)]
        return _band(min(gaps), 4, 26)

    def _overtakes(self, i: int, j: int) -> Ternary:
        if len(self.motions[i]) > 1 or len(self.motions[j]) > 1:
            same_way = [
                is_move(one, move) and is_move(other, move)
                for one in self.motions[i] for other in self.motions[j] for move in ("left", "right", "up", "down")
            ]  # fmt: skip
            return None if True in same_way else False
        for move in ("left", "right", "up", "down"):
            if not (is_move(self.motions[i][0], move) and is_move(self.motions[j][0], move)):
                continue
            angle = math.radians(HEADINGS[move])
            lead = (self.tracks[i].center - self.tracks[j].center) @ (math.cos(angle), math.sin(angle))
            if lead[0] >= -3 or lead[-1] <= 3:
                return False
            gap = self.tracks[i].center[0] - self.tracks[j].center[0]
            across = abs(gap @ (-math.sin(angle), math.cos(angle)))
            return True if lead[0] <= -12 and lead[-1] >= 12 and across <= 55 else None
        return False

    def _meets(self, i: int, j: int) -> Ternary:
        return all_of(self._heads_for(i, j), self._heads_for(j, i))

    def _heads_for(self, i: int, j: int) -> Ternary:
        """Return whether object i moves straight towards object j and gets much closer."""
        if any(motion.kind in ("still", "circle", "hop", "near", "far") for motion in self.motions[i]):
            return False
        if len(self.motions[i]) > 1 or self.motions[i][0].kind != "straight":
            return None
        gap = self.tracks[j].center - self.tracks[i].center
        bearing = math.degrees(math.atan2(gap[0, 1], gap[0, 0]))
        off = abs((self.motions[i][0].angle - bearing + 180) % 360 - 180)
        distances = np.linalg.norm(gap, axis=1)
        return all_of(_band(off, 15, 50), _band(float(distances[-1] / distances[0]), 0.5, 0.9))

    def _together(self, i: int, j: int) -> Ternary:
        one, other = self.tracks[i].center, self.tracks[j].center
        if min(self._paths[i], self._paths[j]) < 25:
            return False
        gap = one - other
        drift = float(np.linalg.norm(gap - gap.mean(axis=0), axis=1).max())
        distance = float(np.linalg.norm(gap, axis=1).max())
        return all_of(_band(drift, 4, 22), _band(distance, 60, 110))

    @cached_property
    def _paths(self) -> tuple[float, ...]:
        """Length of every object's path inside the frame, in pixels."""
        return tuple(
            float(np.linalg.norm(np.diff(track.center, axis=0), axis=1)[track.inside[1:] >= 0.5].sum())
            for track in self.tracks
        )

    def _extreme(self, name: str) -> tuple[Ternary, ...]:
        """Evaluate a superlative: true for one object, or all ``None`` where it is too close or does not apply."""
        number = len(self.tracks)
        if number < 2:
            return (None,) * number
        values, margin = self._ranking(name)
        if values is None:
            return (None,) * number
        order = sorted(range(number), key=lambda i: -values[i])
        if values[order[0]] - values[order[1]] < margin:
            return (None,) * number
        return tuple(i == order[0] for i in range(number))

    def _ranking(self, name: str) -> tuple[list[float] | None, float]:
        """Return a value per object, whose maximum the superlative refers to, and the required margin to the second."""
        if any(track.inside.min() < 0.75 for track in self.tracks):
            return None, 0.0
        if any(motion.kind == "unclear" for motions in self.motions for motion in motions):
            return None, 0.0
        if name == "farthest":
            nets = [float(np.hypot(*(track.center - track.center[0]).T).max()) for track in self.tracks]
            if int(np.argmax(nets)) != int(np.argmax(self._paths)) or sorted(nets)[-2] * 1.3 > max(nets):
                return None, 0.0
            return list(self._paths), 0.25 * max(self._paths)
        if name == "fastest":
            if any(motion.kind in ("hop", "circle", "zigzag") for motions in self.motions for motion in motions):
                return None, 0.0
            speeds = [max(motion.speed for motion in motions) for motions in self.motions]
            return speeds, 0.3 * max(speeds)
        if name in ("last_start", "first_stop"):
            return self._timing(name)
        axis, sign = {"end_left": (0, -1), "end_right": (0, 1), "end_top": (1, -1), "end_bottom": (1, 1)}[name]
        begin = [sign * float(track.center[0, axis]) for track in self.tracks]
        end = [sign * float(track.center[-1, axis]) for track in self.tracks]
        return (None, 0.0) if int(np.argmax(begin)) == int(np.argmax(end)) else (end, 18.0)

    def _timing(self, name: str) -> tuple[list[float] | None, float]:
        """Return the ranking by the frame of the first motion, or by how early the last motion ends."""
        values = []
        for track, motions in zip(self.tracks, self.motions, strict=True):
            still = [motion.kind == "still" for motion in motions]
            if all(still):
                values.append(-float(LENGTH))
            elif name == "last_start":
                values.append(float(track.phases[1][0]) if still[0] else 0.0)
            else:
                values.append(-float(track.phases[-1][0]) if still[-1] else -float(LENGTH))
        applies = max(values) > 0 if name == "last_start" else max(values) > -LENGTH
        return (values if applies and sum(value > -LENGTH for value in values) > (name == "last_start") else None), 2.5
