"""Boxes of masks, and how well two boxes fit. Axes: m masks, h and w rows and columns."""

import torch
from torch import Tensor


def masks_to_boxes(masks: Tensor) -> Tensor:
    """Bounding boxes of masks ``(m, h, w)``: x0, y0, x1, y1 in shares, half-open, ``(m, 4)``; of an empty one, all."""
    height, width = masks.shape[-2:]
    rows, columns = (masks > 0).any(2).int(), (masks > 0).any(1).int()
    left, right = columns.argmax(1), width - columns.flip(1).argmax(1)
    top, bottom = rows.argmax(1), height - rows.flip(1).argmax(1)
    return torch.stack((left / width, top / height, right / width, bottom / height), dim=1)


def corners(boxes: Tensor) -> Tensor:
    """Boxes cx, cy, w, h ``(..., 4)`` as x0, y0, x1, y1."""
    center, size = boxes.split(2, dim=-1)
    return torch.cat((center - size / 2, center + size / 2), dim=-1)


def generalized_iou(one: Tensor, other: Tensor, epsilon: float = 0.0) -> Tensor:
    """Generalized IoU (Rezatofighi et al., CVPR 2019) of boxes by corners: ``(..., 4)`` twice to ``(...)``, -1..1.

    ``epsilon`` is added to numerator and denominator of both fractions: two equal boxes without area then have 0
    instead of NaN.
    """
    inner = (torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(one[..., :2], other[..., :2])).clamp(min=0)
    hull = (torch.maximum(one[..., 2:], other[..., 2:]) - torch.minimum(one[..., :2], other[..., :2])).prod(-1)
    both = inner.prod(-1)
    union = (one[..., 2:] - one[..., :2]).prod(-1) + (other[..., 2:] - other[..., :2]).prod(-1) - both
    return (both + epsilon) / (union + epsilon) - (hull - union + epsilon) / (hull + epsilon)


def extent_boxes(extents: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Boxes of extents, as ReferFormer's and WNet's loaders make them.

    Args:
        extents: x0, y0, x1, y1 in pixels, from the first to the last pixel of an object, both inclusive: ``(..., 4)``.
        size: Rows and columns of the frame.

    Returns:
        Boxes ``(..., 4)``, ``cx, cy, w, h`` in 0..1, and where they have an area, bool ``(...)``. An absent object and
        one of one column or row have none; their boxes are zeros.
    """
    x0, y0, x1, y1 = extents.unbind(-1)
    valid = (x1 > x0) & (y1 > y0)
    height, width = size
    boxes = torch.stack(((x0 + x1) / (2 * width), (y0 + y1) / (2 * height), (x1 - x0) / width, (y1 - y0) / height), -1)
    return torch.where(valid[..., None], boxes, 0.0), valid


def suppress(ious: Tensor, scores: Tensor, threshold: float) -> list[int]:
    """Non-maximum suppression: keep greedily by falling score; what is kept removes all with a larger IoU.

    Args:
        ious: ``(n, n)``.
        scores: ``(n,)``; equal ones in the order of their indices.
        threshold: IoU, 0..1.

    Returns:
        Indices of the kept ones, by falling score.
    """
    overlaps = (ious > threshold).cpu()
    removed = torch.zeros(len(scores), dtype=torch.bool)
    kept = []
    for index in torch.argsort(scores.float(), descending=True, stable=True).tolist():
        if not removed[index]:
            kept.append(index)
            removed |= overlaps[index]
    return kept


def pairwise_iou(boxes: Tensor) -> Tensor:
    """IoU of all pairs of boxes by corners, ``(n, 4)`` to ``(n, n)``; 0 where both have no area."""
    low = torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    both = (high - low).clamp(min=0).prod(-1)
    areas = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(-1)
    union = areas[:, None] + areas[None] - both
    return torch.where(union > 0, both / union.clamp(min=1e-12), 0.0)
