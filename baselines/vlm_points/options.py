"""Options of the pointing vision-language models (``method.yaml``)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from baselines.layers.options import Attention, Count, Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a variant.

    Attributes:
        size: Size of a network with random weights; weights bring their own.
        step: Frames of the video from one that the model is shown to the next.
        frames: Upper bound of the frames that it is shown; of more, evenly spread ones.
        fps: Frames per second of the videos, for the times in prompt and answer.
        max_new_tokens: Upper bound of an answer's tokens; a longer answer is cut.
        precision: Data type of the network.
        device_map: ``single``: all on the run's device; ``auto``: spread over all devices.
        attention: Implementation of attention.
    """

    size: Literal["4b", "8b", "mini"]
    step: Count
    frames: Annotated[int, Meta(ge=1, le=99)]
    fps: Annotated[float, Meta(gt=0)]
    max_new_tokens: Count
    precision: Precision
    device_map: Literal["single", "auto"]
    attention: Attention = "sdpa"
