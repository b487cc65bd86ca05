"""CEN's loss: every next word of a caption. Axes: b captions, n tokens, v words of the vocabulary."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from baselines.layers.training.caption_targets import CaptionTargets

LEFT_OUT = -100


@dataclass(frozen=True, slots=True)
class LossConfig:
    """The authors' settings.

    Attributes:
        max_text_len: Tokens that are kept of a caption, begin and end not counted.
    """

    max_text_len: int = 47


def compute_loss(logits: Tensor, targets: CaptionTargets) -> Tensor:
    """Mean cross-entropy of all predicted tokens.

    The authors' code predicts padding, too, by oversight; here it is left out.

    Args:
        logits: ``(b, n, v)``; those at a token predict the next one.
        targets: The captions.
    """
    labels = targets.ids.masked_fill(~targets.predicted, LEFT_OUT)[:, 1:]
    return F.cross_entropy(logits[:, :-1].float().transpose(1, 2), labels, ignore_index=LEFT_OUT)
