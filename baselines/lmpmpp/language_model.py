"""The large language model: object tokens and an instruction in, "N_o <SEG> ... <SEG>" out (paper section 4).

Order of a sequence: object tokens, "Can you track and segment <Text>", the text embedding, "</Text> in this video?",
the answer. Everything before the text embedding is the same for all sentences of a video, so it is read once
(``read_objects``) and every sentence goes on from there (``read_prompt``, ``read_answer``).

Axes: b videos, p tokens of the shared part, n sentences, l tokens of a text embedding, D hidden channels.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import DynamicCache, LlamaConfig, LlamaModel

from baselines.lmpmpp.config import LanguageConfig
from baselines.lmpmpp.lora import add_lora
from mevis_bench.records import DataError

ADDED_TOKENS = 5
"""<Text>, </Text>, <Audio>, </Audio> and <SEG> follow the vocabulary that Llama comes with."""


INSTRUCTION, QUESTION = "Can you track and segment", "in this video?"
"""The paper's prompt: "Can you track and segment <Text><Text Embedding></Text> in this video?"."""


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """The instruction and the answer template as token numbers; the last ``ADDED_TOKENS`` are the added ones.

    Attributes:
        instruction: "Can you track and segment".
        opening: <Text> and <Audio>, by modality.
        closing: </Text> and </Audio>, by modality.
        question: "in this video?".
        numerals: The tokens of 0, 1, ..., N_max.
        seg: <SEG>.
        end: End of the answer.
    """

    instruction: tuple[int, ...]
    opening: dict[str, int]
    closing: dict[str, int]
    question: tuple[int, ...]
    numerals: tuple[int, ...]
    seg: int
    end: int

    @classmethod
    def of_words(cls, max_objects: int) -> "PromptTokens":
        """Number the words of the paper's prompt one after another: the mini variant's whole vocabulary."""
        instruction = ["<s>", *INSTRUCTION.split()]
        question = [*QUESTION.rstrip("?").split(), "?"]
        tags = ["<Text>", "</Text>", "<Audio>", "</Audio>"]
        numerals = [str(n) for n in range(max_objects + 1)]
        words = ["</s>", *instruction, *question, *numerals, *tags, "<SEG>"]
        number = {word: index for index, word in enumerate(words)}
        return cls(
            instruction=tuple(number[word] for word in instruction),
            opening={"text": number["<Text>"], "audio": number["<Audio>"]},
            closing={"text": number["</Text>"], "audio": number["</Audio>"]},
            question=tuple(number[word] for word in question),
            numerals=tuple(number[word] for word in numerals),
            seg=number["<SEG>"],
            end=number["</s>"],
        )

    @classmethod
    def of_llama(cls, path: Path, vocabulary: int, max_objects: int) -> "PromptTokens":
        """Number the paper's prompt with Llama's own tokenizer; the added tokens follow its ``vocabulary``.

        Args:
            path: ``tokenizer.json`` of Llama or Llama 2.
            vocabulary: How many tokens the language model comes with.
            max_objects: N_max, 0..9: a numeral is one token.

        Raises:
            DataError: The file is no tokenizer, or not Llama's.
        """
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exception for every fault of a file
            raise DataError(f"not a tokenizer file: {error}", location=str(path)) from error
        special = {name: tokenizer.token_to_id(name) for name in ("<s>", "</s>")}
        numerals = [tokenizer.token_to_id(str(n)) for n in range(max_objects + 1)]
        if None in (*special.values(), *numerals):
            raise DataError("not Llama's tokenizer: it lacks <s>, </s> or a digit", location=str(path))
        instruction, question = (
            tokenizer.encode(text, add_special_tokens=False).ids for text in (INSTRUCTION, QUESTION)
        )
        tags = range(vocabulary, vocabulary + ADDED_TOKENS)
        return cls(
            instruction=(special["<s>"], *instruction),
            opening={"text": tags[0], "audio": tags[2]},
            closing={"text": tags[1], "audio": tags[3]},
            question=tuple(question),
            numerals=tuple(numerals),
            seg=tags[4],
            end=special["</s>"],
        )


