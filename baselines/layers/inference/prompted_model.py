"""Clip methods on tracked objects: each sentence's clip is encoded with the match of every object with the sentence.

Axes: t frames, h rows, w columns.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from baselines.layers.inference.clip_segmenter import ClipModel, QueryModel
from baselines.layers.inputs.resize import Size
from baselines.layers.nn.prepared_maps import ClipInput, PreparedMaps
from mevis_bench.records import Prompt


class ClipStart(Protocol):
    """Frozen parts that track the objects of a clip, and match them with prompts."""

    def track(self, frames: Tensor) -> Any:
        """Track the objects of normalized frames ``(t, 3, H, W)``."""
        ...

    def read(self, prompts: Sequence[Prompt]) -> Tensor:
        """Encode prompts: ``(n, a)``."""
        ...

    def prompted(self, tracked: Any, sentence: Tensor) -> PreparedMaps:
        """Make the maps of a tracked clip for one encoded prompt ``(a,)``."""
        ...


class PromptedModel:
    """A :class:`ClipModel` whose clips are tracked once and encoded once per prompt.

    Args:
        model: The method's own.
        start: The frozen parts.
    """

    def __init__(self, model: ClipModel[Any, Any, Any], start: ClipStart) -> None:
        self.model, self.start = model, start
        self.input_size, self.postprocess = model.input_size, model.postprocess

    @property
    def network(self) -> nn.Module:
        """The method's network."""
        return self.model.network

    def encode_prompt(self, prompt: Prompt) -> tuple[Any, Tensor]:
        """Encode a prompt for the method, and for the match with objects."""
        return self.model.encode_prompt(prompt), self.start.read([prompt])[0]

    def encode_clip(self, frames: ClipInput) -> Any:
        """Track the objects of a clip."""
        assert isinstance(frames, Tensor)
        return self.start.track(frames)

    def segment(self, clip: Any, text: tuple[Any, Tensor]) -> Any:
        """Encode the clip for one prompt, and segment its object."""
        read, sentence = text
        return self.model.segment(self.model.encode_clip(self.start.prompted(clip, sentence)), read)

    def candidates(self, outputs: Sequence[Any], size: Size) -> Iterator[tuple[list[Tensor], float]]:
        """Yield masks and score of every query."""
        assert isinstance(self.model, QueryModel)
        return self.model.candidates(outputs, size)
