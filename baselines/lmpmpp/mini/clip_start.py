"""The common start as encoders of clip methods: what stands in for their backbone and their text encoder.

Every cell of a frame has the extractor's features and the product of the sentence and the trajectory that is there, in
the space in which LMPM++ mini has aligned both; a sentence's first token is its feature in that space. Axes: t frames,
k tracks, n sentences, l words, c channels of the extractor, a channels of the aligned space, h and w rows and columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.inference.encoders import Encoders
from baselines.layers.inputs.resize import IMAGENET_MEAN, IMAGENET_STD
from baselines.layers.nn.clip_backbones import PreparedBackbone
from baselines.layers.nn.prepared_maps import STRIDES, PreparedMaps
from baselines.layers.nn.text_encoder import BOS, PAD, TextEncoderConfig, Tokens
from baselines.layers.training.clip_training import existing_file
from baselines.lmpmpp.extractor import resize_images
from baselines.lmpmpp.mini.common_start import SHIPPED, CommonStart
from baselines.lmpmpp.mini.config import MINI
from baselines.lmpmpp.mini.sentence_encoder import PADDING, WordTokenizer, word_spans
from mevis_bench.records import MethodConfig, Prompt, TrainingArguments

COMMON_START = "common-start"
"""Name of the common start among backbones."""

START_CHANNELS = MINI.extractor.channels + MINI.trajectory.channels
"""Channels of the prompted maps: features, then the product."""
FRAMES_AT_ONCE = 16
FIRST_WORD = 2
"""Added to the tokenizer's ids, so that they do not collide with ``BOS`` and ``PAD``."""


@dataclass(frozen=True, slots=True, eq=False)
class PlacedTracks:
    """A clip after the frozen parts.

    Attributes:
        fine: The extractor's features at every stride, ``(t, c, h, w)`` each.
        placed: Trajectories in the space of the sentences where their objects are, ``(t, a, h, w)`` each; a cell that
            an object covers in part has that share.
        shape: Of the frames, ``(t, 3, H, W)``.
    """

    fine: tuple[Tensor, ...]
    placed: tuple[Tensor, ...]
    shape: tuple[int, int, int, int]


