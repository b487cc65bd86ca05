"""Options of the vision-language models (``method.yaml``)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from baselines.layers.options import Attention, Color, Count, Fraction, Precision, Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a variant.

    Attributes:
        family: Whose network, prompt and preprocessing.
        size: Sizes of a network with random weights: published ones, or small ones; weights bring their own.
        instruction: The question, the paper's (section 5.7).
        mark: How the targets are shown (``layers/inputs/marks.py``).
        color: Color of overlay and contour.
        alpha: Opacity of the overlay, 0..1.
        line: Width of contours, in pixels.
        margin: Margin of the crop, as a fraction of the longer side of the targets' box.
        frames: Frames that are sampled.
        fps: Frames per second of the videos, for the times in the prompt.
        max_new_tokens: Upper bound of a sentence's tokens.
        precision: Data type of the network.
        device_map: ``single``: all on the run's device; ``auto``: spread over all devices.
        attention: Implementation of attention.
    """

    family: Literal["qwen3_vl", "smolvlm"]
    size: Literal["2b", "4b", "8b", "500m", "mini"]
    instruction: Annotated[str, Meta(min_length=1)]
    mark: Literal["overlay", "contour", "crop", "numbers"]
    color: Color
    alpha: Fraction
    line: Count
    margin: Rate
    frames: Annotated[int, Meta(ge=1, le=99)]
    fps: Annotated[float, Meta(gt=0)]
    max_new_tokens: Count
    precision: Precision
    device_map: Literal["single", "auto"]
    attention: Attention = "sdpa"

    def __post_init__(self) -> None:
        if self.size != "mini" and (self.size == "500m") != (self.family == "smolvlm"):
            raise ValueError(f"'size': {self.family} has no size {self.size}")
