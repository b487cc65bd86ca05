"""Expressions with predictions of known quality, for the tests of every task, protocol and metric."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
import pytest
from pycocotools import mask as coco

from mevis_bench.masks import MaskRows
from mevis_bench.masks.tracks import to_tracks
from mevis_bench.metrics.aggregation import ScoredSample
from mevis_bench.metrics.points import reference_point
from mevis_bench.metrics.protocols import ScoringProtocol
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.records import CaptionPrediction, Expression, GroundTruth, PointPrediction, Rle, TrackPrediction
from mevis_bench.runs.scoring_plan import ScoringJob, score_video
from mevis_bench.store.prediction_source import FrameSpec, LoadedMasks, LoadedPrediction
from mevis_bench.tasks import TASKS, Task, find_task

SHAPE = (5, 12, 16)
QUALITIES = ("perfect", "partial", "opposite")
"""``opposite`` predicts nothing where there is a target, and ``HALF`` where there is none."""

OTHER_QUALITIES = ("complement", "early", "late", "noise")
"""The other pixels; right until frame 2, or from frame 3, and empty in the other ones; random."""

TURN = 3
"""First frame in which ``early`` is empty and ``late`` is right."""


def moving_square(y: int, x: int) -> np.ndarray:
    masks = np.zeros(SHAPE, bool)
    for t in range(SHAPE[0]):
        masks[t, y : y + 4, x + t : x + t + 5] = True
    return masks


HALF = np.zeros(SHAPE, bool)
"""The left half; a mask of the whole frame has no outline, so its F is that of an empty one."""
HALF[:, :, : SHAPE[2] // 2] = True

OBJECTS = {"1": moving_square(1, 1), "2": moving_square(7, 7)}
EXPRESSIONS: Mapping[str, Sequence[str]] = {"0": ["1"], "1": ["1", "2"], "2": ["2"], "3": [], "4": []}
SENTENCES = {
    "0": "the upper square moves right",
    "1": "both shapes drift together",
    "2": "a lower box slides away slowly",
    "3": "nothing jumps here",
    "4": "no bird flies",
}
KINDS: Mapping[str, Sequence[str | None]] = {
    "regions": [None] * 5,
    "revos": ["referring", "reasoning", "referring", "no_target", "no_target"],
    "long_rvos": ["dynamic", "static", "hybrid", "static", "dynamic"],
    "candidates": [None] * 5,
    "points": [None] * 5,
}
"""Kinds of the expressions by the measure of a protocol."""


def expressions(protocol: ScoringProtocol) -> list[Expression]:
    """Expressions of a video about one object, several and none; with annotators, those of two about each object."""
    if protocol.measure == "annotators":
        return [
            Expression(str(number), SENTENCES[str(number)], (name,), annotator=annotator)
            for number, (annotator, name) in enumerate((a, name) for a in "ab" for name in OBJECTS)
        ]
    made = [
        Expression(name, SENTENCES[name], tuple(ids), kind=kind)
        for (name, ids), kind in zip(EXPRESSIONS.items(), KINDS[protocol.measure], strict=True)
    ]
    return [each for each in made if each.annotation_ids] if protocol.measure == "candidates" else made


def enlarged(masks: np.ndarray, scale: int) -> np.ndarray:
    return masks.repeat(scale, 1).repeat(scale, 2)


def to_rles(masks: np.ndarray) -> tuple[Rle | None, ...]:
    encoded = [coco.encode(np.asfortranarray(mask.astype(np.uint8))) for mask in masks]
    return tuple(Rle(*masks.shape[1:], rle["counts"]) for rle in encoded)


def ground_truths(
    task: Task, video_id: str = "v", options: ScoringOptions | None = None, scale: int = 1
) -> list[GroundTruth]:
    protocol = (options or ScoringOptions()).rules
    length, height, width = SHAPE
    foreground = to_rles(enlarged(np.logical_or.reduce(list(OBJECTS.values())), scale))
    return [
        GroundTruth(
            video_id,
            expression,
            scale * height,
            scale * width,
            length,
            tuple(to_rles(enlarged(OBJECTS[name], scale)) for name in expression.annotation_ids or ()),
            (expression.text,),
            regions={"foreground": foreground},
            boxes={} if protocol.boxes == "annotated" else {protocol.boxes: tracks_of(expression.annotation_ids or ())},
            scored=(1,) if protocol.measure == "candidates" else None,
        )
        for expression in expressions(protocol)
        if task.applies_to(expression)
    ]


def tracks_of(names: Sequence[str]) -> TrackPrediction:
    return to_tracks([MaskRows.from_dense(OBJECTS[name]) for name in names])


def masks_of(names: Sequence[str], quality: str) -> tuple[np.ndarray, ...]:
    """Masks per predicted object."""
    objects = tuple(OBJECTS[name] for name in names)
    frames = np.arange(SHAPE[0])[:, None, None]
    match quality:
        case "perfect":
            return objects
        case "partial":
            return tuple(np.roll(masks, 2, axis=2) for masks in objects) if objects else (OBJECTS["1"],)
        case "opposite":
            return () if objects else (HALF,)
        case "complement":
            return (~np.logical_or.reduce((np.zeros(SHAPE, bool), *objects)),)
        case "early":
            return tuple(masks & (frames < TURN) for masks in objects or (OBJECTS["1"],))
        case "late":
            return tuple(masks & (frames >= TURN) for masks in objects or (OBJECTS["1"],))
        case "noise":
            return (np.random.default_rng(len(names)).random(SHAPE) < 0.5,)
    raise AssertionError(quality)


def caption_of(sentence: str, quality: str) -> str:
    words = sentence.split()
    return {
        "perfect": sentence,
        "partial": f"{sentence} in an empty room",
        "opposite": "",
        "complement": "some other thing",
        "early": " ".join(words[:2]),
        "late": " ".join(words[2:]),
        "noise": "away nothing the room",
    }[quality]


def points_of(objects: Sequence[np.ndarray], quality: str) -> PointPrediction:
    """The middles of objects as an answer; unreadable with ``noise``, cut off with some others."""
    if quality == "noise":
        return PointPrediction.from_points({}, "somewhere")
    points = {
        frame: {str(k): reference_point(masks[frame]) for k, masks in enumerate(objects) if masks[frame].any()}
        for frame in range(SHAPE[0])
    }
    words = "" if quality == "perfect" and not objects else "<tracks>"
    return PointPrediction.from_points(points, words, is_cut=quality in ("partial", "complement"))


def predict(
    task: Task, protocol: ScoringProtocol, expression: Expression, quality: str, scale: int
) -> LoadedPrediction:
    if task.scorable[0] is CaptionPrediction:
        return CaptionPrediction(caption_of(expression.text, quality))
    objects = masks_of(expression.annotation_ids or (), quality)
    if task.scorable[0] is TrackPrediction:
        return to_tracks([MaskRows.from_dense(masks) for masks in objects])
    if protocol.measure == "points":
        return points_of(objects, quality)
    union = np.logical_or.reduce((np.zeros(SHAPE, bool), *objects))
    return LoadedMasks(MaskRows.from_dense(enlarged(union, scale)))


@dataclass(frozen=True)
class FakeSource:
    """Predictions of one quality, in memory."""

    task: str
    quality: str
    protocol: ScoringProtocol
    format: str = "fake"

    def samples(self) -> Set[str]:
        return {f"v/{expression.id}" for expression in expressions(self.protocol)}

    def only(self, video_id: str) -> "FakeSource":
        return self

    def read(self, expression_id: str, clip: FrameSpec) -> LoadedPrediction:
        expression = next(each for each in expressions(self.protocol) if each.id == expression_id)
        return predict(find_task(self.task), self.protocol, expression, self.quality, clip.height // SHAPE[1])


def job(
    task: Task, quality: str, options: ScoringOptions | None = None, video_id: str = "v", scale: int = 1
) -> ScoringJob:
    options = options or ScoringOptions()
    truths = tuple(ground_truths(task, video_id, options, scale))
    first = truths[0]
    frames = FrameSpec(video_id, tuple(map(str, range(first.length))), first.height, first.width, first.scored)
    return ScoringJob(task.name, frames, truths, FakeSource(task.name, quality, options.rules), options)


def scored(
    task: Task, quality: str, options: ScoringOptions | None = None, video_id: str = "v", scale: int = 1
) -> list[ScoredSample]:
    return score_video(job(task, quality, options, video_id, scale))


TASK_PARAMS = [
    pytest.param(task, id=task.name, marks=[pytest.mark.java] if task.name == "rmeg" else []) for task in TASKS.values()
]

NO_WORST = {"LocA", "MOTA", "IDSW", "unreadable", "cut"}
"""LocA is a mean over matched boxes, and 1 where there are none (TrackEval); MOTA and IDSW have no bound; a missing
answer is neither unreadable nor cut off."""
