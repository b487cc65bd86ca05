"""Versions of the generated data: what the videos of each one have."""

from dataclasses import dataclass

from mevis_bench.data.synthetic.motion import LENGTH
from mevis_bench.records import UsageError


@dataclass(frozen=True, slots=True)
class World:
    """Contents of the videos of one version; all versions share motions, claims and wording.

    Attributes:
        data_set: Name of the data set.
        two_kinds: Share of the videos that show two kinds of objects, 0..1; claims are about the objects of one kind.
        frames: Fewest and most frames; the same planned moments are shown in any number of frames.
        poses: Whether objects are tilted, sway and pulsate.
        own_colors: Whether every object has its own colors.
        surfaces: Whether the background is a photographic surface.
        numbers: Whether some sentences state the number of targets, rightly or wrongly.
        jpeg_quality: Quality of the frames, 1..95.
    """

    data_set: str
    two_kinds: float
    frames: tuple[int, int]
    poses: bool
    own_colors: bool
    surfaces: bool
    numbers: bool
    jpeg_quality: int


WORLDS = {
    1: World("mini", 0.0, (LENGTH, LENGTH), False, False, False, False, 85),
    2: World("mini2", 0.5, (16, 48), True, True, True, True, 80),
}
"""All versions by number. The videos of a version never change."""


def find_world(number: int) -> World:
    """Return a version.

    Raises:
        UsageError: There is no such version.
    """
    if number not in WORLDS:
        known = ", ".join(map(str, WORLDS))
        raise UsageError(f"unknown world {number}", location="--world", hint=f"Known: {known}.")
    return WORLDS[number]
