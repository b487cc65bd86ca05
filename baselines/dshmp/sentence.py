"""Encoded sentence of DsHmp, decoupled into static and motion words (He & Ding, CVPR 2024, section 3.1)."""

from dataclasses import dataclass

from torch import Tensor

from baselines.layers.nn.trajectory_network import Sentence


@dataclass(frozen=True, slots=True)
class DecoupledSentence(Sentence):
    """An encoded sentence, or g of them. Axes: n tokens with padding, s static and m motion words, c channels.

    Attributes:
        tokens: Projected tokens, padding included, ``(g, n, c)``.
        static: Tokens of the static words, then the sentence feature, ``(s + 1, c)``.
        motion: Tokens of the motion words, then the sentence feature, ``(m + 1, c)``; of several sentences
            ``(g, m + 1, c)``.
        motion_padding: bool ``(g, m + 1)``, ``True`` on padding of ``motion``; ``None``: there is none.
    """

    tokens: Tensor
    static: Tensor
    motion: Tensor
    motion_padding: Tensor | None = None

    @property
    def padding(self) -> Tensor:
        """Padding mask of the tokens, bool ``(g, n)``, ``True`` on padding."""
        return self.mask == 0
