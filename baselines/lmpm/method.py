"""LMPM as a ``Method``: a sentence, written or spoken, to the union of the matched trajectories' masks."""

from collections.abc import Callable

import torch
from torch import Tensor

from baselines.layers.checkpoints.checkpoint_file import match_keys
from baselines.layers.inference.query_segmenter import QuerySegmenter, SegmenterSettings
from baselines.layers.inputs.audio_file import read_audio
from baselines.layers.inputs.resize import PIXEL_MEAN, PIXEL_STD
from baselines.layers.nn.text_encoder import Tokenizer, build_roberta, open_tokenizer, padded_ids
from baselines.layers.nn.trajectory_network import Sentence
from baselines.lmpm.checkpoint import load as load_checkpoint
from baselines.lmpm.config import SIZES, SPEECH_SIZES
from baselines.lmpm.model import Lmpm
from baselines.lmpm.options import Options
from baselines.lmpm.speech import RATE, SpeechEncoder
from baselines.lmpm.track_network import TrackLmpm
from baselines.lmpmpp.mini.track_segmenter import TrackSegmenter, load_track_segmenter
from mevis_bench.records import MethodConfig, Prompt, SpeechPrompt, TextPrompt

MAX_TOKENS = 40
"""Tokens per sentence, begin and end included; a longer one loses its end token."""
PADDING_ID = 0
"""Padding in LMPM's training: RoBERTa's begin token, masked, instead of RoBERTa's padding id 1."""


def sentence_ids(tokenizer: Tokenizer, text: str) -> tuple[Tensor, Tensor]:
    """Token ids and attention mask of a sentence in lower case with single spaces, int64 ``(1, 40)`` both."""
    tokens = tokenizer.encode(" ".join(text.lower().split()))
    return padded_ids(tokens.ids, MAX_TOKENS, PADDING_ID)


def load(config: MethodConfig[Options]) -> QuerySegmenter[Sentence] | TrackSegmenter:
    """Build LMPM with the weights of a file, or with seeded random ones.

    Raises:
        DataError: The checkpoint or the tokenizer file is not LMPM's, or not the variant's.
        UsageError: An option has an invalid value.
    """
    if config.options.frames == "tracks":
        return load_track_segmenter(config, lambda: TrackLmpm(SIZES[config.options.size]))
    settings = SegmenterSettings.from_options(config.options, PIXEL_MEAN, PIXEL_STD)
    network_config = SIZES[config.options.size]
    if config.weights is None:
        torch.manual_seed(config.seed)
    supports_speech = config.options.reads == "speech"
    speech_config, width = SPEECH_SIZES[config.options.size], network_config.text.channels
    reader = SpeechEncoder(speech_config, width) if supports_speech else build_roberta(network_config.text)
    model = Lmpm(reader, network_config)
    if config.weights is not None:
        path = config.weights["model"]
        model.load_state_dict(
            match_keys(load_checkpoint(path, network_config, speech_config), model, location=str(path))
        )
    model.eval().to(config.device)
    tokenizer = open_tokenizer(None if config.weights is None else config.weights.get("tokenizer"))
    read = speech_reader(model) if supports_speech else text_reader(model, tokenizer, config.device)
    return QuerySegmenter(model, read, settings, config.device)


def text_reader(model: Lmpm, tokenizer: Tokenizer, device: str) -> Callable[[Prompt], Sentence]:
    """Encoder of text prompts."""

    def read(prompt: Prompt) -> Sentence:
        assert isinstance(prompt, TextPrompt)
        ids, mask = sentence_ids(tokenizer, prompt.text)
        return model.encode_text(ids.to(device), mask.to(device))

    return read


def speech_reader(model: Lmpm) -> Callable[[Prompt], Sentence]:
    """Encoder of speech prompts."""

    def read(prompt: Prompt) -> Sentence:
        assert isinstance(prompt, SpeechPrompt)
        return model.encode_speech(read_audio(prompt.audio, RATE))

    return read
