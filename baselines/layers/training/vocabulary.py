"""Tokenizers of trainings that start without RoBERTa's files: the words of the training sentences."""

from collections import Counter
from collections.abc import Iterable

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, processors

from baselines.layers.nn.text_encoder import BOS, EOS, PAD, FileTokenizer, Tokenizer
from baselines.layers.training.clip_training import existing_file
from mevis_bench.records import TrainingArguments

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


def training_tokenizer(arguments: TrainingArguments, file: str | None, size: int) -> Tokenizer:
    """Open the tokenizer of a training; one of its own words is kept next to the weights, of no use without it.

    Args:
        arguments: Of the training.
        file: RoBERTa's ``tokenizer.json``; ``None``: a tokenizer of the words of the training split.
        size: Token ids of the text encoder.

    Raises:
        MissingWeightsError: There is no such file.
        DataError: The file is not RoBERTa's.
    """
    if file is not None:
        return FileTokenizer.open(existing_file(file, "start.tokenizer"))
    data = arguments.data
    built = word_tokenizer((e.text for video_id in data.video_ids for e in data.expressions(video_id)), size)
    if arguments.trainer.is_main_process:
        arguments.out.mkdir(parents=True, exist_ok=True)
        built.save(str(arguments.out / TOKENIZER_FILE))
    return FileTokenizer(built)
