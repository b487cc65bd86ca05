"""Vocabularies of GIT: BERT's, or the words of a training in BERT's layout."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from mevis_bench.records import DataError

BEGIN, END, PADDING = 101, 102, 0
"""BERT's [CLS], [SEP] and [PAD]."""

VOCABULARY_FILE = "tokenizer.json"
"""Name in a folder of weights."""

_UNKNOWN = 100


def open_vocabulary(folder: Path) -> Tokenizer:
    """Open the vocabulary next to a folder's weights.

    Raises:
        DataError: It is missing, invalid, or another model's.
    """
    path = folder / VOCABULARY_FILE
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
    special = {PADDING: "[PAD]", _UNKNOWN: "[UNK]", BEGIN: "[CLS]", END: "[SEP]"}
    entries = [special.get(index, f"[unused{index}]") for index in range(END + 1)] + frequent
    vocabulary = {word: index for index, word in enumerate(entries[:size])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(list(special.values()))
    return tokenizer
