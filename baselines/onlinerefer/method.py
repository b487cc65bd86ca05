"""OnlineRefer as a ``Method``: a sentence to the masks of the query that is passed from frame to frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from baselines.layers.inference import query_outputs
from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inference.query_outputs import upsample_masks
from baselines.layers.inputs.resize import Size
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES, ClipFeatures, QueryStart
from baselines.layers.nn.prepared_maps import ClipInput
from baselines.layers.nn.text_encoder import Tokenizer, build_roberta, open_tokenizer
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
    """Build OnlineRefer with the authors' weights, or with seeded random ones.

    Raises:
        DataError: The checkpoint or the tokenizer file is not this variant's.
        UsageError: An option has an invalid value.
    """
    options, weights = config.options, config.weights
    if weights is None:
        torch.manual_seed(config.seed)
    network_config = LANGUAGE_QUERIES_SIZES[options.size]
    reference = TextReference(build_roberta(network_config.text), network_config.channels)
    network = OnlineRefer(options.backbone, reference, network_config)
    if weights is not None:
        network.load_state_dict(load_checkpoint(weights["model"], network))
    network.eval().to(config.device)
    tokenizer = open_tokenizer(None if weights is None else weights.get("tokenizer"))
    settings = ClipSettings(options.short, options.chunk, "consecutive", options.precision)
    return ClipSegmenter(OnlineReferModel(network, tokenizer, config.device), settings, config.device)
