"""DsHmp behind the harness's ``predict``: sentence in, union of the matched trajectories out."""

import torch

from baselines.dshmp.checkpoint import load as load_checkpoint
from baselines.dshmp.model import DsHmp
from baselines.dshmp.sentence import Sentence
from baselines.dshmp.word_split import Tagger, open_tagger, split_tokens
from baselines.layers.inference.query_segmenter import QuerySegmenter, SegmenterSettings
from baselines.layers.inputs.resize import PIXEL_MEAN
from baselines.layers.nn.text_encoder import Tokenizer, open_tokenizer, padded_ids
from mevis_bench.records import MethodConfig, Prompt, TextPrompt

PIXEL_STD = (58.395, 57.12, 57.37)
"""ImageNet's, with the authors' slip in the last number (57.375): their weights were trained with it."""
WORDS = 40
"""Tokens of a sentence, begin and end included; a longer one loses its end token."""
PADDING = 0
"""Id of padding in DsHmp's training: RoBERTa's begin token, masked out, not RoBERTa's padding id 1."""


def encode_sentence(model: DsHmp, tokenizer: Tokenizer, tagger: Tagger, text: str, device: str) -> Sentence:
    """Encode a sentence in lower case with single spaces, its words split by the tagger."""
    text = " ".join(text.lower().split())
    tokens = tokenizer.encode(text)
    static, motion = split_tokens(tokens, tagger.tag(text), WORDS)
    ids, mask = padded_ids(tokens.ids, WORDS, PADDING)
    return model.encode_text(ids.to(device), mask.to(device), static, motion)


def load(setup: MethodConfig) -> QuerySegmenter[Sentence]:
    """Build DsHmp with the authors' weights, or with seeded random ones.

    Raises:
        DataError: The checkpoint or the tokenizer file is not DsHmp's.
        MethodError: The variant's tagger is not installed.
        UsageError: An option can't be used.
    """
    tagger = open_tagger(setup.options["tagger"])
    settings = SegmenterSettings.from_options(setup.options, PIXEL_MEAN, PIXEL_STD)
    if setup.weights is None:
        torch.manual_seed(setup.seed)
    model = DsHmp()
    if setup.weights is not None:
        model.load_state_dict(load_checkpoint(setup.weights["model"]))
    model.eval().to(setup.device)
    tokenizer = open_tokenizer(None if setup.weights is None else setup.weights["tokenizer"])

    def read(prompt: Prompt) -> Sentence:
        if not isinstance(prompt, TextPrompt):
            raise TypeError(f"DsHmp reads text, not {type(prompt).__name__}")
        return encode_sentence(model, tokenizer, tagger, prompt.text, setup.device)

    return QuerySegmenter(model, read, settings, setup.device)
