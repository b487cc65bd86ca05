"""Sentences to vectors: the authors' split, and GloVe's file."""

from pathlib import Path

import numpy as np
import pytest
import torch

from baselines.layers.inputs.word_vectors import GloveFile, SeededVectors
from baselines.lbdt.words import embed_sentence, split_words
from mevis_bench.records import DataError


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("The bird flying away.", ["the", "bird", "flying", "away"]),
        ("two cats, one after another", ["two", "cats", ", ", "one", "after", "another"]),
        ("  it's here ", ["it", "'", "s", "here"]),
        ("", [""]),
        (" ".join(["far"] * 30), ["far"] * 25),
    ],
)
def test_words_are_split_as_the_authors_do(sentence: str, words: list[str]) -> None:
    assert split_words(sentence) == words


@pytest.fixture
def glove(tmp_path: Path) -> Path:
    path = tmp_path / "glove.txt"
    lines = [
        f"{word} " + " ".join(f"{start + i / 1000:.3f}" for i in range(300)) for start, word in enumerate(("a", "été"))
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_vectors_are_found_and_unknown_words_are_zeros(glove: Path) -> None:
    vectors = GloveFile(glove)
    assert np.allclose(vectors["été"], 1 + np.arange(300) / 1000)
    assert not vectors["gnu"].any()
    table, present = embed_sentence(["a", "gnu"], vectors)
    assert table.shape == (1, 25, 300)
    assert torch.equal(present[0], torch.arange(25) < 2)
    assert np.allclose(table[0, 0], np.arange(300) / 1000)
    assert not table[0, 1:].any()


@pytest.mark.parametrize("content", [b"", b"not a vector\n", b"word 1.0 2.0\n", b"\x80\x02}q\x00."])
def test_another_file_is_named_as_such(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "glove.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match="not a file of GloVe vectors"):
        GloveFile(path)


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read word vectors"):
        GloveFile(tmp_path / "none.txt")


def test_seeded_vectors_depend_on_word_and_seed_only() -> None:
    assert np.array_equal(SeededVectors(1)["bird"], SeededVectors(1)["bird"])
    assert not np.array_equal(SeededVectors(1)["bird"], SeededVectors(2)["bird"])
    assert not np.array_equal(SeededVectors(1)["bird"], SeededVectors(1)["cat"])
