"""Vocabularies of captioners: BERT's, the words of a training in BERT's layout, or numbered words."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from mevis_bench.records import DataError

BEGIN, END, MASK, PADDING = 101, 102, 103, 0
"""BERT's [CLS], [SEP], [MASK] and [PAD]."""

VOCABULARY_FILE = "tokenizer.json"
"""Name in a folder of weights."""

_UNKNOWN = 100


class Decoder(Protocol):
    """Conversion of token ids to a sentence."""

    def decode(self, ids: list[int]) -> str:
        """Decode, without special tokens."""
        ...


class NumberedWords:
    """Substitute for a vocabulary in an untrained run: words are numbered tokens."""

    def decode(self, ids: list[int]) -> str:
        """Decode to ``word17 word4``."""
        return " ".join(f"word{index}" for index in ids if index not in (BEGIN, END, MASK, PADDING))


def open_vocabulary(path: Path) -> Tokenizer:
    """Open ``tokenizer.json``.

    Raises:
        DataError: It is missing, invalid, or not BERT's.
    """
    hint = "Take tokenizer.json from the folder that the weights come from."
    try:
        tokenizer: Tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception for every invalid file
        raise DataError(f"cannot read tokenizer: {error}", location=str(path), hint=hint) from error
    if (tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")) != (BEGIN, END):
        raise DataError("not BERT's tokenizer", location=str(path), hint=hint)
    return tokenizer


def word_vocabulary(sentences: Iterable[str], size: int) -> Tokenizer:
    """Build a vocabulary of lower-case words, with BERT's special tokens under BERT's ids.

    Args:
        sentences: Their words, split at spaces.
        size: Entries; of more words the most frequent ones are kept, another word is ``[UNK]``.
    """
    counts = Counter(word for text in sentences for word in text.lower().split())
    frequent = sorted(counts, key=lambda word: (-counts[word], word))
    special = {PADDING: "[PAD]", _UNKNOWN: "[UNK]", BEGIN: "[CLS]", END: "[SEP]", MASK: "[MASK]"}
    entries = [special.get(index, f"[unused{index}]") for index in range(MASK + 1)] + frequent
    vocabulary = {word: index for index, word in enumerate(entries[:size])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(list(special.values()))
    return tokenizer
