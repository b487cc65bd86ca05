"""LMPM behind the harness's ``predict``: a sentence, written or spoken, in; union of the matched trajectories out."""

from collections.abc import Callable

import torch

from baselines.layers.checkpoints.checkpoint_file import match_keys
from baselines.layers.inference.query_segmenter import QuerySegmenter, SegmenterSettings
from baselines.layers.inputs.audio_file import read_audio
from baselines.layers.inputs.resize import PIXEL_MEAN, PIXEL_STD
from baselines.layers.method_options import require
from baselines.layers.nn.text_encoder import Tokenizer, build_roberta, open_tokenizer, padded_ids
from baselines.lmpm.checkpoint import load as load_checkpoint
from baselines.lmpm.model import Lmpm, Sentence
from baselines.lmpm.speech import RATE, SpeechEncoder
from mevis_bench.records import MethodConfig, Prompt, SpeechPrompt, TextPrompt

WORDS = 40
"""Tokens of a sentence, begin and end included; a longer one loses its end token."""
PADDING = 0
"""Id of padding in LMPM's training: RoBERTa's begin token, masked out, not RoBERTa's padding id 1."""


def sentence_ids(tokenizer: Tokenizer, text: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask of a sentence in lower case with single spaces, int64 ``(1, 40)`` each."""
    tokens = tokenizer.encode(" ".join(text.lower().split()))
    return padded_ids(tokens.ids, WORDS, PADDING)


def load(setup: MethodConfig) -> QuerySegmenter[Sentence]:
    """Build LMPM with the weights of a file, or with seeded random ones.

    Raises:
        DataError: The checkpoint or the tokenizer file is not LMPM's, or not the variant's.
        UsageError: An option can't be used.
    """
    settings = SegmenterSettings.from_options(setup.options, PIXEL_MEAN, PIXEL_STD)
    if setup.weights is None:
        torch.manual_seed(setup.seed)
    reads = setup.options["reads"]
    require("reads", reads, reads in ("text", "speech"), "text or speech")
    supports_speech = reads == "speech"
    model = Lmpm(SpeechEncoder() if supports_speech else build_roberta())
    if setup.weights is not None:
        path = setup.weights["model"]
        model.load_state_dict(match_keys(load_checkpoint(path), model, location=str(path)))
    model.eval().to(setup.device)
    read = speech_reader(model) if supports_speech else text_reader(model, setup)
    return QuerySegmenter(model, read, settings, setup.device)


def text_reader(model: Lmpm, setup: MethodConfig) -> Callable[[Prompt], Sentence]:
    """Read written prompts, with RoBERTa's tokenizer or, untrained, the stand-in for it."""
    tokenizer = open_tokenizer(None if setup.weights is None else setup.weights["tokenizer"])

    def read(prompt: Prompt) -> Sentence:
        assert isinstance(prompt, TextPrompt)
        ids, mask = sentence_ids(tokenizer, prompt.text)
        return model.encode_text(ids.to(setup.device), mask.to(setup.device))

    return read


def speech_reader(model: Lmpm) -> Callable[[Prompt], Sentence]:
    """Listen to spoken prompts."""

    def read(prompt: Prompt) -> Sentence:
        assert isinstance(prompt, SpeechPrompt)
        return model.encode_speech(read_audio(prompt.audio, RATE))

    return read
