"""An encoded sentence as DsHmp takes it: its words once for the maps, once apart into static and motion words."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Sentence:
    """An encoded sentence. Axes: n tokens with padding, c channels.

    Attributes:
        words: ``(1, 768, n)``, RoBERTa's last hidden state, for the backbone.
        mask: ``(1, n)``, 1 on tokens, 0 on padding.
        tokens: ``(1, n, c)``, projected, padding included.
        feature: ``(1, c)``, the whole sentence.
        static: ``(s + 1, c)``, tokens of the static words, then the sentence.
        motion: ``(m + 1, c)``, tokens of the motion words, then the sentence.
    """

    words: Tensor
    mask: Tensor
    tokens: Tensor
    feature: Tensor
    static: Tensor
    motion: Tensor

    @property
    def padding(self) -> Tensor:
        """bool ``(1, n)``, ``True`` on padding."""
        return self.mask == 0