@dataclass(slots=True)
class Context:
    """What the language model has read so far; it grows as more is read.

    Attributes:
        cache: Keys and values of every layer.
        mask: bool ``(n, tokens)``, ``True`` where a token counts.
        position: int64 ``(n,)``, position of the next token.
    """

    cache: DynamicCache
    mask: Tensor
    position: Tensor

    def branch(self, rows: Tensor) -> "Context":
        """Go on in several ways: a copy with row ``rows[i]`` as its i-th."""
        layers = [(layer.keys[rows], layer.values[rows]) for layer in self.cache.layers]
        return Context(DynamicCache(layers), self.mask[rows], self.position[rows])


class LanguageModel(nn.Module):
    """Llama with object tokens and text embeddings between its own tokens."""

    def __init__(
        self, size: LanguageConfig, prompt: PromptTokens, *, filled: bool = True, dtype: torch.dtype = torch.float32
    ) -> None:
        """Build with initial weights; Llama's are of ``dtype``, or, not ``filled``, wait for a checkpoint's."""
        super().__init__()
        self.size, self.prompt = size, prompt
        config = LlamaConfig(
            vocab_size=size.vocabulary,
            hidden_size=size.hidden,
            intermediate_size=size.feedforward,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            num_key_value_heads=size.heads,
            max_position_embeddings=8192,
            tie_word_embeddings=False,
            attn_implementation="sdpa",
        )
        with contextlib.nullcontext() if filled else torch.device("meta"):
            self.llama = LlamaModel._from_config(config, dtype=dtype)
            self.llama_head = nn.Linear(size.hidden, size.vocabulary, bias=False, dtype=dtype)
        self.added_tokens = nn.Embedding(ADDED_TOKENS, size.hidden)
        nn.init.normal_(self.added_tokens.weight, std=config.initializer_range)
        self.added_head = nn.Linear(size.hidden, ADDED_TOKENS, bias=False)

    def add_adapters(self) -> None:
        """Freeze Llama and give its attention low-rank adapters; the added tokens stay trainable."""
        add_lora(self.llama, self.size.lora_targets, self.size.lora_rank, self.size.lora_alpha)
        self.llama_head.requires_grad_(False)

    def tokens(self, numbers: Sequence[int] | Tensor) -> Tensor:
        """Embed token numbers, ``(...)`` to ``(..., D)``; those beyond Llama's vocabulary are the added ones."""
        known = self.size.vocabulary
        numbers = torch.as_tensor(numbers, dtype=torch.long, device=self.added_tokens.weight.device)
        own = self.llama.embed_tokens(numbers.clamp(max=known - 1))
        added = self.added_tokens((numbers - known).clamp(min=0))
        return torch.where((numbers < known)[..., None], own, added)

    def head(self, states: Tensor) -> Tensor:
        """Next-token logits of states ``(..., D)``: ``(..., v)``, Llama's tokens first."""
        return torch.cat((self.llama_head(states), self.added_head(states)), dim=-1)

    def read_objects(self, objects: Tensor, valid: Tensor, modality: str = "text") -> Context:
        """Read object tokens ``(b, o, D)``, bool ``valid`` ``(b, o)``, and the instruction up to <Text> or <Audio>."""
        batch = len(objects)
        shared = self.tokens((*self.prompt.instruction, self.prompt.opening[modality])).expand(batch, -1, -1)
        inputs = torch.cat((shared[:, :1], objects, shared[:, 1:]), dim=1)
        ones = valid.new_ones(batch, shared.shape[1])
        context = Context(
            DynamicCache(config=self.llama.config), valid[:, :0], torch.zeros_like(valid[:, 0], dtype=torch.long)
        )
        self._read(context, inputs, torch.cat((ones[:, :1], valid, ones[:, 1:]), dim=1))
        return context

    def read_prompt(self, context: Context, text: Tensor, valid: Tensor, modality: str = "text") -> Tensor:
        """Read the text embedding and the rest of the question; ``context`` grows.

        Args:
            context: Of n sentences.
            text: Projected text or audio embedding, ``(n, l, D)``.
            valid: bool ``(n, l)``.
            modality: ``text`` or ``audio``.

        Returns:
            State after the question mark, from which N_o is told, ``(n, D)``.
        """
        rest = self.tokens((self.prompt.closing[modality], *self.prompt.question)).expand(len(text), -1, -1)
        ones = valid.new_ones(len(text), rest.shape[1])
        return self._read(context, torch.cat((text, rest), dim=1), torch.cat((valid, ones), dim=1))[:, -1]

    def read_answer(self, context: Context, counts: Tensor, slots: int) -> Tensor:
        """Read "N_o <SEG> ... <SEG>" with ``slots`` <SEG> tokens.

        Args:
            context: After the question, of n sentences.
            counts: N_o, int64 ``(n,)``.
            slots: Number of <SEG> tokens that are read for every sentence; those beyond its N_o mean nothing.

        Returns:
            States of the numeral and the <SEG> tokens, ``(n, 1 + slots, D)``.
        """
        numerals = torch.tensor(self.prompt.numerals, device=counts.device)[counts]
        seg = numerals.new_full((len(counts), slots), self.prompt.seg)
        inputs = self.tokens(torch.cat((numerals[:, None], seg), dim=1))
        return self._read(context, inputs, context.mask.new_ones(inputs.shape[:2]))

    def read_at_once(self, objects: Tensor, text: Tensor, counts: Tensor, slots: int, modality: str = "text") -> Tensor:
        """Read object tokens, question and answer in one pass, nothing kept: what training with checkpoints needs.

        Args:
            objects: ``(n, o, D)``, all of which count.
            text: Projected text or audio embedding, ``(n, l, D)``.
            counts: N_o as it is, int64 ``(n,)``.
            slots: Number of <SEG> tokens that are read.
            modality: ``text`` or ``audio``.

        Returns:
            States of the question mark, the numeral and the <SEG> tokens, ``(n, 2 + slots, D)``: what
            ``read_objects``, ``read_prompt`` and ``read_answer`` give one after another.
        """
        prompt, n = self.prompt, len(objects)
        opening = self.tokens((*prompt.instruction, prompt.opening[modality])).expand(n, -1, -1)
        closing = self.tokens((prompt.closing[modality], *prompt.question)).expand(n, -1, -1)
        numerals = torch.tensor(prompt.numerals, device=counts.device)[counts]
        answer = self.tokens(torch.cat((numerals[:, None], numerals.new_full((n, slots), prompt.seg)), dim=1))
        inputs = torch.cat((opening[:, :1], objects, opening[:, 1:], text, closing, answer), dim=1)
        out = self.llama(inputs_embeds=inputs.to(self.llama.dtype), use_cache=False)
        return out.last_hidden_state[:, -2 - slots :]

    def _read(self, context: Context, inputs: Tensor, valid: Tensor) -> Tensor:
        """Read inputs ``(n, i, D)``, skipping those that are not valid; return their states, same shape."""
        context.mask = torch.cat((context.mask, valid), dim=1)
        positions = context.position[:, None] + valid.long().cumsum(1) - 1
        context.position = positions[:, -1] + 1
        out = self.llama(
            inputs_embeds=inputs.to(self.llama.dtype),  # what is kept of long videos is then no wider than Llama itself
            attention_mask=context.mask.long(),
            position_ids=positions.clamp(min=0),
            past_key_values=context.cache,
            use_cache=True,
        )
        return out.last_hidden_state
