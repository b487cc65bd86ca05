"""Types of method options that several methods share. Nothing heavy is imported: options are validated before loading.

Each method's ``options.py`` has a frozen dataclass ``Options``; a variant's ``options`` in ``method.yaml`` and
``--set method.<key>=<value>`` are validated against it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

Count = Annotated[int, Meta(ge=1)]
"""A whole number above 0."""

Size = Annotated[int, Meta(ge=0)]
"""A whole number, 0 included."""

Fraction = Annotated[float, Meta(ge=0, le=1)]

Rate = Annotated[float, Meta(ge=0)]
"""A learning rate, weight decay or norm."""

Precision = Literal["float32", "bfloat16", "float16"]
"""``float32``, or the data type of automatic mixed precision."""

Attention = Literal["sdpa", "eager"]
"""PyTorch's fused attention, or transformers' own in single steps, whose memory grows with the square of the tokens."""

Sam2Size = Literal["tiny", "large", "mini"]
"""Sizes of SAM 2 with random weights: those of sam2.1-hiera-tiny and -large, and a small one for tests."""

Color = Annotated[tuple[Annotated[int, Meta(ge=0, le=255)], ...], Meta(min_length=3, max_length=3)]
"""Red, green, blue, each 0..255."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipOptions:
    """Options of the methods that segment clip by clip (``inference/clip_segmenter.py``).

    Attributes:
        short: Short side of the frames that the network sees, in pixels.
        clip_length: Upper bound of a clip's frames; ``None``: the whole video is one clip.
        sampling: Clips are consecutive pieces, or each takes every k-th frame (``interleaved``).
        precision: Data type of the network.
        candidates: Whether predictions hold the masks and scores of all queries, for average precision.
    """

    short: Annotated[int, Meta(ge=32)]
    clip_length: Count | None
    sampling: Literal["consecutive", "interleaved"]
    precision: Precision
    candidates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryOptions:
    """Options of the methods that follow queries through a whole video (``inference/query_segmenter.py``).

    Attributes:
        size: Sizes of the network: the authors', or small ones.
        threshold: A trajectory is a target if its score, 0..1, exceeds this. The variants on the common start of the
            mini variants take none of the following.
        short: Short side of the network's input, in pixels.
        longest: Upper bound of its long side, no less than ``short``.
        chunk: Frames that go through the network together; any number gives the same masks.
        kept: Frames whose maps stay in memory; those of later frames are computed a second time.
        precision: Data type of the network.
    """

    size: Literal["base", "mini"]
    threshold: float
    short: Annotated[int, Meta(ge=32)] = 448
    longest: Annotated[int, Meta(ge=32)] = 1333
    chunk: Count = 18
    kept: Size = 72
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        if self.longest < self.short:
            raise ValueError(f"'longest': expected no less than short ({self.short}), got {self.longest}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """Options of the trackers that see one frame at a time (``inference/track_streaming.py``).

    Attributes:
        size: Sizes of the network: the authors', or small ones.
        backbone: A ResNet, or ``common-start``: backbone and text encoder are the common start of the mini variants.
        birth_score: A new track is born above this score.
        keep_score: A track that falls below has missed a frame.
        miss_tolerance: A track is dropped in the frame in which it has missed this many in total since it was last
            seen.
        max_tracks: Upper bound of the tracks that are followed.
        show_score: Boxes above this score are predicted ...
        show_area: ... if they are larger than this, in square pixels ...
        show_refer: ... and their referring score exceeds this.
        short: Short side of the resized frame, in pixels.
        longest: Upper bound of its long side.
    """

    size: Literal["base", "mini"]
    backbone: Literal["resnet50", "resnet-mini", "common-start"]
    birth_score: Fraction
    keep_score: Fraction
    miss_tolerance: Count
    max_tracks: Count
    show_score: Fraction
    show_area: Annotated[float, Meta(ge=0)]
    show_refer: Fraction
    short: Count
    longest: Count

    renamed_fields: ClassVar[Mapping[str, str]] = {"most_tracks": "max_tracks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionOptions:
    """Options of the captioners that are shown a highlighted target (``inference/caption_view.py``).

    Attributes:
        fit: Conversion to the network's square: ``crop`` (center), ``pad`` or ``squash``. The variants on the common
            start of the mini variants see no pixels, and take neither this nor the highlight.
        color: Color of the highlight.
        alpha: Its opacity, 0..1.
        max_new_tokens: Upper bound of a caption's tokens.
    """

    fit: Literal["crop", "pad", "squash"] = "squash"
    color: Color = (255, 0, 0)
    alpha: Fraction = 0.5
    max_new_tokens: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Sam3Options:
    """Options of the methods that track with SAM 3 (``inference/sam3_tracking.py``).

    Attributes:
        detection_threshold: Detections above this score continue tracks, and begin them while nothing is tracked.
        new_object_threshold: Detections above this score begin tracks beside others.
        target_threshold: An expression has no target if its target score is below this.
        max_objects: Upper bound of the objects per phrase.
        sentences: Phrases that go through a video together; its frames are encoded once for them.
        offload: Whether tracks' memories wait on the host instead of the device.
        precision: Data type of the network.
        attention: Implementation of attention, here and in the method's other network, if it has one.
    """

    detection_threshold: Fraction
    new_object_threshold: Fraction
    target_threshold: Fraction
    max_objects: Annotated[int, Meta(ge=1, le=1000)]
    sentences: Count
    offload: bool
    precision: Precision
    attention: Attention = "sdpa"
