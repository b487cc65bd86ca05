"""VAST's caption loss: masked words under a causal mask. Axes: b captions, n tokens, v words of the vocabulary.

Chen et al., "VAST", NeurIPS 2023, section 4.2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from baselines.layers.inputs.bert_vocabulary import MASK
from baselines.layers.training.caption_targets import CaptionTargets, encode_targets
from baselines.layers.training.distributed import mean_over_processes
from baselines.vast.model import Vast

FIRST_WORD = 106
"""Random words are drawn from this id on."""
LEFT_OUT = -100
"""Label of a token that is not predicted."""


@dataclass(frozen=True, slots=True)
class LossConfig:
    """The authors' settings.

    Attributes:
        picked: Probability that a token is to be predicted.
        caption_loss_coef: Weight of the loss.
        max_text_len: Tokens that are kept of a caption, begin and end not counted.
    """

    picked: float = 0.6
    caption_loss_coef: float = 1.0
    max_text_len: int = 40


def mask_words(targets: CaptionTargets, picked: float, words: int) -> tuple[Tensor, Tensor]:
    """Pick tokens to predict: 80 % become a mask, 10 % a random word, the others stay.

    Every token but begin and padding is picked with the same probability; where none of a caption is, again.

    Args:
        targets: Captions.
        picked: Probability, above 0.
        words: Entries of the vocabulary.

    Returns:
        Input ids and labels, int64 ``(b, n)``; a label is ``LEFT_OUT`` where the token was not picked.
    """
    chosen = torch.zeros_like(targets.predicted)
    while (empty := ~chosen.any(1)).any():
        drawn = torch.rand(targets.ids.shape) < picked
        chosen = torch.where(empty[:, None], drawn & targets.predicted, chosen)
    fate = torch.rand(targets.ids.shape)
    ids = targets.ids.masked_fill(chosen & (fate < 0.8), MASK)
    others = torch.randint(FIRST_WORD, words, targets.ids.shape)
    ids = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), others, ids)
    return ids, targets.ids.masked_fill(~chosen, LEFT_OUT)


def compute_losses(logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Compute the loss before weighting: ``loss_caption``, the cross-entropy's mean over the picked tokens.

    The mean is over those of all processes.

    Args:
        logits: ``(b, n, v)``.
        labels: Of `mask_words`.
    """
    mean = F.cross_entropy(logits.float().transpose(1, 2), labels, ignore_index=LEFT_OUT)
    return {"loss_caption": mean_over_processes(mean, int((labels != LEFT_OUT).sum()))}


def total_loss(losses: Mapping[str, Tensor], config: LossConfig) -> Tensor:
    """Weighted loss: a scalar."""
    return config.caption_loss_coef * losses["loss_caption"]


def caption_losses(
    network: Vast, vocabulary: Tokenizer, frames: Tensor, texts: Sequence[str], config: LossConfig
) -> dict[str, Tensor]:
    """Losses of sentences with masked words, ``loss`` and ``loss_caption``; which ones are masked is random.

    Args:
        network: The network.
        vocabulary: Its vocabulary.
        frames: Normalized, ``(b, t, 3, side, side)``, or tokens of the common start.
        texts: ``k * b`` sentences: one about each video, then the next one about each.
        config: Share of predicted tokens, weight and longest sentence.
    """
    targets = encode_targets(vocabulary, texts, config.max_text_len)
    ids, labels = (x.to(frames.device) for x in mask_words(targets, config.picked, network.config.words))
    video = network.encode(frames)
    video = video.repeat(len(texts) // len(frames), 1, 1)
    losses = compute_losses(network(ids, targets.present.to(frames.device), video), labels)
    return {"loss": total_loss(losses, config), **losses}
