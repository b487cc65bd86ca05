"""Options of the agent's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from baselines.layers.options import Color, Count, Fraction, Sam3Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Sam3Options):
    """Options of a variant, in addition to those of all methods with SAM 3.

    Attributes:
        size: Size of the vision-language model with random weights, ``mini``: of SAM 3, too; weights bring their own.
        frames: Frames that the vision-language model sees.
        fps: Frames per second of the videos, for the times in its prompt.
        rounds: Upper bound of the phrases that are tried.
        existence_threshold: An expression has no target if the model's probability that there is one is below this.
        accept_threshold: A tracked object is a target if the model's probability that it is one is at least this.
        mark: How a tracked object is shown to the model.
        color: Color of overlay and contour.
        alpha: Opacity of the overlay, 0..1.
        line: Width of contours, in pixels.
        max_new_tokens: Upper bound of a phrase's tokens.
        device_map: ``single``: the model is on the run's device; ``auto``: it is spread over all devices.
    """

    size: Literal["4b", "8b", "mini"]
    frames: Annotated[int, Meta(ge=1, le=99)]
    fps: Annotated[float, Meta(gt=0)]
    rounds: Count
    existence_threshold: Fraction
    accept_threshold: Fraction
    mark: Literal["overlay", "contour"]
    color: Color
    alpha: Fraction
    line: Count
    max_new_tokens: Count
    device_map: Literal["single", "auto"]
