"""Sentences to word vectors, by the authors' word split."""

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from baselines.layers.inputs.word_vectors import WordVectors, word_table

MAX_WORDS = 25


def split_words(sentence: str) -> list[str]:
    """Split as the authors do: lower case, punctuation is a separate word, a final full stop is removed.

    At most 25 words are kept; a sentence without any has one empty word.
    """
    words = [word.lower() for word in re.split(r"(\W+)", sentence.strip()) if word not in ("", " ")] or [""]
    return (words[:-1] if words[-1] == "." else words)[:MAX_WORDS]


def embed_sentence(words: Sequence[str], vectors: WordVectors) -> tuple[Tensor, Tensor]:
    """Encode words as ids of the vocabulary, padded to 25.

    Returns:
        float32 ``(1, 25, 300)`` with zeros after the last word, and bool ``(1, 25)``: where there is a word.
    """
    return word_table(words, vectors, MAX_WORDS), torch.arange(MAX_WORDS)[None] < len(words)
