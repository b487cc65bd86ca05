"""Text branch of the mini variant: a word tokenizer and a small recurrent encoder, trained here and then frozen.

The paper's RoBERTa can't be fetched by everybody; the ``paper`` variant uses it (``baselines.layers.nn.text_encoder``).
"""

import re
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

PADDING, UNKNOWN = 0, 1

DROPOUT = 0.1
"""In training only."""


class WordTokenizer:
    """Splits a sentence into lower-case words and numbers them.

    Attributes:
        words: Known words; word i has the number i + 2. 0 is padding, 1 stands for every unknown word.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._numbers = {word: number for number, word in enumerate(words, start=2)}

    @classmethod
    def from_sentences(cls, sentences: Iterable[str]) -> "WordTokenizer":
        """Learn every word of ``sentences``, in alphabetical order."""
        return cls(sorted({word for sentence in sentences for word in split_words(sentence)}))

    def __len__(self) -> int:
        return len(self.words) + 2

    def __call__(self, sentences: Sequence[str]) -> Tensor:
        """Number the words of each sentence: int64 ``(sentences, longest)``, padded at the end; at least one column."""
        rows = [[self._numbers.get(word, UNKNOWN) for word in split_words(s)] or [UNKNOWN] for s in sentences]
        out = torch.full((len(rows), max(len(row) for row in rows)), PADDING)
        for row, numbers in zip(out, rows, strict=True):
            row[: len(numbers)] = torch.tensor(numbers)
        return out


def split_words(sentence: str) -> list[str]:
    """Return the words of a sentence, lower-case, without punctuation."""
    return re.findall(r"[a-z0-9']+", sentence.lower())


class Pooling(nn.Module):
    """A sequence of states becomes one feature: an attention-weighted mean of them, beside their peaks."""

    def __init__(self, states: int, channels: int) -> None:
        super().__init__()
        self.attention = nn.Linear(states, 1)
        self.out = nn.Sequential(nn.Linear(2 * states, states), nn.GELU(), nn.Linear(states, channels))

    def forward(self, states: Tensor, padding: Tensor) -> Tensor:
        """Pool states ``(n, l, s)`` where bool ``padding`` ``(n, l)`` is not set: ``(n, c)``."""
        weights = self.attention(states)[..., 0].masked_fill(padding, float("-inf")).softmax(-1)
        mean = (weights[..., None] * states).sum(1)
        peak = states.masked_fill(padding[..., None], float("-inf")).amax(1)
        return self.out(torch.cat((mean, peak), dim=-1))


class SentenceEncoder(nn.Module):
    """Bidirectional GRU over words, pooled."""

    def __init__(self, words: int, channels: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, channels, padding_idx=PADDING)
        self.gru = nn.GRU(channels, channels, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(DROPOUT)
        self.pooling = Pooling(2 * channels, channels)

    def forward(self, words: Tensor) -> Tensor:
        """Encode word numbers ``(n, l)``, padded with 0 at the end: ``(n, c)``."""
        states = run_gru(self.gru, self.dropout(self.embedding(words)), (words != PADDING).sum(1))
        return self.pooling(states, words == PADDING)


def run_gru(gru: nn.GRU, x: Tensor, lengths: Tensor) -> Tensor:
    """Read padded sequences ``(n, l, c)`` of int64 ``lengths`` ``(n,)``, >= 1: states of the same rows, 0 behind."""
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
    return nn.utils.rnn.pad_packed_sequence(gru(packed)[0], batch_first=True, total_length=x.shape[1])[0]
