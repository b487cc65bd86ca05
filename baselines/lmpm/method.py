"""LMPM behind the harness's ``predict``: sentence in, union of the matched trajectories out."""

import torch

from baselines.layers.query_segmenter import QuerySegmenter, SegmenterSettings
from baselines.layers.resize import PIXEL_MEAN, PIXEL_STD
from baselines.layers.text_encoder import Tokenizer, open_tokenizer, padded_ids
from baselines.lmpm.checkpoint import load as load_checkpoint
from baselines.lmpm.model import Lmpm, Sentence
from mevis_bench.records import MethodSetup, Prompt, TextPrompt

WORDS = 40
"""Tokens of a sentence, begin and end included; a longer one loses its end token."""
PADDING = 0
"""Id of padding in LMPM's training: RoBERTa's begin token, masked out, not RoBERTa's padding id 1."""


def sentence_ids(tokenizer: Tokenizer, text: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask of a sentence in lower case with single spaces, int64 ``(1, 40)`` each."""
    tokens = tokenizer.encode(" ".join(text.lower().split()))
    return padded_ids(tokens.ids, WORDS, PADDING)


def load(setup: MethodSetup) -> QuerySegmenter[Sentence]:
    """Build LMPM with the authors' weights, or with seeded random ones.

    Raises:
        DataError: The checkpoint or the tokenizer file is not LMPM's.
        UsageError: An option can't be used.
    """
    settings = SegmenterSettings.from_options(setup.options, PIXEL_MEAN, PIXEL_STD)
    if setup.weights is None:
        torch.manual_seed(setup.seed)
    model = Lmpm()
    if setup.weights is not None:
        model.load_state_dict(load_checkpoint(setup.weights["model"]))
    model.eval().to(setup.device)
    tokenizer = open_tokenizer(None if setup.weights is None else setup.weights["tokenizer"])

    def read(prompt: Prompt) -> Sentence:
        if not isinstance(prompt, TextPrompt):
            raise TypeError(f"LMPM reads text, not {type(prompt).__name__}")
        ids, mask = sentence_ids(tokenizer, prompt.text)
        return model.encode_text(ids.to(setup.device), mask.to(setup.device))

    return QuerySegmenter(model, read, settings, setup.device)
