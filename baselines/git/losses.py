"""GIT's training loss: every next token of a caption, with smoothed labels.

Wang et al., "GIT: A Generative Image-to-text Transformer for Vision and Language", TMLR 2022, section 3.2, equation 1;
details as in the authors' code (microsoft/GenerativeImage2Text, MIT). Axes: b captions, n tokens, v words of the
vocabulary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import GitForCausalLM

from baselines.layers.training.caption_targets import CaptionTargets, encode_targets
from baselines.layers.training.distributed import mean_over_processes


@dataclass(frozen=True, slots=True)
class LossConfig:
    """The authors' settings.

    Attributes:
        label_smoothing: Probability that a target spreads evenly over all other words.
        caption_loss_coef: Weight of the loss.
        max_text_len: Tokens that are kept of a caption, begin and end not counted.
    """

    label_smoothing: float = 0.1
    caption_loss_coef: float = 1.0
    max_text_len: int = 40


def caption_logits(network: GitForCausalLM, frames: Tensor, ids: Tensor) -> Tensor:
    """Predict the token after each token from the frames and the tokens up to it (teacher forcing).

    Args:
        network: In training mode, or in evaluation mode for a pass without dropout.
        frames: Of m videos, ``(m, t, 3, h, w)``, normalized.
        ids: int64 ``(b, n)``, row i about video ``i % m``; m divides b. The decoder is causal, so padding at the end
            needs no mask.

    Returns:
        ``(b, n, v)``; the visual tokens before the text are left out.
    """
    logits: Tensor = network(input_ids=ids, pixel_values=frames, use_cache=False).logits
    return logits[:, -ids.shape[1] :]


def compute_losses(outputs: Tensor, targets: CaptionTargets, config: LossConfig) -> dict[str, Tensor]:
    """Compute the loss before weighting.

    ``loss_caption`` is the Kullback-Leibler divergence of the predictions from the smoothed targets, at least 0, as in
    the authors' code; the paper writes the cross-entropy, which is larger by a constant. The mean is over all
    predicted tokens of the batch, that of all processes, so a long caption weighs more than a short one.

    Args:
        outputs: ``(b, n, v)``, of `caption_logits`.
        targets: The same captions.
        config: Smoothing.
    """
    predicted = targets.predicted[:, 1:]
    words = targets.ids[:, 1:][predicted]
    logs = outputs[:, :-1][predicted].float().log_softmax(-1)
    smoothing, others = config.label_smoothing, logs.shape[-1] - 1
    right = logs.gather(-1, words[:, None])[:, 0]
    cross_entropy = -(1 - smoothing) * right - smoothing / others * (logs.sum(-1) - right)
    mean = (cross_entropy - _entropy(smoothing, others)).mean()
    return {"loss_caption": mean_over_processes(mean, len(words))}


def _entropy(smoothing: float, others: int) -> float:
    """Entropy of a smoothed target in nats."""
    parts = torch.tensor([1 - smoothing, smoothing / others], dtype=torch.float64)
    return float((torch.special.entr(parts) * torch.tensor([1, others])).sum())


def total_loss(losses: Mapping[str, Tensor], config: LossConfig) -> Tensor:
    """Weighted loss: a scalar."""
    return config.caption_loss_coef * losses["loss_caption"]


def caption_losses(
    network: GitForCausalLM, vocabulary: Tokenizer, frames: Tensor, texts: Sequence[str], config: LossConfig
) -> dict[str, Tensor]:
    """Losses of sentences by teacher forcing, ``loss`` and ``loss_caption``.

    Args:
        network: The network.
        vocabulary: Its vocabulary.
        frames: Normalized, ``(b, t, 3, side, side)``.
        texts: ``k * b`` sentences: one about each video, then the next one about each.
        config: Smoothing, weight and longest sentence.
    """
    targets = encode_targets(vocabulary, texts, config.max_text_len).to(frames.device)
    losses = compute_losses(caption_logits(network, frames, targets.ids), targets, config)
    return {"loss": total_loss(losses, config), **losses}
