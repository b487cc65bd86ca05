"""``Method`` of captioners that look at a few frames with highlighted targets (GIT, VideoLLaMA 2)."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from baselines.layers.inference.caption_view import CaptionView, Highlight
from mevis_bench.records import CaptionPrediction, HighlightedVideo, Prompt, TargetMasks, Video


class Captioner(Protocol):
    """A network with its decoding protocol."""

    @property
    def network(self) -> nn.Module:
        """The network, in evaluation mode."""
        ...

    def describe(self, frames: Tensor) -> str:
        """Generate a sentence for normalized frames ``(t, 3, side, side)``."""
        ...


class CaptionMethod:
    """Description of each prompt's targets.

    Args:
        name: Of the method, for errors.
        captioner: The network.
        view: Selection and preprocessing of frames.
        highlight: Color of the targets.
    """

    def __init__(self, name: str, captioner: Captioner, view: CaptionView, highlight: Highlight) -> None:
        self.name, self.captioner, self.view, self.highlight = name, captioner, view, highlight
        self.network = captioner.network  # the harness counts the parameters of this attribute

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[CaptionPrediction]:
        """Yield one sentence per target set; no work is shared, because each set highlights different pixels.

        Raises:
            TypeError: A prompt is not a target set.
        """
        for prompt in prompts:
            if not isinstance(prompt, TargetMasks):
                raise TypeError(f"{self.name} requires target masks, got {type(prompt).__name__}")
            highlighted = HighlightedVideo.of(video, prompt, self.highlight.color, self.highlight.alpha)
            yield self._describe(highlighted)

    def close(self) -> None:
        """No-op."""

    @torch.inference_mode()
    def _describe(self, video: HighlightedVideo) -> CaptionPrediction:
        frames, visible = self.view.load(video)
        return CaptionPrediction(self.captioner.describe(frames).strip(), visible)
