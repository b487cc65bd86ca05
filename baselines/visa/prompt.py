"""VISA's prompt: reference frames, the frame to segment, the question, and the answer with [SEG]."""

import zlib
from pathlib import Path
from typing import Protocol

from transformers import AutoTokenizer

from mevis_bench.records import DataError

SEG = "[SEG]"

SYSTEM = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions."
)
"""System message of Vicuna's template, which Chat-UniVi was trained with."""

ANSWER = " ASSISTANT: It is"
"""Beginning of the answer; [SEG] follows."""


class Tokenizer(Protocol):
    """Conversion of text to token ids, without special tokens."""

    begin: int

    def ids(self, text: str) -> list[int]:
        """Tokenize."""
        ...


class HashedWords:
    """Substitute for LLaMA's tokenizer in an untrained run: a word's id is a hash of it."""

    begin = 1

    def __init__(self, words: int) -> None:
        self.words = words

    def ids(self, text: str) -> list[int]:
        """Tokenize words, split at blanks; ids from 3 on."""
        return [3 + zlib.crc32(word.encode()) % (self.words - 3) for word in text.split()]


class LlamaTokens:
    """LLaMA's tokenizer with [SEG], from a checkpoint's folder."""

    def __init__(self, folder: Path) -> None:
        """Open it.

        Raises:
            DataError: The folder contains none, or one without [SEG].
        """
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"cannot read tokenizer: {error}".splitlines()[0],
                location=str(folder),
                hint="tokenizer.json (or tokenizer.model) and tokenizer_config.json are expected next to the weights.",
            ) from error
        if self._tokenizer.convert_tokens_to_ids(SEG) == self._tokenizer.unk_token_id:
            raise DataError(f"the tokenizer has no token {SEG}", location=str(folder))
        self.begin: int = self._tokenizer.bos_token_id

    def ids(self, text: str) -> list[int]:
        """Tokenize."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        return ids


def reference_frames(length: int, target: int, count: int) -> list[int]:
    """Indices of at most ``count`` frames at equal distances, the target among them; the authors' rule."""
    step = -(-length // count)
    return list(range(target % step, length, step))


def prompt_texts(sentence: str, references: int) -> list[str]:
    """Return the texts around the frames: one before each reference frame, one before the target, one after it."""
    question = f"What is {sentence} in the Reference Video?" if not sentence.rstrip().endswith("?") else sentence
    before = [f"({number})" if number == 0 else f", ({number})" for number in range(references)]
    before[0] = f"{SYSTEM} USER: Reference Video: {before[0]}"
    after = f"\n{question} Please respond with segmentation mask in the Target Image."
    return [*before, " Target Image: ", after]
