"""Tokenizers of trainings that start without RoBERTa's files: the words of the training sentences."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, processors

from baselines.layers.nn.text_encoder import BOS, EOS, PAD, FileTokenizer, Tokenizer
from mevis_bench.records import TrainingData

TOKENIZER_FILE = "tokenizer.json"
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


def word_tokenizer(sentences: Iterable[str], size: int) -> tokenizers.Tokenizer:
    """Build a tokenizer of lower-case words with RoBERTa's special tokens.

    Args:
        sentences: Their words become tokens; an unknown word later is ``<unk>``.
        size: Upper bound of the entries; the most frequent words are kept.
    """
    split = pre_tokenizers.Whitespace()
    counts = Counter(word for text in sentences for word, _ in split.pre_tokenize_str(text.lower()))
    frequent = sorted(counts, key=lambda word: (-counts[word], word))
    entries = [*_SPECIAL, *frequent][:size]
    tokenizer = tokenizers.Tokenizer(
        models.WordLevel({word: index for index, word in enumerate(entries)}, unk_token="<unk>")
    )
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = split
    assert (entries[BOS], entries[PAD], entries[EOS]) == ("<s>", "<pad>", "</s>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", BOS), ("</s>", EOS)]
    )
    return tokenizer


def training_tokenizer(file: str, data: TrainingData, size: int, out: Path, *, writes: bool) -> Tokenizer:
    """Open the tokenizer of a training, and keep it beside the weights, which are of no use without it.

    Args:
        file: RoBERTa's ``tokenizer.json``; empty: one of the words of ``data``'s sentences.
        data: Training split.
        size: Token ids of the text encoder.
        out: Folder of the training; ``tokenizer.json`` is written there.
        writes: Whether this process writes it: exactly one does.

    Raises:
        DataError: The file is not RoBERTa's.
    """
    if file:
        return FileTokenizer.open(Path(file))
    sentences = (truth.expression.text for video_id in data.video_ids for truth in data.ground_truths(video_id))
    built = word_tokenizer(sentences, size)
    if writes:
        built.save(str(out / TOKENIZER_FILE))
    return FileTokenizer(built)
