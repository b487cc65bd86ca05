"""Options of Grounding DINO with SAM 2 (``method.yaml``)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from baselines.layers.options import Count, Fraction, Precision, Sam2Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a variant.

    Attributes:
        size: Sizes of networks with random weights, ``large`` with the base detector; weights bring their own.
        phrase: Text that the detector is given: the whole sentence, or its noun phrase by the rule of
            ``layers/inputs/noun_phrase.py``.
        seed_frame: Frame in which objects are detected: the first, the middle one, or the one with the best box.
        frames: Frames among which the best one is sought, spread evenly; ``first`` and ``middle`` look at one.
        box_threshold: Boxes above this score are objects; without one an expression has no target.
        target_threshold: An expression has no target either if its best box's score is below this.
        nms_threshold: Of two boxes that overlap more than this IoU the one with the better score is kept.
        max_objects: Upper bound of the objects per expression, best scores first.
        short: Short side of the detector's input, in pixels.
        longest: Upper bound of its long side.
        precision: Data type of the networks.
    """

    size: Sam2Size
    phrase: Literal["sentence", "noun_phrase"]
    seed_frame: Literal["first", "middle", "best"]
    frames: Count
    box_threshold: Fraction
    target_threshold: Fraction
    nms_threshold: Fraction
    max_objects: Annotated[int, Meta(ge=1, le=1000)]
    short: Count
    longest: Count
    precision: Precision
