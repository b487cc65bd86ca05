"""Plan of a video: its objects, their motions and positions, and the camera path.

The objects of one kind differ only in motion. In most videos two objects make the same two moves in
opposite order; in many, the motions of two objects are related (one follows or overtakes the other ...).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mevis_bench.data.synthetic.motion import FAST, LENGTH, MEDIUM, SLOW, STEPS, Move, Path, follow, trace

WIDTH, HEIGHT = 256, 144
"""Pixels of every frame."""

PAN_X, PAN_Y = 44, 18
"""Largest camera offset from the center of the scene, in pixels."""

SIMPLE = ("left", "right", "up", "down")
DIAGONAL = ("up_left", "up_right", "down_left", "down_right")
OPPOSITE_ORDERS = 0.75
"""Share of videos in which two objects make the same two moves in opposite order."""

OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """True trajectory of one object.

    Attributes:
        center: float64 ``(t, 2)``, x and y in scene pixels; claims about its motion are evaluated on it.
        image: float64 ``(t, 2)``, x and y in frame pixels, where it is drawn.
        diameter: float64 ``(t,)``, pixels.
        phases: First and last frame of every move of its program.
        inside: float64 ``(t,)``, share of its bounding square that lies in the frame, 0..1.
    """

    center: NDArray[np.float64]
    image: NDArray[np.float64]
    diameter: NDArray[np.float64]
    phases: tuple[tuple[int, int], ...]
    inside: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The objects of one video and its camera.

    Attributes:
        tracks: 3 to 5 objects.
        camera: float64 ``(t, 2)``, the frame's top left corner in scene pixels.
    """

    tracks: tuple[Track, ...]
    camera: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Member:
    """One object of a group that is placed together. ``exit``: border that it crosses, and the frame."""

    path: Path
    shift: tuple[float, float] = (0.0, 0.0)
    exit: tuple[str, int] | None = None


def make_plan(rng: np.random.Generator, opposite_orders: float = OPPOSITE_ORDERS) -> Plan:
    """Return a random plan that fits into the frame (rejection sampling)."""
    while True:
        camera = _camera(rng)
        size = rng.uniform(26, 33)
        tracks: list[Track] = []
        for group_spec in _sample_groups(rng, opposite_orders):
            group = _place_group(group_spec, camera, size, tracks, rng)
            if group is None:
                break
            tracks.extend(group)
        else:
            return Plan(tuple(tracks[i] for i in rng.permutation(len(tracks))), camera)


def _sample_groups(rng: np.random.Generator, opposite_orders: float) -> list[tuple[str, ...]]:
    """Return the groups of a video: name of the group, then its moves."""
    count = int(rng.choice([3, 4, 5], p=[0.25, 0.45, 0.3]))
    groups: list[tuple[str, ...]] = []
    if rng.random() < opposite_orders:
        first, second = _two_moves(rng)
        groups += [("moves", first, second), ("moves", second, first)]
    room = count - len(groups)
    if room >= 2 and rng.random() < 0.5:
        groups.append((str(rng.choice(["follow", "overtake", "meet", "together"])),))
        room -= 2
    if room and rng.random() < 0.4:
        groups.append((str(rng.choice(["leave", "return", "enter"])),))
        room -= 1
    for _ in range(room):
        moves = [group for group in groups if group[0] == "moves"]
        if moves and rng.random() < 0.3:
            groups.append(moves[rng.integers(len(moves))])
        elif rng.random() < 0.45:
            groups.append(("moves", *_two_moves(rng)))
        else:
            groups.append(("moves", _one_move(rng)))
    return groups


def _one_move(rng: np.random.Generator) -> str:
    chances = {"still": 3, "circle": 2, "zigzag": 1.5, "hop": 2, "near": 1.2, "far": 1.2}
    chances |= dict.fromkeys(SIMPLE, 2.2) | dict.fromkeys(DIAGONAL, 0.7)
    return _draw(chances, rng)


