"""Memory bank of DsHmp's contrastive loss: one motion embedding per expression of the train split.

He & Ding, CVPR 2024, section 3.4. Axes: r expressions, c channels, p positives, m negatives.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.layers.training.distributed import gather_rows


@dataclass(frozen=True, slots=True)
class ExpressionContrast:
    """Rows of the memory bank that a clip's expression is compared with.

    Attributes:
        refer_id: Row of the expression: its running number over videos and expressions of the train split.
        positives: int64 ``(p,)``, the expressions of the same objects of the same video, itself included.
        negatives: int64 ``(m,)``, see ``draw_negatives``.
    """

    refer_id: int
    positives: Tensor
    negatives: Tensor


def draw_negatives(
    positives: Tensor, same_video_others: Tensor, rows: int, samples: int, generator: torch.Generator | None = None
) -> Tensor:
    """Fill the room that positives leave among ``samples`` rows with negatives.

    Args:
        positives: int64 ``(p,)``.
        same_video_others: int64, the first expression of each other set of objects of the video; where they exceed the
            room, the first ones are taken.
        rows: r.
        samples: Rows in total.
        generator: Draws the others, without replacement, from all remaining rows.

    Returns:
        int64 ``(m,)``, random rows first; shorter where the bank has too few rows.
    """
    room = max(samples - len(positives), 0)
    if len(same_video_others) >= room:
        return same_video_others[:room]
    free = torch.ones(rows, dtype=torch.bool)
    free[positives] = False
    free[same_video_others] = False
    others = free.nonzero()[:, 0]
    selected = torch.randperm(len(others), generator=generator)[: room - len(same_video_others)]
    return torch.cat((others[selected], same_video_others))


class MemoryBank(nn.Module):
    """Embeddings ``features`` ``(r, c)``; carries no gradient, is saved with the weights, starts as normal noise."""

    features: Tensor

    def __init__(self, rows: int, channels: int) -> None:
        super().__init__()
        self.register_buffer("features", torch.randn(rows, channels))

    @torch.no_grad()
    def update(self, refer_ids: Tensor, anchors: Tensor, momentum: float) -> None:
        """Move rows to ``momentum * row + (1 - momentum) * anchor``, with those of all processes.

        All processes call this together.

        Args:
            refer_ids: int64 ``(n,)``; may be empty.
            anchors: ``(n, c)``.
            momentum: Share of the old row that stays.
        """
        # Row numbers travel with the anchors: float32 holds them exactly up to 2 ** 24.
        gathered = gather_rows(torch.cat((refer_ids[:, None].float(), anchors.float()), dim=1))
        for row in gathered:
            index = int(row[0])
            self.features[index] = momentum * self.features[index] + (1 - momentum) * row[1:]
