"""Addition: where the camera looks, so that an object's motion is measured in the scene and not in the frame.

Shifts between neighbouring frames are found by phase correlation (Kuglin and Hines, 1975). Pure translation only.
"""

import torch
from torch import Tensor


def camera_path(frames: Tensor) -> Tensor:
    """Follow the camera through a video.

    Args:
        frames: ``(t, 3, h, w)``, any range.

    Returns:
        float32 ``(t, 2)``: x and y of the frame's corner in the scene, in pixels of ``frames``; first row 0.
    """
    grey = frames.mean(1)
    path = grey.new_zeros(len(grey), 2)
    if len(grey) > 1:
        path[1:] = -frame_shifts(grey).cumsum(0)
    return path


def frame_shifts(grey: Tensor) -> Tensor:
    """Shift of the picture from each frame of ``(t, h, w)`` to the next, x and y in pixels, ``(t - 1, 2)``."""
    height, width = grey.shape[-2:]
    window = torch.hann_window(height, device=grey.device)[:, None] * torch.hann_window(width, device=grey.device)
    spectrum = torch.fft.rfft2((grey - grey.mean((1, 2), keepdim=True)) * window)
    cross = spectrum[1:] * spectrum[:-1].conj()
    surface = torch.fft.irfft2(cross / cross.abs().clamp(min=1e-8), s=(height, width))
    peak = surface.flatten(1).argmax(-1)
    row, column = peak // width, peak % width
    return torch.stack((_refine(surface, row, column, 2), _refine(surface, row, column, 1)), dim=-1)


def _refine(surface: Tensor, row: Tensor, column: Tensor, axis: int) -> Tensor:
    """Position of the peak along an axis, to a fraction of a pixel: centre of mass of the peak and its neighbours."""
    height, width = surface.shape[-2:]
    index = torch.arange(len(surface), device=surface.device)
    size = (height, width)[axis - 1]
    start = row if axis == 1 else column
    values = []
    for step in (-1, 0, 1):
        r = (row + step) % height if axis == 1 else row
        c = (column + step) % width if axis == 2 else column
        values.append(surface[index, r, c].clamp(min=0))
    below, at, above = values
    shift = start + (above - below) / (below + at + above).clamp(min=1e-8)
    return torch.where(shift > size / 2, shift - size, shift)
