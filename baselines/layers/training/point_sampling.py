"""Points at which mask losses are evaluated in place of all pixels (PointRend, Kirillov et al., CVPR 2020).

Axes: n maps, p points; a point is ``(x, y)``, both 0..1 over the map.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

PointSampler = Callable[[int, int, torch.device], Tensor]
"""Draws points: rows n, points p and a device to ``(n, p, 2)``."""


def uniform_points(rows: int, points: int, device: torch.device) -> Tensor:
    """Draw points uniformly with torch's generator: ``(rows, points, 2)``."""
    return torch.rand(rows, points, 2, device=device)


def sample_at(maps: Tensor, points: Tensor) -> Tensor:
    """Interpolate maps bilinearly; outside of a map is 0.

    Args:
        maps: ``(n, h, w)``. Cell ``(i, j)`` is at ``((j + 0.5) / w, (i + 0.5) / h)``.
        points: ``(n, p, 2)``.

    Returns:
        ``(n, p)``.
    """
    grid = 2 * points[:, :, None] - 1
    return F.grid_sample(maps[:, None], grid, mode="bilinear", padding_mode="zeros", align_corners=False)[:, 0, :, 0]


@torch.no_grad()
def uncertain_points(
    logits: Tensor, points: int, *, oversample_ratio: float, importance_sample_ratio: float, sampler: PointSampler
) -> Tensor:
    """Choose points where a mask is undecided, and some anywhere; no gradient.

    Args:
        logits: Mask logits ``(n, h, w)``.
        points: p.
        oversample_ratio: ``int(p * ratio)`` candidates are drawn first.
        importance_sample_ratio: The ``int(ratio * p)`` candidates of smallest absolute logit are kept.
        sampler: Draws the candidates, then the remaining points.

    Returns:
        ``(n, p, 2)``, the undecided ones first.
    """
    candidates = sampler(len(logits), int(points * oversample_ratio), logits.device)
    kept = int(importance_sample_ratio * points)
    undecided = sample_at(logits, candidates).abs().topk(kept, dim=1, largest=False).indices
    selected = candidates.gather(1, undecided[..., None].expand(-1, -1, 2))
    return torch.cat((selected, sampler(len(logits), points - kept, logits.device)), dim=1)
