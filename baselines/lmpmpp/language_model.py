"""Large language model: object tokens and the prompt in, "N_o <SEG> ... <SEG>" out (paper section 4).

Order of a sequence: object tokens, "Can you track and segment <Text>", the text embedding, "</Text> in this video?",
the answer. All tokens before the text embedding are the same for every sentence about a video, so prediction runs them
once (``prefill_objects``) and continues per sentence from the cached keys and values (``prefill_prompt``,
``decode_answer``). Training runs the whole sequence at once (``forward``).

Axes: b videos, o object tokens, n sentences, l tokens of a text embedding, s <SEG> tokens, D hidden channels, v tokens
of the vocabulary.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import DynamicCache, LlamaConfig, LlamaModel

from baselines.layers.nn.lora import add_lora
from baselines.lmpmpp.config import LanguageConfig
from baselines.lmpmpp.prompt import ADDED_TOKENS, Modality, PromptTokens


@dataclass(slots=True)
class PrefixCache:
    """Keys and values of the tokens so far; every forward pass extends it in place.

    Attributes:
        key_values: Of every layer.
        attention_mask: bool ``(n, tokens)``, ``False`` on padding.
        next_position: int64 ``(n,)``, position id of the next token.
    """

    key_values: DynamicCache
    attention_mask: Tensor
    next_position: Tensor

    def batch_select_indices(self, indices: Tensor) -> "PrefixCache":
        """Copy of the batch entries ``indices``, int64 ``(n,)``; an entry may be repeated to branch from it."""
        layers = [(keys[indices], values[indices]) for keys, values, _ in self.key_values]
        return PrefixCache(DynamicCache(layers), self.attention_mask[indices], self.next_position[indices])


class LanguageModel(nn.Module):
    """Llama with object tokens and text embeddings between its word tokens.

    Args:
        config: Sizes.
        prompt: Token ids of prompt and answer template.
        init_weights: Initialize Llama's weights; ``False``: leave them on the meta device for ``load_llama`` to fill.
        dtype: Of Llama's initial weights.
    """

    def __init__(
        self,
        config: LanguageConfig,
        prompt: PromptTokens,
        *,
        init_weights: bool = True,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.config, self.prompt = config, prompt
        llama = LlamaConfig(
            vocab_size=config.vocabulary,
            hidden_size=config.hidden,
            intermediate_size=config.feedforward,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.heads,
            max_position_embeddings=8192,
            tie_word_embeddings=False,
        )
        with contextlib.nullcontext() if init_weights else torch.device("meta"):
            self.llama = LlamaModel._from_config(llama, dtype=dtype, attn_implementation="sdpa")
            self.llama_head = nn.Linear(config.hidden, config.vocabulary, bias=False, dtype=dtype)
        self.added_tokens = nn.Embedding(ADDED_TOKENS, config.hidden)
        nn.init.normal_(self.added_tokens.weight, std=llama.initializer_range)
        self.added_head = nn.Linear(config.hidden, ADDED_TOKENS, bias=False)

    def add_adapters(self) -> None:
        """Freeze Llama and add LoRA adapters to its attention; the added tokens stay trainable."""
        add_lora(self.llama, self.config.lora_targets, self.config.lora_rank, self.config.lora_alpha)
        self.llama_head.requires_grad_(False)

    def embed_tokens(self, ids: Sequence[int] | Tensor) -> Tensor:
        """Embed token ids, ``(...)`` to ``(..., D)``; ids from Llama's vocabulary size on are the added tokens."""
        vocabulary = self.config.vocabulary
        ids = torch.as_tensor(ids, dtype=torch.long, device=self.added_tokens.weight.device)
        pretrained = self.llama.embed_tokens(ids.clamp(max=vocabulary - 1))
        added = self.added_tokens((ids - vocabulary).clamp(min=0))
        return torch.where((ids < vocabulary)[..., None], pretrained, added)

    def head(self, states: Tensor) -> Tensor:
        """Next-token logits of states ``(..., D)``: ``(..., v)``, Llama's vocabulary first."""
        return torch.cat((self.llama_head(states), self.added_head(states)), dim=-1)

    def numeral_logits(self, logits: Tensor) -> Tensor:
        """Logits of the numerals 0..N_max out of next-token logits ``(..., v)``: ``(..., N_max + 1)``."""
        return logits[..., list(self.prompt.numerals)]

    def forward(
        self, objects: Tensor, text: Tensor, num_objects: Tensor, num_seg_tokens: int, modality: Modality = "text"
    ) -> Tensor:
        """Run object tokens, prompt and ground-truth answer in one pass, without cache (training).

        Args:
            objects: ``(n, o, D)``, no padding.
            text: Projected text or audio embedding, ``(n, l, D)``, no padding.
            num_objects: Ground-truth N_o, int64 ``(n,)``.
            num_seg_tokens: s, the same for all sentences; <SEG> tokens beyond a sentence's N_o are padding.
            modality: ``text`` or ``audio``.

        Returns:
            States of the question mark, the numeral and the <SEG> tokens, ``(n, 2 + s, D)``; the same as
            ``prefill_objects``, ``prefill_prompt`` and ``decode_answer`` one after another.
        """
        prompt, n = self.prompt, len(objects)
        opening = self.embed_tokens((*prompt.instruction, prompt.opening[modality])).expand(n, -1, -1)
        closing = self.embed_tokens((prompt.closing[modality], *prompt.question)).expand(n, -1, -1)
        answer = self.embed_tokens(self._answer_ids(num_objects, num_seg_tokens))
        inputs = torch.cat((opening[:, :1], objects, opening[:, 1:], text, closing, answer), dim=1)
        out = self.llama(inputs_embeds=inputs.to(self.llama.dtype), use_cache=False)
        return out.last_hidden_state[:, -2 - num_seg_tokens :]

    def prefill_objects(self, objects: Tensor, valid: Tensor, modality: Modality = "text") -> PrefixCache:
        """Run object tokens ``(b, o, D)``, bool ``valid`` ``(b, o)``, and the instruction up to <Text> or <Audio>."""
        batch = len(objects)
        shared = self.embed_tokens((*self.prompt.instruction, self.prompt.opening[modality])).expand(batch, -1, -1)
        inputs = torch.cat((shared[:, :1], objects, shared[:, 1:]), dim=1)
        ones = valid.new_ones(batch, shared.shape[1])
        cache = PrefixCache(
            DynamicCache(config=self.llama.config), valid[:, :0], torch.zeros_like(valid[:, 0], dtype=torch.long)
        )
        self._forward_with_cache(cache, inputs, torch.cat((ones[:, :1], valid, ones[:, 1:]), dim=1))
        return cache

    def prefill_prompt(self, cache: PrefixCache, text: Tensor, valid: Tensor, modality: Modality = "text") -> Tensor:
        """Run the text embedding and the rest of the prompt.

        Args:
            cache: Of n sentences, after ``prefill_objects``; extended in place.
            text: Projected text or audio embedding, ``(n, l, D)``.
            valid: bool ``(n, l)``, ``False`` on padding.
            modality: ``text`` or ``audio``.

        Returns:
            State of the question mark, whose next token is the numeral N_o, ``(n, D)``.
        """
        closing = self.embed_tokens((self.prompt.closing[modality], *self.prompt.question)).expand(len(text), -1, -1)
        ones = valid.new_ones(len(text), closing.shape[1])
        inputs = torch.cat((text, closing), dim=1)
        return self._forward_with_cache(cache, inputs, torch.cat((valid, ones), dim=1))[:, -1]

    def decode_answer(self, cache: PrefixCache, num_objects: Tensor, num_seg_tokens: int) -> Tensor:
        """Run the answer "N_o <SEG> ... <SEG>", which follows from N_o.

        Args:
            cache: Of n sentences, after ``prefill_prompt``; extended in place.
            num_objects: N_o, int64 ``(n,)``.
            num_seg_tokens: s, the same for all sentences; <SEG> tokens beyond a sentence's N_o are padding.

        Returns:
            States of the numeral and the <SEG> tokens, ``(n, 1 + s, D)``.
        """
        inputs = self.embed_tokens(self._answer_ids(num_objects, num_seg_tokens))
        return self._forward_with_cache(cache, inputs, cache.attention_mask.new_ones(inputs.shape[:2]))

    def _answer_ids(self, num_objects: Tensor, num_seg_tokens: int) -> Tensor:
        """Token ids of the numeral and s <SEG> tokens: int64 ``(n, 1 + s)``."""
        numerals = torch.tensor(self.prompt.numerals, device=num_objects.device)[num_objects]
        seg = numerals.new_full((len(num_objects), num_seg_tokens), self.prompt.seg)
        return torch.cat((numerals[:, None], seg), dim=1)

    def _forward_with_cache(self, cache: PrefixCache, inputs: Tensor, valid: Tensor) -> Tensor:
        """Run inputs ``(n, i, D)``, bool ``valid`` ``(n, i)``, and extend the cache; return states, same shape."""
        cache.attention_mask = torch.cat((cache.attention_mask, valid), dim=1)
        positions = cache.next_position[:, None] + valid.long().cumsum(1) - 1
        cache.next_position = positions[:, -1] + 1
        out = self.llama(
            inputs_embeds=inputs.to(self.llama.dtype),  # so that the cache of a long video has Llama's precision
            attention_mask=cache.attention_mask.long(),
            position_ids=positions.clamp(min=0),
            past_key_values=cache.key_values,
            use_cache=True,
        )
        return out.last_hidden_state
