"""Addition: where the camera looks, so that an object's motion is measured in the scene and not in the frame.

Neighbouring frames are laid over one another at every shift up to ``REACH`` pixels; the one at which the background
differs least is how the picture moved. Pure translation only.
"""

import torch
import torch.nn.functional as F
from scipy.fft import next_fast_len
from torch import Tensor

REACH = 7
"""Largest shift between two frames that is tried, in pixels of the model's frames."""


def camera_path(frames: Tensor, foreground: Tensor) -> Tensor:
    """Follow the camera through a video.

    Args:
        frames: ``(t, 3, h, w)``, any range.
        foreground: bool ``(t, h', w')``, where objects are; they are left out, because they move by themselves.

    Returns:
        float32 ``(t, 2)``: x and y of the frame's corner in the scene, in pixels of ``frames``; first row 0.
    """
    path = frames.new_zeros(len(frames), 2)
    if len(frames) > 1:
        size = frames.shape[-2:]
        covered = F.interpolate(F.max_pool2d(foreground[:, None].float(), 3, 1, 1), size=size, mode="nearest")
        path[1:] = -frame_shifts(frames, 1 - covered).cumsum(0)
    return path


def frame_shifts(frames: Tensor, weight: Tensor) -> Tensor:
    """How far the picture moves from each frame to the next: x and y in pixels, ``(t - 1, 2)``.

    Args:
        frames: ``(t, 3, h, w)``.
        weight: 0 or 1 for every pixel, ``(t, 1, h, w)``; 0: left out.
    """
    side = 2 * REACH + 1
    gray = frames.mean(1).double()
    # In double precision, and around the mean: the squares below are far larger than the differences they end in.
    gray, weight = gray - gray.mean(), weight[:, 0].double()
    size = [next_fast_len(length + REACH, real=True) for length in gray.shape[-2:]]
    # Σ w(p) w'(p + d) (g(p) - g'(p + d))² over all p, for every shift d at once: three correlations.
    plain, first, second = (torch.fft.rfft2(weight * power, s=size) for power in (torch.ones_like(gray), gray, gray**2))
    away = second[:-1].conj() * plain[1:] - 2 * first[:-1].conj() * first[1:] + plain[:-1].conj() * second[1:]
    shifts = torch.arange(-REACH, REACH + 1, device=frames.device)
    apart, both = (torch.fft.irfft2(x, s=size)[:, shifts][..., shifts] for x in (away, plain[:-1].conj() * plain[1:]))
    difference = (apart / both.round().clamp(min=1)).float()
    best = difference.flatten(1).argmin(-1)
    row, column = best // side, best % side
    index = torch.arange(len(difference), device=frames.device)
    y = _lowest(difference[index, :, column], row)
    x = _lowest(difference[index, row], column)
    return torch.stack((x, y), dim=-1) - REACH


def _lowest(values: Tensor, place: Tensor) -> Tensor:
    """Where a parabola through the least of ``(n, m)`` values, at ``place`` ``(n,)``, and its neighbors is lowest."""
    inner = place.clamp(1, values.shape[1] - 2)
    below, at, above = (values.gather(1, inner[:, None] + step)[:, 0] for step in (-1, 0, 1))
    bend = below - 2 * at + above
    offset = torch.where(bend > 0, (below - above) / (2 * bend).clamp(min=1e-8), 0.0).clamp(-0.5, 0.5)
    return torch.where(inner == place, inner + offset, place.to(offset.dtype))
