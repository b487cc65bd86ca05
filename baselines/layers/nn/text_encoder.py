"""Text encoding: tokenizers, RoBERTa (transformers) and the projection of its features.

Liu et al., "RoBERTa" (2019); the projection is ReferFormer's ``FeatureResizer``.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn
from transformers import RobertaConfig, RobertaModel

from mevis_bench.records import DataError

if TYPE_CHECKING:
    import tokenizers

BOS, PAD, EOS = 0, 1, 2
"""RoBERTa's ids of the begin, padding and end tokens."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """A sentence as token ids, begin and end tokens included.

    Attributes:
        ids: One id per token.
        spans: Characters of the sentence that each token covers, ``(start, end)`` half-open, without the space before
            it; ``None`` for begin and end.
    """

    ids: tuple[int, ...]
    spans: tuple[tuple[int, int] | None, ...]


class Tokenizer(Protocol):
    """Tokenizer of sentences with RoBERTa's special tokens."""

    def encode(self, text: str) -> Tokens:
        """Tokenize one sentence; an empty one gives begin and end only."""
        ...


class TextEncoder(Protocol):
    """Interface of a RoBERTa of transformers, as far as the networks use it; a module."""

    @property
    def config(self) -> Any:
        """Has ``hidden_size``, the channels of all outputs."""
        ...

    def __call__(self, ids: Tensor, attention_mask: Tensor) -> Any:
        """Encode ids ``(n, l)`` with a mask of 1 on tokens and 0 on padding.

        Returns:
            ``last_hidden_state`` ``(n, l, hidden_size)`` and, with a pooler, ``pooler_output`` ``(n, hidden_size)``.
        """
        ...

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Train or freeze it."""
        ...


class FileTokenizer:
    """A tokenizer of the library tokenizers with RoBERTa's special tokens: RoBERTa's own, or a training's words.

    Args:
        tokenizer: The tokenizer.
    """

    def __init__(self, tokenizer: "tokenizers.Tokenizer") -> None:
        self._tokenizer = tokenizer

    @classmethod
    def open(cls, path: Path) -> "FileTokenizer":
        """Open a ``tokenizer.json``.

        Raises:
            DataError: The file is no tokenizer, or its special tokens are not RoBERTa's.
        """
        import tokenizers

        try:
            tokenizer = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exception for every invalid file
            raise DataError(f"not a tokenizer file: {error}", location=str(path), hint=_TOKENIZER_HINT) from error
        ids = tuple(tokenizer.token_to_id(token) for token in ("<s>", "<pad>", "</s>"))
        if ids != (BOS, PAD, EOS):
            raise DataError("not RoBERTa's tokenizer", location=str(path), hint=_TOKENIZER_HINT)
        return cls(tokenizer)

    def encode(self, text: str) -> Tokens:
        """Tokenize one sentence."""
        encoding = self._tokenizer.encode(text)
        spans = zip(encoding.offsets, encoding.special_tokens_mask, strict=True)
        return Tokens(tuple(encoding.ids), tuple(None if special else span for span, special in spans))


_TOKENIZER_HINT = "Take tokenizer.json from https://huggingface.co/FacebookAI/roberta-base."


class HashTokenizer:
    """Substitute for RoBERTa's tokenizer where its files are absent: one token per word, its id a hash of the word.

    For untrained runs and tests only; weights are trained with other ids.
    """

    def __init__(self, buckets: int = 500) -> None:
        self.buckets = buckets

    def encode(self, text: str) -> Tokens:
        """Tokenize one sentence; ids are 4 .. ``buckets + 3``."""
        ids = [BOS]
        spans: list[tuple[int, int] | None] = [None]
        start = 0
        for word in text.split():
            start = text.index(word, start)
            ids.append(EOS + 2 + zlib.crc32(word.encode()) % self.buckets)
            spans.append((start, start + len(word)))
            start += len(word)
        return Tokens((*ids, EOS), (*spans, None))


def open_tokenizer(path: Path | None) -> Tokenizer:
    """Open RoBERTa's or a training's ``tokenizer.json``; ``None`` (an untrained run): a ``HashTokenizer``."""
    return HashTokenizer() if path is None else FileTokenizer.open(path)


def padded_ids(tokens: Sequence[int], length: int, pad: int) -> tuple[Tensor, Tensor]:
    """Truncate or pad ids to ``length``.

    Returns:
        int64 ids ``(1, length)`` and int64 attention mask ``(1, length)``, 1 on tokens and 0 on padding.
    """
    ids = list(tokens[:length])
    padding = length - len(ids)
    return torch.tensor([ids + [pad] * padding]), torch.tensor([[1] * len(ids) + [0] * padding])


@dataclass(frozen=True, slots=True)
class TextEncoderConfig:
    """Sizes of a RoBERTa; the defaults are ``roberta-base``.

    Attributes:
        vocab_size: Token ids.
        channels: Width of the features.
        depth: Layers.
        heads: Attention heads.
        feedforward: Hidden units of the feed-forward blocks.
        max_positions: Position embeddings; a sentence has at most two tokens fewer.
    """

    vocab_size: int = 50265
    channels: int = 768
    depth: int = 12
    heads: int = 12
    feedforward: int = 3072
    max_positions: int = 514


MINI_TEXT_ENCODER = TextEncoderConfig(vocab_size=512, channels=64, depth=2, heads=4, feedforward=128, max_positions=130)
"""A text encoder that trains on a CPU; its vocabulary covers the ids of ``HashTokenizer``."""


def build_roberta(config: TextEncoderConfig | None = None, *, pooler: bool = True) -> RobertaModel:
    """Build a randomly initialized RoBERTa on scaled dot-product attention.

    Args:
        config: Sizes; ``None``: those of ``roberta-base``.
        pooler: With the tanh layer over the first token (``pooler_output``).
    """
    config = config or TextEncoderConfig()
    roberta = RobertaConfig(
        vocab_size=config.vocab_size, hidden_size=config.channels, num_hidden_layers=config.depth,
        num_attention_heads=config.heads, intermediate_size=config.feedforward,
        max_position_embeddings=config.max_positions, type_vocab_size=1, layer_norm_eps=1e-5,
        pad_token_id=PAD, bos_token_id=BOS, eos_token_id=EOS,
    )  # fmt: skip
    roberta._attn_implementation = "sdpa"
    return RobertaModel(roberta, add_pooling_layer=pooler)


class FeatureResizer(nn.Module):
    """Projection of text features to the width of the visual ones: linear, layer norm (eps 1e-12), dropout."""

    def __init__(self, channels: int = 768, out: int = 256, dropout: float = 0.1) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, out)
        self.layer_norm = nn.LayerNorm(out, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(..., channels)`` to ``(..., out)``."""
        out: Tensor = self.dropout(self.layer_norm(self.fc(features)))
        return out
