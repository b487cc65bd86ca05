"""Merging of a frame's patches into a few tokens, without parameters: density peaks among nearest neighbors.

Jin et al., "Chat-UniVi", CVPR 2024, section 3.2; Rodriguez and Laio, "Clustering by fast search and find of density
peaks", Science 2014. Axes: b frames, n tokens, c channels, m clusters.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

NEIGHBORS = 5
FEWER_NEIGHBORS = 3
"""Neighbors of the first merging, and of the later ones."""


def merge_tokens(tokens: Tensor, clusters: Sequence[int]) -> Tensor:
    """Merge tokens ``(b, n, c)`` step by step; ``(b, sum(clusters), c)``, the tokens of every step, first step first.

    The authors add noise of at most 1e-6 to the densities, so that none are equal; here the first one of equals counts.
    """
    steps = []
    for step, count in enumerate(clusters):
        tokens = _means(tokens, assign(tokens, count, NEIGHBORS if step == 0 else FEWER_NEIGHBORS), count)
        steps.append(tokens)
    return torch.cat(steps, 1)


@torch.no_grad()
def assign(tokens: Tensor, clusters: int, neighbors: int) -> Tensor:
    """Return the cluster of every token, int64 ``(b, n)``, clusters in order of their centers' scores.

    A center has many near neighbors (density) and is far from every denser token.

    Args:
        tokens: ``(b, n, c)``.
        clusters: At most n.
        neighbors: Neighbors of a token, itself included, that make its density.
    """
    count = tokens.shape[1]
    distances = torch.cdist(tokens.float(), tokens.float()) / tokens.shape[-1] ** 0.5
    neighbors = min(3, max(clusters // 2, 1)) if neighbors > clusters else neighbors
    nearest = distances.topk(min(neighbors, count), dim=-1, largest=False).values
    density = (-nearest.square().mean(-1)).exp()
    place = torch.arange(count, device=tokens.device)
    denser = (density[:, None] > density[:, :, None]) | (
        (density[:, None] == density[:, :, None]) & (place < place[:, None])
    )
    farthest = distances.flatten(1).amax(1)[:, None, None]
    isolation = distances.where(denser, farthest).amin(-1)
    centers = (isolation * density).topk(clusters, dim=-1).indices
    found: Tensor = distances.gather(1, centers[..., None].expand(-1, -1, count)).argmin(1)
    return found.scatter(1, centers, torch.arange(clusters, device=tokens.device).expand_as(centers))


def _means(tokens: Tensor, found: Tensor, clusters: int) -> Tensor:
    member = torch.nn.functional.one_hot(found, clusters).to(tokens.dtype)  # (b, n, m)
    sizes = member.sum(1)[..., None]
    return (member / (sizes.transpose(1, 2) + 1e-6)).transpose(1, 2) @ tokens
