"""Scoring protocols: the properties in which two ways of scoring the same predictions differ.

A protocol of another data set is one more record here. A property that no present protocol needs (matching of
predictions to objects, a subset of the frames, a mean over annotators) becomes a field with a default that leaves the
present ones unchanged; the functions that use a field end in ``assert_never``, so mypy names them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, assert_never

from mevis_bench.records import UsageError
from mevis_bench.records.ground_truth import BoxTruth
from mevis_bench.records.suggestion import did_you_mean

NoTargetRule = Literal["credit", "frames"]
Measure = Literal["regions", "annotators", "candidates", "revos", "long_rvos", "points"]
PointProtocol = Literal["lmms_eval", "visible"]
Matching = Literal["identity", "hungarian"]
VoidRule = Literal["background", "ignored"]
ScoredFrames = Literal["all", "inner"]
MissingFrames = Literal["error", "empty"]


@dataclass(frozen=True, slots=True)
class ScoringProtocol:
    """Rules by which predictions become scores.

    Attributes:
        name: Name in results, tables and ``--protocol``.
        source: Where the rules are published.
        no_target: J and F of an expression without a target. ``credit``: 1 if the prediction is empty, else 0.
            ``frames``: frame by frame like any other; a frame that is empty on both sides scores 1.
        boundary_tolerance: Largest distance of two matching boundary pixels, as a share of the frame's diagonal.
        hota_thresholds: Similarities from which two boxes match; HOTA is the mean over them.
        boxes: Which boxes are right at a frame, where the data set has boxes.
        measure: What is measured of masks or points. ``regions``: J and F of each expression. ``annotators``: J and F
            of each object, from the answers to one annotator's sentences as one label image per frame; the mean over
            objects of all videos, then over annotators. ``candidates``: average precision, precision at K and IoU of
            single frames, from several scored masks per expression. ``revos``: J, F, A and R by kind of expression.
            ``long_rvos``: J, F, tIoU and vIoU. ``points``: precision, recall, F1 and HOTA of points.
        matching: ``annotators``: which answer is compared with which object. ``identity``: the one to its sentence.
            ``hungarian``: the assignment within a video that maximizes J&F, so swapped answers cost nothing.
        void: ``annotators``: pixels that are marked as void are background, or ignored on both sides.
        scored_frames: ``annotators``: ``all``, or ``inner``: without the first and the last one.
        point_protocol: ``points``: which mask a point is looked up in (:mod:`mevis_bench.metrics.points`).
        point_step: ``points``: frames from one that is scored to the next; the first one is scored.
        foreground_value: ``revos``: pixel value of the answers' foreground.
        decimals: ``revos``: digits to which each expression's percentages are rounded before they are averaged;
            ``None``: all.
        missing_frames: A PNG that is missing after the first of an answer is an ``error``, or an ``empty`` mask.
    """

    name: str
    source: str
    no_target: NoTargetRule
    boundary_tolerance: float = 0.008
    hota_thresholds: tuple[float, ...] = tuple(0.05 + 0.05 * step for step in range(19))
    boxes: BoxTruth = "annotated"
    measure: Measure = "regions"
    matching: Matching = "identity"
    void: VoidRule = "background"
    scored_frames: ScoredFrames = "all"
    point_protocol: PointProtocol = "visible"
    point_step: int = 1
    foreground_value: int = 1
    decimals: int | None = None
    missing_frames: MissingFrames = "error"

    @property
    def is_mean_over_expressions(self) -> bool:
        """Whether a metric of single expressions is their mean: each weighs the same, whatever its video and kind."""
        match self.measure:
            case "regions" | "long_rvos" | "points":
                return True
            case "annotators" | "candidates" | "revos":
                return False
            case _:
                assert_never(self.measure)


MEVIS_V2 = ScoringProtocol("mevis_v2", "the paper, section 5", no_target="credit")
MEVIS_V1 = ScoringProtocol("mevis_v1", "MeViS version 1, the official script", no_target="frames")

REFER_YOUTUBE_VOS = ScoringProtocol(
    "refer_youtube_vos",
    "no public code: J and F of DAVIS over all listed frames, mean over expressions; not the closed server's",
    no_target="frames",
)
REF_DAVIS_ANNOTATORS = ScoringProtocol(
    "ref_davis_annotators",
    "ReferFormer (issue 30) with davis2017-evaluation, task unsupervised: the one of most tables up to 2024",
    no_target="frames",
    measure="annotators",
    matching="hungarian",
    void="ignored",
)
REF_DAVIS_EXPRESSIONS = ScoringProtocol(
    "ref_davis_expressions", "VISA and Sa2VA, eval_davis17.py: every expression by itself", no_target="frames"
)
DAVIS_SEMI_SUPERVISED = ScoringProtocol(
    "davis_semi_supervised",
    "davis2017-evaluation, task semi-supervised, applied to the answers of each annotator",
    no_target="frames",
    measure="annotators",
    scored_frames="inner",
)
A2D_SENTENCES = ScoringProtocol(
    "a2d_sentences",
    "MTTR and ReferFormer, evaluate_a2d: pycocotools for mAP, metrics.py for precision at K and IoU",
    no_target="frames",
    measure="candidates",
)

REVOS = ScoringProtocol(
    "revos",
    "ReVOS, eval_revos.py, for answers of 0 and 1; each expression rounded to 2 decimals of percent",
    no_target="frames",
    measure="revos",
    decimals=2,
)
REVOS_ANSWERS_255 = replace(
    REVOS,
    name="revos_answers_255",
    source="ReVOS, eval_revos.py, for answers of 0 and 255, as VISA's pipeline stores them",
    foreground_value=255,
)
REVOS_UNROUNDED = replace(REVOS, name="revos_unrounded", source="ReVOS, without rounding", decimals=None)
LONG_RVOS = ScoringProtocol(
    "long_rvos",
    "Long-RVOS, eval/eval_long_rvos",
    no_target="frames",
    measure="long_rvos",
    missing_frames="empty",
)

GROUNDMORE = ScoringProtocol(
    "groundmore",
    "UniPixel, eval_groundmore.py: 20 frames per clip, empty outside of the action",
    no_target="frames",
    missing_frames="empty",
)

REFER_KITTI = ScoringProtocol(
    "refer_kitti_frame_corrected",
    "TempRMOT: TrackEval, COMBINED over the sequences of the seqmap",
    no_target="credit",
)
REFER_KITTI_2023 = ScoringProtocol(
    "refer_kitti_as_published_2023",
    "TransRMOT, 2023: the same, with the boxes of the next frame as ground truth; its tables before the correction",
    no_target="credit",
    boxes="next_frame",
)

POINTS = ScoringProtocol(
    "points",
    "lmms-eval, tasks/rvos/utils.py, with each point looked up in its own object's mask; one frame in six of MeViS",
    no_target="frames",
    measure="points",
    point_step=6,
)
POINTS_LMMS_EVAL = replace(
    POINTS,
    name="points_lmms_eval",
    source="lmms-eval, tasks/rvos/utils.py, as it is: one frame per second of its videos of MeViS, 6 per second",
    point_protocol="lmms_eval",
)

PROTOCOLS: Mapping[str, ScoringProtocol] = {
    protocol.name: protocol
    for protocol in (
        MEVIS_V2,
        MEVIS_V1,
        REFER_YOUTUBE_VOS,
        REF_DAVIS_ANNOTATORS,
        REF_DAVIS_EXPRESSIONS,
        DAVIS_SEMI_SUPERVISED,
        REFER_KITTI,
        REFER_KITTI_2023,
        A2D_SENTENCES,
        REVOS,
        REVOS_ANSWERS_255,
        REVOS_UNROUNDED,
        LONG_RVOS,
        GROUNDMORE,
        POINTS,
        POINTS_LMMS_EVAL,
    )
}


def find_protocol(name: str | None) -> ScoringProtocol | None:
    """Return the protocol of this name; ``None`` for ``None``: that of the data set.

    Raises:
        UsageError: There is none.
    """
    if name is None:
        return None
    if name not in PROTOCOLS:
        raise UsageError(f"unknown protocol {name!r}", location="--protocol", hint=did_you_mean(name, list(PROTOCOLS)))
    return PROTOCOLS[name]
