"""Captions as tokens, for the losses of captioners with BERT's vocabulary. Axes: b captions, n tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from baselines.layers.inputs.bert_vocabulary import BEGIN, END, PADDING


@dataclass(frozen=True, slots=True, eq=False)
class CaptionTargets:
    """Captions as tokens, padded at the end.

    Attributes:
        ids: int64 ``(b, n)``: begin, the caption, end, padding.
        predicted: bool ``(b, n)``, whether a token is to be predicted: all but begin and padding.
    """

    ids: Tensor
    predicted: Tensor

    @property
    def present(self) -> Tensor:
        """Whether there is a token: bool ``(b, n)``, false on padding."""
        return self.ids != PADDING

    def to(self, device: torch.device) -> "CaptionTargets":
        """Move to a device."""
        return CaptionTargets(self.ids.to(device), self.predicted.to(device))


def encode_targets(vocabulary: Tokenizer, texts: Sequence[str], longest: int) -> CaptionTargets:
    """Tokenize captions without special tokens and batch them; see `build_targets`."""
    return build_targets([vocabulary.encode(text, add_special_tokens=False).ids for text in texts], longest)


def build_targets(captions: Sequence[Sequence[int]], longest: int) -> CaptionTargets:
    """Batch captions.

    Args:
        captions: Token ids without begin and end, at least one caption; an empty one teaches the end token only.
        longest: Tokens that are kept of a caption, begin and end not counted.
    """
    rows = [torch.tensor([BEGIN, *caption[:longest], END]) for caption in captions]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PADDING)
    lengths = torch.tensor([len(row) for row in rows])
    place = torch.arange(ids.shape[1])
    return CaptionTargets(ids, (place > 0) & (place < lengths[:, None]))
