"""CEN's loss: every next word of a caption. Axes: b captions, n tokens, v words of the vocabulary."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from baselines.cen.model import CenCaptioner
from baselines.layers.training.caption_targets import CaptionTargets, encode_targets
from baselines.layers.training.distributed import mean_over_processes

LEFT_OUT = -100


@dataclass(frozen=True, slots=True)
class LossConfig:
    """The authors' settings.

    Attributes:
        max_text_len: Tokens that are kept of a caption, begin and end not counted.
    """

    max_text_len: int = 47


def compute_loss(logits: Tensor, targets: CaptionTargets) -> Tensor:
    """Mean cross-entropy of all predicted tokens of all processes.

    The authors' code predicts padding, too, by oversight; here it is left out.

    Args:
        logits: ``(b, n, v)``; those at a token predict the next one.
        targets: The captions.
    """
    labels = targets.ids.masked_fill(~targets.predicted, LEFT_OUT)[:, 1:]
    mean = F.cross_entropy(logits[:, :-1].float().transpose(1, 2), labels, ignore_index=LEFT_OUT)
    return mean_over_processes(mean, int((labels != LEFT_OUT).sum()))


def caption_losses(
    network: CenCaptioner, vocabulary: Tokenizer, frames: Tensor, texts: Sequence[str], config: LossConfig
) -> dict[str, Tensor]:
    """Loss of sentences by teacher forcing.

    Args:
        network: The network.
        vocabulary: Its vocabulary.
        frames: Normalized, ``(b, t, 3, side, side)``, or tokens of the common start.
        texts: ``k * b`` sentences: one about each video, then the next one about each.
        config: Longest sentence.
    """
    targets = encode_targets(vocabulary, texts, config.max_text_len).to(frames.device)
    memory = network.encode(frames)
    logits = network.cen(targets.ids, targets.present, memory.repeat(len(texts) // len(frames), 1, 1))
    return {"loss": compute_loss(logits, targets)}