class StartClips:
    """The common start as ``ClipStart``.

    Attributes:
        sentence_channels: Channels of an encoded prompt.
    """

    sentence_channels = MINI.trajectory.channels

    def __init__(self, start: CommonStart) -> None:
        self.start = start

    @staticmethod
    def backbone() -> PreparedBackbone:
        """Make what stands in for a network's backbone."""
        return PreparedBackbone(START_CHANNELS)

    @torch.no_grad()
    def track(self, frames: Tensor) -> PlacedTracks:
        """Track the objects through normalized frames ``(t, 3, H, W)``."""
        mean, std = (frames.new_tensor(constant).view(3, 1, 1) for constant in (IMAGENET_MEAN, IMAGENET_STD))
        pixels = (frames * std + mean).clamp(0, 1) * 255
        video, found = self.start.track(
            [resize_images(chunk, MINI.extractor) for chunk in pixels.split(FRAMES_AT_ONCE)]
        )
        shares = found.mask_logits.sigmoid() * found.present[..., None, None]
        height, width = frames.shape[-2:]
        sizes = [(-(-height // stride), -(-width // stride)) for stride in STRIDES]
        aligned = video.aligned[: len(shares)]
        return PlacedTracks(
            tuple(F.adaptive_avg_pool2d(video.fine, size) for size in sizes),
            tuple(torch.einsum("kthw,ka->tahw", F.adaptive_avg_pool2d(shares, size), aligned) for size in sizes),
            (len(frames), 3, height, width),
        )

    def read(self, prompts: Sequence[Prompt]) -> Tensor:
        """Encode prompts, all of text or all of speech: ``(n, a)``."""
        return self.start.encode_prompts(prompts)

    def prompted(self, tracked: PlacedTracks, sentence: Tensor) -> PreparedMaps:
        """Make the maps for one sentence ``(a,)``: features, and the product of trajectories and sentence."""
        product = (placed * sentence[:, None, None] for placed in tracked.placed)
        maps = [torch.cat(pair, dim=1) for pair in zip(tracked.fine, product, strict=True)]
        return PreparedMaps(maps, tracked.shape)


class StartTokenizer:
    """``Tokenizer`` of the common start's words; the begin token stands for the sentence."""

    def __init__(self, tokenizer: WordTokenizer) -> None:
        self._tokenizer = tokenizer

    def encode(self, text: str) -> Tokens:
        """Tokenize one sentence."""
        (ids,) = (self._tokenizer([text]) + FIRST_WORD).tolist()
        spans = word_spans(text.lower()) or [(0, len(text))]
        return Tokens((BOS, *ids), (None, *spans))


@dataclass(frozen=True, slots=True, eq=False)
class EncodedText:
    """Output of `StartText`, with the names of transformers' RoBERTa.

    Attributes:
        last_hidden_state: Sentence, then words, ``(n, 1 + l, 2 a)``.
        pooler_output: Sentence, ``(n, 2 a)``: a channels, then zeros.
    """

    last_hidden_state: Tensor
    pooler_output: Tensor


class StartText(nn.Module):
    """Interface of a RoBERTa: the frozen sentence encoder; no submodule, so that its
    weights are not the method's."""

    def __init__(self, start: CommonStart) -> None:
        super().__init__()
        self._start = (start,)
        self.config = SimpleNamespace(hidden_size=2 * MINI.language.text_channels)

    @torch.no_grad()
    def forward(self, ids: Tensor, attention_mask: Tensor) -> EncodedText:
        """Encode ids of `StartTokenizer` ``(n, 1 + l)``, with a mask of 1 on tokens and 0 on padding."""
        (start,) = self._start
        words = torch.where(ids == PAD, PADDING, ids - FIRST_WORD)[:, 1:]
        states, padding = start.sentences.encode_words(words), words == PADDING
        features = start.sentences.pooling(states, padding)
        sentence = F.pad(features, (0, states.shape[-1] - features.shape[-1]))
        return EncodedText(torch.cat((sentence[:, None], states), dim=1), sentence)


def common_encoders(clips: StartClips) -> Encoders:
    """Wrap a common start, on the device of the network, as encoders."""
    start = clips.start
    return Encoders(clips.backbone(), StartText(start), StartTokenizer(start.tokenizer), clips)


def inference_start(config: MethodConfig[Any]) -> StartClips | None:
    """Load the common start of a variant, an untrained one's seeded; seed what is built after it.

    Args:
        config: Arguments of ``load``; with an option ``backbone`` and, if it is `COMMON_START`, weights ``start``.

    Returns:
        The common start on its device; ``None``: the variant has a backbone of its own.

    Raises:
        DataError: The file is not LMPM++ mini's.
    """
    if config.options.backbone != COMMON_START:
        return None
    start = CommonStart.load(None if config.weights is None else config.weights["start"], config.seed)
    torch.manual_seed(config.seed)
    return StartClips(start.to(config.device))


def training_start(arguments: TrainingArguments) -> StartClips | None:
    """Load the shipped common start; ``None``: the variant has a backbone of its own. Seed what is built after it."""
    if arguments.method_options.backbone != COMMON_START:
        return None
    start = CommonStart.load(SHIPPED).to(arguments.device)
    torch.manual_seed(arguments.seed)
    return StartClips(start)


def inference_encoders(config: MethodConfig[Any], text: TextEncoderConfig, *, pooler: bool = True) -> Encoders:
    """Build the encoders of a variant; an untrained one's are seeded.

    Args:
        config: Arguments of ``load``. Its option ``backbone`` is `COMMON_START`, for weights ``start``, or a name of
            ``clip_backbones.BACKBONES``, for a RoBERTa and weights ``tokenizer``.
        text: Sizes of a RoBERTa.
        pooler: Whether it has a pooler.

    Raises:
        DataError: A file is not the variant's.
    """
    weights, backbone = config.weights, config.options.backbone
    start = inference_start(config)
    if start is not None:
        return common_encoders(start)
    if weights is None:
        torch.manual_seed(config.seed)
    return Encoders.own(backbone, text, None if weights is None else weights.get("tokenizer"), pooler=pooler)


def training_encoders(arguments: TrainingArguments, text: TextEncoderConfig, *, pooler: bool = True) -> Encoders:
    """Build the encoders of a training, seeded; the common start is the shipped one.

    Args:
        arguments: Of the training; its options have a ``tokenizer``, and those of the method a ``backbone``.
        text: Sizes of a RoBERTa.
        pooler: Whether it has a pooler.

    Raises:
        MissingWeightsError: The tokenizer's file is missing.
        DataError: It is another file.
    """
    backbone, path = arguments.method_options.backbone, arguments.options.tokenizer
    start = training_start(arguments)
    if start is not None:
        return common_encoders(start)
    torch.manual_seed(arguments.seed)
    return Encoders.own(backbone, text, existing_file(path, "tokenizer") if path else None, pooler=pooler)
