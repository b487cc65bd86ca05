"""Any number of frames of a plan: its planned moments stay what they are, and what lies between is interpolated."""

import numpy as np
from numpy.typing import NDArray

from mevis_bench.data.synthetic.motion import LENGTH, STEPS
from mevis_bench.data.synthetic.plan import Plan, Track, share_inside


def resample(plan: Plan, frames: int) -> Plan:
    """Return a plan of ``LENGTH`` moments with ``frames`` >= 2 rows over the same time.

    Interpolation is monotone between neighboring moments (PCHIP), so that what stays still stays exactly still and no
    turn is overshot.
    """
    if frames == LENGTH:
        return plan
    camera = _interpolate(plan.camera, frames)
    return Plan(tuple(_resample_track(track, camera, frames) for track in plan.tracks), camera)


def _resample_track(track: Track, camera: NDArray[np.float64], frames: int) -> Track:
    center = _interpolate(track.center, frames)
    diameter = _interpolate(track.diameter, frames)
    image = center - camera
    scale = (frames - 1) / STEPS
    phases = tuple((round(first * scale), round(last * scale)) for first, last in track.phases)
    return Track(center, image, diameter, phases, share_inside(image, diameter))


def _interpolate(values: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    from scipy.interpolate import PchipInterpolator

    times = np.linspace(0, STEPS, frames)
    out: NDArray[np.float64] = PchipInterpolator(np.arange(LENGTH), values, axis=0)(times)
    return out
