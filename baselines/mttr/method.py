"""MTTR behind the harness's ``predict``: the sentence in lower case in, the referred query's mask out."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inputs.resize import Size, shortest_edge_capped
from baselines.layers.nn.text_encoder import Tokenizer, build_roberta, open_tokenizer
from baselines.mttr.checkpoint import load as load_checkpoint
from baselines.mttr.model import ClipFeatures, Mttr, SegmentedClip, Words
from baselines.mttr.options import Options
from mevis_bench.records import MethodConfig, Prompt, TextPrompt

DRAWN_AT_ONCE = 8
"""Frames whose masks are scaled up together."""


def best_query(referred: Tensor) -> tuple[int, float]:
    """The query that is most probably referred to, averaged over the frames of ``(t, q, 2)``, and that average."""
    scores = referred.float().softmax(-1)[..., 0].mean(0)
    best = int(scores.argmax())
    return best, float(scores[best])


def draw(logits: Tensor, resized: Size, size: Size) -> Tensor:
    """Scale masks to the video's size in the authors' two steps.

    Args:
        logits: ``(t, h, w)`` at stride 4 of the network's input.
        resized: Rows and columns of that input.
        size: Rows and columns of the video.

    Returns:
        bool ``(t, *size)``: logits bilinear to the input's size, cut at a probability of one half, then nearest.
    """
    drawn = []
    for part in logits.float().split(DRAWN_AT_ONCE):
        fitted = F.interpolate(part[:, None], size=resized, mode="bilinear", align_corners=False)
        inside = (fitted.sigmoid() > 0.5).float()
        drawn.append(F.interpolate(inside, size=size, mode="nearest")[:, 0].bool())
    return torch.cat(drawn)


class MttrModel:
    """The authors' protocol around the network."""

    def __init__(self, network: Mttr, tokenizer: Tokenizer, settings: ClipSettings, longest: int, device: str) -> None:
        self.network, self.tokenizer, self.settings = network, tokenizer, settings
        self.longest, self.device = longest, device

    def input_size(self, height: int, width: int, short: int) -> Size:
        """DETR's rule: short side given, smaller where the long side would exceed its bound."""
        return shortest_edge_capped(height, width, short, self.longest)

    def read(self, prompt: Prompt) -> Words:
        """Encode the sentence in lower case with single spaces."""
        if not isinstance(prompt, TextPrompt):
            raise TypeError(f"MTTR reads text, not {type(prompt).__name__}")
        tokens = self.tokenizer.encode(" ".join(prompt.text.lower().split()))
        return self.network.read(torch.tensor([tokens.ids], device=self.device))

    def encode(self, frames: Tensor) -> ClipFeatures:
        """Encode a clip; all frames have one size, so nothing is padded."""
        return self.network.encode(frames)

    def answer(self, clip: ClipFeatures, text: Words) -> SegmentedClip:
        """Answer one sentence in one clip."""
        out: SegmentedClip = self.network(clip, text)
        return out

    def draw(self, answers: Sequence[SegmentedClip], size: Size) -> tuple[list[Tensor], float]:
        """One query for the whole video, chosen over all its frames."""
        query, score = best_query(torch.cat([answer.referred for answer in answers]))
        resized = self.input_size(*size, self.settings.short)
        return [draw(answer.masks(query), resized, size) for answer in answers], score


def load(setup: MethodConfig[Options]) -> ClipSegmenter[Words, ClipFeatures, SegmentedClip]:
    """Build MTTR with the authors' weights, or with seeded random ones.

    Raises:
        DataError: The checkpoint or the tokenizer file does not fit.
        UsageError: An option's value can't be used.
    """
    settings = ClipSettings.from_options(setup.options)
    weights = setup.weights
    if weights is None:
        torch.manual_seed(setup.seed)
    network = Mttr(build_roberta(pooler=False))
    if weights is not None:
        network.load_state_dict(load_checkpoint(weights["model"], network))
    network.eval().to(setup.device)
    tokenizer = open_tokenizer(None if weights is None else weights["tokenizer"])
    return ClipSegmenter(
        MttrModel(network, tokenizer, settings, setup.options.longest, setup.device), settings, setup.device
    )
