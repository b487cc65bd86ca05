"""Text encoder of ReferFormer and its successors: words and a sentence vector (Wu et al., CVPR 2022, section 3.2)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.position_encoding import sine_encoding
from baselines.layers.nn.text_encoder import FeatureResizer, TextEncoder


def as_words(features: Tensor, padding: Tensor | None = None) -> Words:
    """Add positions to ``features (s, c)``; padding, bool ``(s,)``, is not counted; ``None``: no padding."""
    mask = torch.zeros(len(features), dtype=torch.bool, device=features.device) if padding is None else padding
    return Words(features, sine_encoding(mask[None], features.shape[-1])[0].T, padding)


class TextReference(nn.Module):
    """RoBERTa, and one projection for words and sentence, or two.

    Args:
        text_encoder: With pooler.
        channels: Width of the network.
        separate: Whether the sentence has a projection of its own (key ``sentence_resizer``).
    """

    def __init__(self, text_encoder: TextEncoder, channels: int = 256, *, separate: bool = False) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.resizer = FeatureResizer(text_encoder.config.hidden_size, channels)
        self.sentence_resizer = FeatureResizer(text_encoder.config.hidden_size, channels) if separate else None

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> tuple[Words, Tensor]:
        """Encode one sentence.

        Args:
            ids: int64 ``(1, s)``.
            mask: ``(1, s)``, 1 on tokens and 0 on padding; ``None``: no padding.

        Returns:
            The words, and the pooled sentence ``(channels,)``.
        """
        encoded = self.text_encoder(ids, attention_mask=torch.ones_like(ids) if mask is None else mask)
        words = as_words(self.resizer(encoded.last_hidden_state[0]), None if mask is None else mask[0] != 1)
        resizer = self.resizer if self.sentence_resizer is None else self.sentence_resizer
        return words, resizer(encoded.pooler_output[0])

    def project(self, sentence: Tensor) -> tuple[Words, Tensor]:
        """Project a sentence without words, of which the feature ``(1, a)`` alone is known.

        Args:
            sentence: In the encoder's first a channels; the others are zero, as `StartText` has it.

        Returns:
            The sentence as the only word, and as ``forward`` does.
        """
        states = F.pad(sentence, (0, self.text_encoder.config.hidden_size - sentence.shape[-1]))
        resizer = self.resizer if self.sentence_resizer is None else self.sentence_resizer
        return as_words(self.resizer(states)), resizer(states[0])
