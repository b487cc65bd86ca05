"""Ground truth of one sample. Only data readers and scoring use it; no method receives one outside training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mevis_bench.records.frame_size import check_video_size
from mevis_bench.records.prediction import TrackPrediction
from mevis_bench.records.rle import Rle

BoxTruth = Literal["annotated", "next_frame"]
"""Which boxes are right at a frame of Refer-KITTI: its own, or those of the next frame, as TransRMOT's code of 2023 has
it."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One entry of ``meta_expressions.json``.

    Attributes:
        id: Expression id, unique within its video.
        text: The sentence as the data set has it.
        annotation_ids: Keys of ``mask_dict.json`` whose union is the target; empty: no target. ``None`` where the
            split has no ground truth (valid, test).
        audio: File name of the spoken sentence relative to the split, ``None`` where there is none.
        order_pair: Id of the expression of the same video that differs only in the order of two motions; ``None``
            where there is none, as in all of the real data.
        kind: Kind of expression by which the data set reports scores apart, for instance ``static``; ``None``: it has
            no kinds.
        annotator: Who wrote the sentence, where the data set averages over annotators (Ref-DAVIS17); else ``None``.
    """

    id: str
    text: str
    annotation_ids: tuple[str, ...] | None
    audio: str | None = None
    order_pair: str | None = None
    kind: str | None = None
    annotator: str | None = None


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """Ground truth of one expression.

    Attributes:
        video_id: The video.
        expression: The expression, its sentence included.
        height: Rows of every frame, in pixels.
        width: Columns of every frame, in pixels.
        length: Number of frames.
        objects: For every target object (order of ``expression.annotation_ids``) one mask per frame, ``None`` where
            it is absent. Empty: no target.
        references: RMEG: every sentence of the same video with the same target set, in id order.
        regions: Further masks of the video, one per frame, by name. ``void``: pixels that are not scored
            (Ref-DAVIS17). ``foreground``: all objects that any expression refers to (ReVOS).
        boxes: Boxes of the targets where the data set has boxes, not masks, so that ``objects`` are rectangles drawn
            from them; by version of the ground truth. Empty: tracks are those of the masks.
        scored: Indices of the frames that are scored, where the others are context and have no masks (A2D- and
            JHMDB-Sentences); ``None``: all frames.
    """

    video_id: str
    expression: Expression
    height: int
    width: int
    length: int
    objects: tuple[tuple[Rle | None, ...], ...]
    references: tuple[str, ...] = ()
    regions: Mapping[str, tuple[Rle | None, ...]] = field(default_factory=dict)
    boxes: Mapping[BoxTruth, TrackPrediction] = field(default_factory=dict, compare=False)
    scored: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        check_video_size(self.length, self.height, self.width, self.sample)

    @property
    def sample(self) -> str:
        """Id of the sample: ``<video>/<expression>``."""
        return f"{self.video_id}/{self.expression.id}"
