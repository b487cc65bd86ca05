"""DsHmp as a ``Method``: a sentence to the union of the matched trajectories' masks."""

from collections.abc import Callable

import torch

from baselines.dshmp.checkpoint import load as load_checkpoint
from baselines.dshmp.config import SIZES
from baselines.dshmp.model import DsHmp
from baselines.dshmp.options import Options
from baselines.dshmp.sentence import DecoupledSentence
from baselines.dshmp.track_network import TrackDsHmp
from baselines.dshmp.word_split import split_tokens
from baselines.layers.inference.query_segmenter import QuerySegmenter, SegmenterSettings
from baselines.layers.inputs.resize import PIXEL_MEAN
from baselines.layers.inputs.word_tagger import Tagger, open_tagger
from baselines.layers.nn.text_encoder import Tokenizer, open_tokenizer, padded_ids
from baselines.lmpmpp.mini.track_segmenter import TrackSegmenter, load_track_segmenter
from mevis_bench.records import MethodConfig, Prompt, TextPrompt

PIXEL_STD = (58.395, 57.12, 57.37)
"""ImageNet's, with the authors' error in the last number (57.375), which their weights were trained with."""
MAX_TOKENS = 40
"""Tokens per sentence, begin and end included; a longer one loses its end token."""
PADDING_ID = 0
"""Padding in DsHmp's training: RoBERTa's begin token, masked, instead of RoBERTa's padding id 1."""


def encode_sentence(model: DsHmp, tokenizer: Tokenizer, tagger: Tagger, text: str, device: str) -> DecoupledSentence:
    """Encode a sentence in lower case with single spaces; the tagger splits it into static and motion words."""
    text = " ".join(text.lower().split())
    tokens = tokenizer.encode(text)
    static, motion = split_tokens(tokens, tagger.tag(text), MAX_TOKENS)
    ids, mask = padded_ids(tokens.ids, MAX_TOKENS, PADDING_ID)
    return model.encode_text(ids.to(device), mask.to(device), static, motion)


def sentence_reader(
    model: DsHmp, tokenizer: Tokenizer, tagger: Tagger, device: str
) -> Callable[[Prompt], DecoupledSentence]:
    """Encoder of text prompts."""

    def read(prompt: Prompt) -> DecoupledSentence:
        if not isinstance(prompt, TextPrompt):
            raise TypeError(f"DsHmp requires a text prompt, got {type(prompt).__name__}")
        return encode_sentence(model, tokenizer, tagger, prompt.text, device)

    return read


def load(config: MethodConfig[Options]) -> QuerySegmenter[DecoupledSentence] | TrackSegmenter:
    """Build DsHmp with the authors' weights, or with seeded random ones.

    Raises:
        DataError: The checkpoint or the tokenizer file is not DsHmp's.
        MethodError: The variant's tagger is not installed.
        UsageError: An option has an invalid value.
    """
    tagger = open_tagger(config.options.tagger)
    if config.options.frames == "tracks":
        return load_track_segmenter(config, lambda: TrackDsHmp(SIZES[config.options.size], tagger))
    settings = SegmenterSettings.from_options(config.options, PIXEL_MEAN, PIXEL_STD)
    network_config = SIZES[config.options.size]
    if config.weights is None:
        torch.manual_seed(config.seed)
    model = DsHmp(network_config)
    if config.weights is not None:
        model.load_state_dict(load_checkpoint(config.weights["model"], network_config))
    model.eval().to(config.device)
    tokenizer = open_tokenizer(None if config.weights is None else config.weights["tokenizer"])

    read = sentence_reader(model, tokenizer, tagger, config.device)
    return QuerySegmenter(model, read, settings, config.device)
