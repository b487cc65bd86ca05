"""OnlineRefer as a ``Method``: a sentence to the masks of the query that is passed from frame to frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from baselines.layers.inference import query_outputs
from baselines.layers.inference.clip_segmenter import ClipSegmenter
from baselines.layers.inference.encoders import Encoders
from baselines.layers.inference.query_outputs import upsample_masks
from baselines.layers.inference.sentence_model import load_segmenter
from baselines.layers.inputs.resize import Size
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import (
    LANGUAGE_QUERIES_SIZES,
    ClipFeatures,
    LanguageQueriesConfig,
    QueryStart,
)
from baselines.layers.nn.prepared_maps import ClipInput
from baselines.layers.nn.text_encoder import Tokenizer
from baselines.lmpmpp.mini.clip_start import inference_encoders
from baselines.onlinerefer.checkpoint import load as load_checkpoint
from baselines.onlinerefer.model import OnlineRefer
from baselines.onlinerefer.options import Options
from mevis_bench.records import MethodConfig, Prompt, TextPrompt


@dataclass(slots=True)
class Reading:
    """A sentence on its way through one video.

    Attributes:
        words: The sentence.
        queries: Those of the next frame.
    """

    words: Words
    queries: QueryStart


@dataclass(frozen=True, slots=True)
class FrameOutputs:
    """Output for one sentence and one chunk of frames.

    Attributes:
        logits: Logit of the best query of every frame, ``(t,)``.
        masks: Its mask logits, ``(t, h, w)``.
    """

    logits: Tensor
    masks: Tensor


class OnlineReferModel:
    """The network with the authors' online inference (``inference_ytvos_online``)."""

    input_size = staticmethod(query_outputs.input_size)

    def __init__(self, network: OnlineRefer, tokenizer: Tokenizer, device: str) -> None:
        self.network, self.tokenizer, self.device = network, tokenizer, device

    def encode_prompt(self, prompt: Prompt) -> Reading:
        """Encode the sentence unchanged.

        Raises:
            TypeError: The prompt is not text.
        """
        if not isinstance(prompt, TextPrompt):
            raise TypeError(f"OnlineRefer requires a text prompt, got {type(prompt).__name__}")
        words = self.network.read(torch.tensor([self.tokenizer.encode(prompt.text).ids], device=self.device))
        return Reading(words, self.network.first_queries())

    def encode_clip(self, frames: ClipInput) -> list[ClipFeatures]:
        """Encode a chunk of frames, once for all sentences."""
        return self.network.encode(frames)

    def segment(self, clip: list[ClipFeatures], text: Reading) -> FrameOutputs:
        """Segment the frames of a chunk in order; ``text`` takes the queries along to the next chunk."""
        logits, masks = [], []
        for features in clip:
            frame = self.network(features, text.words, text.queries)
            logits.append(frame.segmented.logits[0, frame.best])
            masks.append(frame.segmented.masks[0, frame.best])
            text.queries = frame.next_queries
        return FrameOutputs(torch.stack(logits), torch.stack(masks))

    def postprocess(self, outputs: Sequence[FrameOutputs], size: Size) -> tuple[list[Tensor], float]:
        """Upsample the masks; the score is the mean probability over all frames."""
        score = torch.cat([output.logits for output in outputs]).float().sigmoid().mean()
        return [upsample_masks(output.masks, size) for output in outputs], float(score)


def load(config: MethodConfig[Options]) -> ClipSegmenter[Reading, list[ClipFeatures], FrameOutputs]:
    """Build OnlineRefer with the authors' weights, or with seeded random ones; see `load_segmenter`."""
    size = LANGUAGE_QUERIES_SIZES[config.options.size]
    encoders = inference_encoders(config, size.text)
    return load_segmenter(config, build_network(size, encoders), encoders, load_checkpoint, OnlineReferModel)


def build_network(size: LanguageQueriesConfig, encoders: Encoders) -> OnlineRefer:
    """Build the network with random weights."""
    return OnlineRefer(encoders.backbone, TextReference(encoders.text, size.channels), size)
