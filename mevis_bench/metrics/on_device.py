"""The six integer counts of J and F on a torch device; J and F have the same bits as on the CPU.

For masks that are on a GPU already, or ``--device cuda``. On a CPU the loops over row transitions are far faster.
Axes: t frames, h rows, w columns.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks import MaskRows
from mevis_bench.metrics.boundary import disk_reaches, match_radius

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 32
"""Frames per batch."""


def count_rows(prediction: MaskRows, ground_truth: MaskRows, tolerance: float, device: str) -> NDArray[np.int64]:
    """Count as :func:`count_frames` does; only the row transitions are copied to the device.

    Returns:
        int64 ``(length, 6)``.
    """
    counts = [
        count_frames(_dense(prediction, first, device), _dense(ground_truth, first, device), tolerance).cpu().numpy()
        for first in range(0, ground_truth.length, BATCH)
    ]
    all_counts: NDArray[np.int64] = np.concatenate(counts)
    return all_counts


def count_frames(prediction: "Tensor", ground_truth: "Tensor", tolerance: float) -> "Tensor":
    """Count pixels of masks that are on one device.

    Args:
        prediction: bool ``(t, h, w)``.
        ground_truth: bool ``(t, h, w)``.
        tolerance: Largest distance of matching boundary pixels, as a share of the frame's diagonal.

    Returns:
        int64 ``(t, 6)``: shared pixels, pixels in either, boundary pixels of prediction and of ground truth,
        and how many of these are within the tolerance of the other boundary.
    """
    import torch

    _, height, width = ground_truth.shape
    reaches = torch.from_numpy(disk_reaches(match_radius(height, width, tolerance))).to(ground_truth.device)
    edges_predicted, edges_true = _edges(prediction), _edges(ground_truth)
    counts = (
        (prediction & ground_truth).sum((1, 2)),
        (prediction | ground_truth).sum((1, 2)),
        edges_predicted.sum((1, 2)),
        edges_true.sum((1, 2)),
        _matched(edges_predicted, edges_true, reaches),
        _matched(edges_true, edges_predicted, reaches),
    )
    return torch.stack(counts, dim=1)


def _dense(masks: MaskRows, first: int, device: str) -> "Tensor":
    """Return frames ``first..first + BATCH`` as bool ``(t, h, w)``: a 1 where a row changes, summed along the row."""
    import torch

    last = min(first + BATCH, masks.length)
    offsets = masks.offsets[first * masks.height : last * masks.height + 1]
    columns = torch.from_numpy(masks.x[offsets[0] : offsets[-1]]).to(device).long()
    changes_of_row = torch.from_numpy(np.diff(offsets)).to(device)
    rows = torch.repeat_interleave(torch.arange(changes_of_row.numel(), device=device), changes_of_row)
    changes = torch.zeros((changes_of_row.numel(), masks.width + 1), dtype=torch.int16, device=device)
    changes[rows, columns] = 1
    inside = changes.cumsum(1, dtype=torch.int16)[:, :-1] % 2 == 1
    return inside.reshape(last - first, masks.height, masks.width)


def _edges(masks: "Tensor") -> "Tensor":
    """Return the boundary, bool ``(t, h, w)``; see :func:`mevis_bench.metrics.boundary.boundary_of`."""
    import torch

    edges = torch.zeros_like(masks)
    edges[:, :-1, :-1] = masks[:, :-1, :-1] ^ masks[:, 1:, 1:]
    edges[:, :, :-1] |= masks[:, :, :-1] ^ masks[:, :, 1:]
    edges[:, :-1, :] |= masks[:, :-1, :] ^ masks[:, 1:, :]
    return edges


def _matched(edges: "Tensor", others: "Tensor", reaches: "Tensor") -> "Tensor":
    """Count the pixels of ``edges`` within the disk of a pixel of ``others``, ``(t,)``.

    The distance along the row to the nearest pixel of ``others`` is computed everywhere; every pixel of ``edges`` then
    searches its column.
    """
    import torch

    length, height, width = edges.shape
    far = 4 * (height + width)
    columns = torch.arange(width, dtype=torch.int32, device=edges.device).expand_as(others)
    to_left = columns - torch.where(others, columns, -far).cummax(2).values
    to_right = torch.where(others, columns, far).flip(2).cummin(2).values.flip(2) - columns
    distance = torch.minimum(to_left, to_right)
    frame, y, x = edges.nonzero(as_tuple=True)
    matched = torch.zeros_like(frame, dtype=torch.bool)
    for dy in range(-reaches.numel() + 1, reaches.numel()):
        row = y + dy
        in_frame = (row >= 0) & (row < height)
        matched |= in_frame & (distance[frame, row.clamp(0, height - 1), x] <= reaches[abs(dy)])
    return torch.bincount(frame[matched], minlength=length)
