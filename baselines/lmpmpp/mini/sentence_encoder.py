"""Text encoder of the mini variant: a word tokenizer and a small recurrent encoder, trained from scratch, then frozen.

It stands in for the paper's RoBERTa (``encoders.py``), which needs a download. Axes: n sentences, l words, c channels.
"""

import re
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

PADDING, UNKNOWN = 0, 1

DROPOUT = 0.1


class WordTokenizer:
    """Maps lower-case words to ids.

    Attributes:
        words: Known words; word i has the id i + 2. 0 is padding, 1 stands for every unknown word.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._ids = {word: index for index, word in enumerate(words, start=2)}

    @classmethod
    def from_sentences(cls, sentences: Iterable[str]) -> "WordTokenizer":
        """Build the vocabulary of ``sentences``, in alphabetical order."""
        return cls(sorted({word for sentence in sentences for word in split_words(sentence)}))

    def __len__(self) -> int:
        return len(self.words) + 2

    def __call__(self, sentences: Sequence[str]) -> Tensor:
        """Tokenize: int64 ``(n, l)``, padded at the end; a sentence without words is one unknown word."""
        ids = [[self._ids.get(word, UNKNOWN) for word in split_words(s)] or [UNKNOWN] for s in sentences]
        out = torch.full((len(ids), max(len(row) for row in ids)), PADDING)
        for row, sentence_ids in zip(out, ids, strict=True):
            row[: len(sentence_ids)] = torch.tensor(sentence_ids)
        return out


_WORD = re.compile(r"[a-z0-9']+")


def split_words(sentence: str) -> list[str]:
    """Return the words of a sentence, lower-case, without punctuation."""
    return _WORD.findall(sentence.lower())


def word_spans(sentence: str) -> list[tuple[int, int]]:
    """Return the characters of the same words, ``(start, end)`` half-open, of a sentence in lower case."""
    return [match.span() for match in _WORD.finditer(sentence)]


class Pooling(nn.Module):
    """Attention-weighted mean and maximum over a sequence, then a perceptron."""

    def __init__(self, states: int, channels: int) -> None:
        super().__init__()
        self.attention = nn.Linear(states, 1)
        self.out = nn.Sequential(nn.Linear(2 * states, states), nn.GELU(), nn.Linear(states, channels))

    def forward(self, states: Tensor, padding: Tensor) -> Tensor:
        """Pool states ``(n, l, states)``, bool ``padding`` ``(n, l)``: ``(n, c)``."""
        weights = self.attention(states)[..., 0].masked_fill(padding, float("-inf")).softmax(-1)
        mean = (weights[..., None] * states).sum(1)
        maximum = states.masked_fill(padding[..., None], float("-inf")).amax(1)
        return self.out(torch.cat((mean, maximum), dim=-1))


class SentenceEncoder(nn.Module):
    """Bidirectional GRU over words, pooled."""

    def __init__(self, words: int, channels: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, channels, padding_idx=PADDING)
        self.gru = nn.GRU(channels, channels, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(DROPOUT)
        self.pooling = Pooling(2 * channels, channels)

    def forward(self, words: Tensor) -> Tensor:
        """Encode word ids ``(n, l)``, padded with 0 at the end: ``(n, c)``."""
        return self.pooling(self.encode_words(words), words == PADDING)

    def encode_words(self, words: Tensor) -> Tensor:
        """States of the words, ``(n, l, 2 c)``, 0 on padding."""
        return run_gru(self.gru, self.dropout(self.embedding(words)), (words != PADDING).sum(1))


def run_gru(gru: nn.GRU, x: Tensor, lengths: Tensor) -> Tensor:
    """Run padded sequences ``(n, l, c)`` of int64 ``lengths`` ``(n,)``, >= 1: states ``(n, l, ...)``, 0 on padding."""
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
    states: Tensor = nn.utils.rnn.pad_packed_sequence(gru(packed)[0], batch_first=True, total_length=x.shape[1])[0]
    return states
