"""Camera path of a video, so that the motion of an object is measured in the scene, not in the frame (mini).

Consecutive frames are compared at every translation up to ``MAX_SHIFT`` pixels; the one with the least squared
difference of the background is the camera motion. Translation only. Axes: t frames, h and w rows and columns.
"""

import torch
import torch.nn.functional as F
from scipy.fft import next_fast_len
from torch import Tensor

MAX_SHIFT = 7
"""Largest translation between consecutive frames, in pixels of the resized frames."""


def camera_path(frames: Tensor, foreground: Tensor) -> Tensor:
    """Estimate the camera path.

    Args:
        frames: ``(t, 3, h, w)``, any range.
        foreground: bool ``(t, h', w')``, pixels of objects; ignored, because objects move by themselves.

    Returns:
        float32 ``(t, 2)``: x and y of the frame's corner in the scene, in pixels of ``frames``; first row 0.
    """
    path = frames.new_zeros(len(frames), 2)
    if len(frames) > 1:
        dilated = F.max_pool2d(foreground[:, None].float(), 3, 1, 1)
        path[1:] = -frame_shifts(frames, 1 - F.interpolate(dilated, size=frames.shape[-2:], mode="nearest")).cumsum(0)
    return path


def frame_shifts(frames: Tensor, weight: Tensor) -> Tensor:
    """Estimate the translation from each frame to the next: x and y in pixels, ``(t - 1, 2)``.

    Args:
        frames: ``(t, 3, h, w)``.
        weight: ``(t, 1, h, w)``, 1, or 0 for pixels to ignore.
    """
    side = 2 * MAX_SHIFT + 1
    gray = frames.mean(1).double()
    # Double precision and zero mean, because the squares below are far larger than their differences.
    gray, weight = gray - gray.mean(), weight[:, 0].double()
    size = [next_fast_len(length + MAX_SHIFT, real=True) for length in gray.shape[-2:]]
    # Σ w(p) w'(p + d) (g(p) - g'(p + d))² over all p, for every shift d at once: three correlations.
    plain, first, second = (torch.fft.rfft2(weight * power, s=size) for power in (torch.ones_like(gray), gray, gray**2))
    squares = second[:-1].conj() * plain[1:] - 2 * first[:-1].conj() * first[1:] + plain[:-1].conj() * second[1:]
    overlap = plain[:-1].conj() * plain[1:]
    shifts = torch.arange(-MAX_SHIFT, MAX_SHIFT + 1, device=frames.device)
    squares, overlap = (torch.fft.irfft2(x, s=size)[:, shifts][..., shifts] for x in (squares, overlap))
    difference = (squares / overlap.round().clamp(min=1)).float()
    best = difference.flatten(1).argmin(-1)
    row, column = best // side, best % side
    index = torch.arange(len(difference), device=frames.device)
    y = _subpixel_minimum(difference[index, :, column], row)
    x = _subpixel_minimum(difference[index, row], column)
    return torch.stack((x, y), dim=-1) - MAX_SHIFT


def _subpixel_minimum(values: Tensor, minimum: Tensor) -> Tensor:
    """Vertex of the parabola through the minimum of ``(n, m)`` values, at index ``(n,)``, and its neighbors."""
    inner = minimum.clamp(1, values.shape[1] - 2)
    before, at, after = (values.gather(1, inner[:, None] + step)[:, 0] for step in (-1, 0, 1))
    curvature = before - 2 * at + after
    offset = torch.where(curvature > 0, (before - after) / (2 * curvature).clamp(min=1e-8), 0.0).clamp(-0.5, 0.5)
    return torch.where(inner == minimum, inner + offset, minimum.to(offset.dtype))
