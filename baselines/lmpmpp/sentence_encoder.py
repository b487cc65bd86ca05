"""Text branch of the mini variant: a word tokenizer and a small recurrent encoder, trained here and then frozen.

The paper's RoBERTa can't be fetched by everybody; the ``paper`` variant uses it (``baselines.layers.text_encoder``).
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


class SentenceEncoder(nn.Module):
    """Bidirectional GRU over words; a sentence is an attention-weighted mean of its word states and their peaks."""

    def __init__(self, words: int, channels: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, channels, padding_idx=PADDING)
        self.gru = nn.GRU(channels, channels, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(DROPOUT)
        self.attention = nn.Linear(2 * channels, 1)
        self.out = nn.Sequential(nn.Linear(4 * channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))

    def forward(self, words: Tensor) -> Tensor:
        """Encode word numbers ``(n, l)``, padded with 0 at the end: ``(n, c)``."""
        lengths = (words != PADDING).sum(1)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.dropout(self.embedding(words)), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        features, _ = nn.utils.rnn.pad_packed_sequence(
            self.gru(packed)[0], batch_first=True, total_length=words.shape[1]
        )
        padding = words == PADDING
        weights = self.attention(features)[..., 0].masked_fill(padding, float("-inf")).softmax(-1)
        mean = (weights[..., None] * features).sum(1)
        peak = features.masked_fill(padding[..., None], float("-inf")).amax(1)
        return self.out(torch.cat((mean, peak), dim=-1))