def _two_moves(rng: np.random.Generator) -> tuple[str, str]:
    chances = {"still": 1.6, "circle": 0.7, "hop": 0.8, "near": 0.5, "far": 0.5} | dict.fromkeys(SIMPLE, 1.6)
    first = _draw(chances, rng)
    second = _draw({name: chance for name, chance in chances.items() if name != first}, rng)
    if {first, second} == {"near", "far"}:
        return _two_moves(rng)
    return first, second


def _draw(chances: dict[str, float], rng: np.random.Generator) -> str:
    weights = np.array(list(chances.values()))
    return str(rng.choice(list(chances), p=weights / weights.sum()))


def _camera(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the frame's top left corner in the scene, ``(t, 2)``: static, shaking, or panning at constant speed."""
    kind = rng.choice(["still", "tremble", "pan"], p=[0.4, 0.2, 0.4])
    middle = np.tile([float(PAN_X), float(PAN_Y)], (LENGTH, 1))
    if kind == "still":
        return middle
    if kind == "tremble":
        return middle + rng.uniform(-1.6, 1.6, (LENGTH, 2))
    reach = rng.uniform([14, 0], [PAN_X - 4, 12]) * rng.choice([-1, 1], 2)
    return middle + np.outer(np.linspace(-1, 1, LENGTH), reach)


def _speed(kind: str, steps: int, rng: np.random.Generator) -> float:
    """Return a random speed; long vertical moves are never fast, because they would leave the frame."""
    chances = [0.25, 0.5, 0.25]
    if kind not in ("left", "right") and steps > 9:
        chances = [0.4, 0.6, 0.0]
    low, high = (SLOW, MEDIUM, FAST)[rng.choice(3, p=chances)]
    return float(rng.uniform(low, high))


def _program(kinds: tuple[str, ...], rng: np.random.Generator) -> tuple[Move, ...]:
    if len(kinds) == 1:
        speed = 4.6 if kinds[0] == "zigzag" else _speed(kinds[0], STEPS, rng)
        return (Move(kinds[0], speed, STEPS),)
    turn = int(rng.integers(6, 10))
    steps = (turn, STEPS - turn)
    return tuple(Move(kind, _speed(kind, n, rng), n) for kind, n in zip(kinds, steps, strict=True))


def _members(group: tuple[str, ...], size: float, rng: np.random.Generator) -> list[_Member]:
    """Return the objects of one group with paths relative to each other."""
    name, *kinds = group
    if name == "moves":
        return [_Member(trace(_program(tuple(kinds), rng), rng))]
    if name in ("leave", "return", "enter"):
        return [_crossing(name, rng)]
    heading = str(rng.choice(["left", "right"]))
    sign = 1 if heading == "right" else -1
    if name == "overtake":
        slow = trace((Move(heading, rng.uniform(*SLOW), STEPS),), rng)
        fast = trace((Move(heading, rng.uniform(*FAST), STEPS),), rng)
        lane = size * rng.uniform(1.0, 1.3) * rng.choice([-1, 1])
        return [_Member(slow), _Member(fast, (-sign * rng.uniform(30, 42), lane))]
    if name == "meet":
        gap = rng.uniform(125, 160)
        rightward = trace((Move("right", rng.uniform(2.7, 3.2), STEPS),), rng)
        leftward = trace((Move("left", rng.uniform(2.7, 3.2), STEPS),), rng)
        return [_Member(rightward), _Member(leftward, (gap, rng.uniform(-5, 5)))]
    if name == "together":
        program = _program((heading,) if rng.random() < 0.5 else (heading, str(rng.choice(["up", "down"]))), rng)
        path = trace(program, rng)
        return [_Member(path), _Member(path, (rng.uniform(-6, 6), size * rng.uniform(1.15, 1.4)))]
    first = heading if rng.random() < 0.5 else str(rng.choice(["up", "down"]))
    second = str(rng.choice(["up", "down"])) if first == heading else heading
    speed = rng.uniform(6.2, 6.9)
    turn = int(rng.integers(5, 8))
    single = first == heading and rng.random() < 0.6
    moves = [(first, STEPS)] if single else [(first, turn), (second, STEPS - turn)]
    leader = trace(tuple(Move(kind, speed, n) for kind, n in moves), rng)
    return [_Member(leader), _Member(follow(leader, 5))]


def _crossing(name: str, rng: np.random.Generator) -> _Member:
    """Return an object that leaves the frame, leaves and returns, or enters at the frame in ``exit``."""
    heading = str(rng.choice(["left", "right", "up", "down"], p=[0.35, 0.35, 0.15, 0.15]))
    speed = float(rng.uniform(5.0, 6.5))
    if name == "leave":
        return _Member(trace((Move(heading, speed, STEPS),), rng), exit=(heading, int(rng.integers(8, 12))))
    if name == "enter":
        return _Member(trace((Move(heading, speed, STEPS),), rng), exit=(OPPOSITE[heading], int(rng.integers(3, 6))))
    turn = int(rng.integers(7, 9))
    moves = (Move(heading, speed, turn), Move(OPPOSITE[heading], speed, STEPS - turn))
    return _Member(trace(moves, rng), exit=(heading, turn - 2))


def _place_group(
    group: tuple[str, ...], camera: NDArray[np.float64], size: float, others: list[Track], rng: np.random.Generator
) -> list[Track] | None:
    """Return a group placed inside the frame and apart from the other objects; ``None`` if there is no room."""
    for _ in range(6):
        members = _members(group, size, rng)
        low, high = _room(members, camera, size)
        if np.any(low > high):
            continue
        for _ in range(8):
            start = rng.uniform(low, high)
            tracks = [_track(member, start, camera, size) for member in members]
            if all(_apart(track, other) for track in tracks for other in others):
                return tracks
    return None


def _room(
    members: list[_Member], camera: NDArray[np.float64], size: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and highest start (x, y) for which every member stays in the frame or crosses it as planned."""
    frame = np.array([WIDTH, HEIGHT])
    lows, highs = [], []
    for member in members:
        half = 0.5 * size * member.path.scales[:, None]
        fixed = member.path.offsets + np.array(member.shift) - camera
        low = np.max(half - fixed, axis=0) + 2
        high = np.min(frame - half - fixed, axis=0) - 2
        if member.exit is not None:
            border, when = member.exit
            axis = 0 if border in ("left", "right") else 1
            edge = -half[when, 0] - 1 if border in ("left", "up") else frame[axis] + half[when, 0] + 1
            low[axis] = high[axis] = edge - fixed[when, axis]
        lows.append(low)
        highs.append(high)
    return np.max(lows, axis=0), np.min(highs, axis=0)


def _track(member: _Member, start: NDArray[np.float64], camera: NDArray[np.float64], size: float) -> Track:
    center = start + np.array(member.shift) + member.path.offsets
    image = center - camera
    diameter = size * member.path.scales
    return Track(center, image, diameter, member.path.phases, share_inside(image, diameter))


def share_inside(image: NDArray[np.float64], diameter: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of an object's bounding square that lies in the frame, see :class:`Track`."""
    half = diameter[:, None] / 2
    overlap = np.minimum(image + half, [WIDTH, HEIGHT]) - np.maximum(image - half, 0)
    inside: NDArray[np.float64] = np.prod(np.clip(overlap, 0, None), axis=1) / diameter**2
    return inside


def _apart(first: Track, second: Track) -> bool:
    """Return whether two objects are distinguishable: separate in the first frame and overlapping in at most three."""
    distance = np.linalg.norm(first.image - second.image, axis=1)
    reach = (first.diameter + second.diameter) / 2
    return bool(distance[0] > 0.95 * reach[0] and np.sum(distance < 0.7 * reach) <= 3)
