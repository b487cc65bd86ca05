"""Prompt and answer template of the language model as token ids (paper section 4).

Prompt: "Can you track and segment <Text><Text Embedding></Text> in this video?", with <Audio> tags for speech. Answer:
"N_o <SEG> ... <SEG>", with as many <SEG> tokens as N_o says; "0" means no target.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mevis_bench.records import DataError

Modality = Literal["text", "audio"]

ADDED_TOKENS = 5
"""<Text>, </Text>, <Audio>, </Audio> and <SEG> follow the pretrained vocabulary of Llama."""

INSTRUCTION, QUESTION = "Can you track and segment", "in this video?"


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """Token ids of the prompt and of the answer template; the last ``ADDED_TOKENS`` ids are the added tokens.

    Attributes:
        instruction: Begin of sequence and "Can you track and segment".
        opening: <Text> and <Audio>, by modality.
        closing: </Text> and </Audio>, by modality.
        question: "in this video?".
        numerals: 0, 1, ..., N_max.
        seg: <SEG>.
        end: End of sequence.
    """

    instruction: tuple[int, ...]
    opening: dict[Modality, int]
    closing: dict[Modality, int]
    question: tuple[int, ...]
    numerals: tuple[int, ...]
    seg: int
    end: int

    @classmethod
    def from_words(cls, max_objects: int) -> "PromptTokens":
        """Number the words of the prompt consecutively: a closed vocabulary that needs no tokenizer file."""
        instruction = ["<s>", *INSTRUCTION.split()]
        question = [*QUESTION.rstrip("?").split(), "?"]
        tags = ["<Text>", "</Text>", "<Audio>", "</Audio>"]
        numerals = [str(n) for n in range(max_objects + 1)]
        words = ["</s>", *instruction, *question, *numerals, *tags, "<SEG>"]
        ids = {word: index for index, word in enumerate(words)}
        return cls(
            instruction=tuple(ids[word] for word in instruction),
            opening={"text": ids["<Text>"], "audio": ids["<Audio>"]},
            closing={"text": ids["</Text>"], "audio": ids["</Audio>"]},
            question=tuple(ids[word] for word in question),
            numerals=tuple(ids[word] for word in numerals),
            seg=ids["<SEG>"],
            end=ids["</s>"],
        )

    @classmethod
    def from_llama(cls, path: Path, vocabulary: int, max_objects: int) -> "PromptTokens":
        """Tokenize the prompt with Llama's tokenizer; the added tokens get the ids from ``vocabulary`` on.

        Args:
            path: ``tokenizer.json`` of Llama or Llama 2.
            vocabulary: Size of the pretrained vocabulary.
            max_objects: N_max, 0..9, because a numeral must be one token.

        Raises:
            DataError: The file is not a tokenizer, or not Llama's.
        """
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises bare Exception for every invalid file
            raise DataError(f"not a tokenizer file: {error}", location=str(path)) from error

        def token_id(token: str) -> int:
            index: int | None = tokenizer.token_to_id(token)
            if index is None:
                raise DataError(f"not Llama's tokenizer: missing token {token!r}", location=str(path))
            return index

        begin, end = token_id("<s>"), token_id("</s>")
        numerals = tuple(token_id(str(n)) for n in range(max_objects + 1))
        instruction, question = (
            tokenizer.encode(text, add_special_tokens=False).ids for text in (INSTRUCTION, QUESTION)
        )
        text_open, text_close, audio_open, audio_close, seg = range(vocabulary, vocabulary + ADDED_TOKENS)
        return cls(
            instruction=(begin, *instruction),
            opening={"text": text_open, "audio": audio_open},
            closing={"text": text_close, "audio": audio_close},
            question=tuple(question),
            numerals=numerals,
            seg=seg,
            end=end,
        )
