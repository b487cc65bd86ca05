"""Word vectors: GloVe's text file, or seeded random ones; sentences as tables of vectors."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mevis_bench.records import DataError

VECTOR_SIZE = 300
"""Size of a vector."""

TRAINED_SEED = 0
"""Seed of the word vectors of networks that are trained without GloVe."""


class WordVectors(Protocol):
    """Looks words up."""

    def __getitem__(self, word: str) -> NDArray[np.float32]:
        """Return ``(300,)``; zeros for a word that is not known."""
        ...


class GloveFile:
    """GloVe vectors, read from their text file on first use of a word.

    The file (5.6 GB for 840B.300d) is passed through once to note where each word's line begins.

    Args:
        path: A text file: a word and 300 numbers a line, separated by single spaces.

    Raises:
        DataError: The file is missing or its first line is not of this form.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._starts: dict[bytes, int] = {}
        self._known: dict[str, NDArray[np.float32]] = {}
        try:
            with path.open("rb") as file:
                start = 0
                for line in file:
                    self._starts.setdefault(line.split(b" ", 1)[0], start)
                    start += len(line)
                file.seek(0)
                self._numbers(file.readline())
        except OSError as error:
            raise DataError(f"cannot read word vectors: {error}", location=str(path)) from error

    def __getitem__(self, word: str) -> NDArray[np.float32]:
        """Return a word's vector ``(300,)``; zeros for an unknown word, as the authors' reader has it."""
        if word not in self._known:
            start = self._starts.get(word.encode())
            if start is None:
                self._known[word] = np.zeros(VECTOR_SIZE, np.float32)
            else:
                with self.path.open("rb") as file:
                    file.seek(start)
                    self._known[word] = self._numbers(file.readline())
        return self._known[word]

    def _numbers(self, line: bytes) -> NDArray[np.float32]:
        try:
            numbers = np.array(line.split()[-VECTOR_SIZE:], dtype=np.float32)
        except ValueError:
            numbers = np.empty(0, np.float32)
        if len(numbers) != VECTOR_SIZE:
            raise DataError(
                "not a file of GloVe vectors: a line is not a word and 300 numbers",
                location=str(self.path),
                hint="Expected glove.840B.300d.txt from nlp.stanford.edu/projects/glove.",
            )
        return numbers


class SeededVectors:
    """Stand-in for an untrained run: a random vector per word, the same for the same word and seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __getitem__(self, word: str) -> NDArray[np.float32]:
        """Return ``(300,)``, standard normal."""
        return np.random.default_rng([self.seed, zlib.crc32(word.encode())]).standard_normal(VECTOR_SIZE, np.float32)


def word_table(words: Sequence[str], vectors: WordVectors, length: int) -> Tensor:
    """Table of the vectors of at most ``length`` words: float32 ``(1, length, 300)``, zeros after the last word."""
    table = np.zeros((1, length, VECTOR_SIZE), np.float32)
    for place, word in enumerate(words[:length]):
        table[0, place] = vectors[word]
    return torch.from_numpy(table)
