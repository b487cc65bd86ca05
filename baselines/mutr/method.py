"""MUTR as a ``Method``: a sentence or a recording to the masks of the best query."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from baselines.layers.inference import query_outputs
from baselines.layers.inference.clip_segmenter import ClipModel, ClipSegmenter, ClipSettings
from baselines.layers.inference.encoders import Encoders
from baselines.layers.inference.prompted_model import ClipStart
from baselines.layers.inference.query_outputs import QueryOutputs, best_query, query_masks
from baselines.layers.inputs.audio_file import read_audio
from baselines.layers.inputs.resize import Size
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES, ClipFeatures, LanguageQueriesConfig
from baselines.layers.nn.prepared_maps import ClipInput
from baselines.layers.nn.text_encoder import Tokenizer
from baselines.lmpmpp.mini.clip_start import inference_encoders
from baselines.mutr.audio import RATE, AudioReference, log_mel_examples
from baselines.mutr.checkpoint import load as load_checkpoint
from baselines.mutr.model import Mutr
from baselines.mutr.options import Options
from mevis_bench.records import MethodConfig, Prompt, SpeechPrompt, TextPrompt

Reader = Callable[[Prompt], Words]
"""Encodes a prompt; raises TypeError if it is not of the variant's type."""


def text_reader(network: Mutr, tokenizer: Tokenizer, device: str) -> Reader:
    """Encoder of sentences."""

    def read(prompt: Prompt) -> Words:
        text = _of_type(prompt, TextPrompt, "text").text
        return network.read(torch.tensor([tokenizer.encode(text).ids], device=device))

    return read


def recording_reader(network: Mutr, device: str) -> Reader:
    """Encoder of recordings by VGGish."""

    def read(prompt: Prompt) -> Words:
        waveform = torch.from_numpy(read_audio(_of_type(prompt, SpeechPrompt, "speech").audio, RATE))
        return network.read(log_mel_examples(waveform.to(device)))

    return read


def speech_reader(network: Mutr, start: ClipStart) -> Reader:
    """Encoder of recordings by the common start: a sentence without words."""

    reference = network.reference
    assert isinstance(reference, TextReference)

    def read(prompt: Prompt) -> Words:
        words, _ = reference.project(start.read([_of_type(prompt, SpeechPrompt, "speech")]))
        return words

    return read


PromptT = TypeVar("PromptT", TextPrompt, SpeechPrompt)


def _of_type(prompt: Prompt, kind: type[PromptT], name: str) -> PromptT:
    if not isinstance(prompt, kind):
        raise TypeError(f"this variant of MUTR requires a {name} prompt, got {type(prompt).__name__}")
    return prompt


class MutrModel:
    """The network with the authors' inference protocol.

    Args:
        network: The network, with any reference.
        read: Encodes prompts.
        choose_once: Select one query for the whole video (consecutive clips); else one per clip.
    """

    input_size = staticmethod(query_outputs.input_size)

    def __init__(self, network: Mutr, read: Reader, *, choose_once: bool) -> None:
        self.network, self.read, self.choose_once = network, read, choose_once

    def encode_prompt(self, prompt: Prompt) -> Words:
        """Encode the sentence, unchanged, or the recording.

        Raises:
            TypeError: The prompt is not of this variant's type.
        """
        return self.read(prompt)

    def encode_clip(self, frames: ClipInput) -> ClipFeatures:
        """Encode a clip."""
        return self.network.encode(frames)

    def segment(self, clip: ClipFeatures, text: Words) -> QueryOutputs:
        """Segment the object of one reference in one clip."""
        return QueryOutputs.of(self.network(clip, text))

    def postprocess(self, outputs: Sequence[QueryOutputs], size: Size) -> tuple[list[Tensor], float]:
        """Select a query per clip, or one for all from the joint temporal interaction of all clips' queries."""
        if self.choose_once:
            _, logits = self.network.classify(torch.cat([output.states for output in outputs]))
            selected = [best_query(logits[None])] * len(outputs)
        else:
            selected = [best_query(output.logits) for output in outputs]
        masks = [query_masks(output, query, size) for output, (query, _) in zip(outputs, selected, strict=True)]
        frames = [len(output.logits) for output in outputs]
        return masks, sum(score * n for (_, score), n in zip(selected, frames, strict=True)) / sum(frames)


def load(config: MethodConfig[Options]) -> ClipSegmenter[Words, ClipFeatures, QueryOutputs]:
    """Build MUTR with weights from a file, or with seeded random ones.

    Raises:
        DataError: The checkpoint or the tokenizer file is not this variant's.
        UsageError: An option has an invalid value.
    """
    options, weights = config.options, config.weights
    settings, size = ClipSettings.from_options(options), LANGUAGE_QUERIES_SIZES[options.size]
    if options.reference == "audio":
        if weights is None:
            torch.manual_seed(config.seed)
        encoders = None
        network = Mutr(options.backbone, AudioReference(size.channels), size)
    else:
        encoders = inference_encoders(config, size.text)
        network = build_network(size, encoders)
    if weights is not None:
        network.load_state_dict(load_checkpoint(weights["model"], network))
    network.eval().to(config.device)
    return ClipSegmenter(build_model(network, encoders, options, config.device), settings, config.device)


def build_network(size: LanguageQueriesConfig, encoders: Encoders) -> Mutr:
    """Build the network of the text branch with random weights."""
    return Mutr(encoders.backbone, TextReference(encoders.text, size.channels), size)


def build_model(
    network: Mutr, encoders: Encoders | None, options: Options, device: str
) -> ClipModel[Any, Any, QueryOutputs]:
    """Make the model of a network; ``encoders``: ``None`` for the audio branch."""
    choose_once = options.sampling == "consecutive"
    if encoders is None:
        return MutrModel(network, recording_reader(network, device), choose_once=choose_once)
    if options.reference == "speech":
        assert encoders.start is not None  # Options requires it
        read = speech_reader(network, encoders.start)
    else:
        read = text_reader(network, encoders.tokenizer, device)
    return encoders.wrap(MutrModel(network, read, choose_once=choose_once))
