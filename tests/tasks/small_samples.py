"""Expressions with predictions of known quality, for the tests of every task."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
import pytest
from pycocotools import mask as coco

from mevis_bench.masks import MaskRows
from mevis_bench.masks.tracks import to_tracks
from mevis_bench.metrics.aggregation import ScoredSample
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.records import CaptionPrediction, Expression, GroundTruth, Rle, TrackPrediction
from mevis_bench.runs.scoring_plan import ScoringJob, score_video
from mevis_bench.store.prediction_source import FrameSpec, LoadedMasks, LoadedPrediction
from mevis_bench.tasks import TASKS, Task, find_task

SHAPE = (3, 12, 16)
QUALITIES = ("perfect", "partial", "opposite")
"""``opposite`` predicts nothing where there is a target, and everything where there is none."""


def moving_square(y: int, x: int) -> np.ndarray:
    masks = np.zeros(SHAPE, bool)
    for t in range(SHAPE[0]):
        masks[t, y : y + 4, x + t : x + t + 5] = True
    return masks


OBJECTS = {"1": moving_square(1, 1), "2": moving_square(7, 8)}
EXPRESSIONS: Mapping[str, Sequence[str]] = {"0": ["1"], "1": ["1", "2"], "2": ["2"], "3": [], "4": []}
SENTENCES = {
    "0": "the upper square moves right",
    "1": "both shapes drift together",
    "2": "a lower box slides away slowly",
    "3": "nothing jumps here",
    "4": "no bird flies",
}


def to_rles(masks: np.ndarray) -> tuple[Rle | None, ...]:
    encoded = [coco.encode(np.asfortranarray(mask.astype(np.uint8))) for mask in masks]
    return tuple(Rle(*SHAPE[1:], rle["counts"]) for rle in encoded)


def ground_truths(task: Task, video_id: str = "v") -> list[GroundTruth]:
    expressions = [Expression(name, SENTENCES[name], tuple(ids)) for name, ids in EXPRESSIONS.items()]
    length, height, width = SHAPE
    return [
        GroundTruth(
            video_id,
            expression,
            height,
            width,
            length,
            tuple(to_rles(OBJECTS[name]) for name in expression.annotation_ids or ()),
            (expression.text,),
        )
        for expression in expressions
        if task.applies_to(expression)
    ]


def masks_of(name: str, quality: str) -> tuple[np.ndarray, ...]:
    """Masks per predicted object."""
    objects = tuple(OBJECTS[one] for one in EXPRESSIONS[name])
    if quality == "opposite":
        return () if objects else (np.ones(SHAPE, bool),)
    if quality == "partial":
        return tuple(np.roll(masks, 2, axis=2) for masks in objects) if objects else (OBJECTS["1"],)
    return objects


def predict(task: Task, name: str, quality: str) -> LoadedPrediction:
    objects = masks_of(name, quality)
    if task.scorable[0] is LoadedMasks:
        return LoadedMasks(MaskRows.from_dense(np.logical_or.reduce((np.zeros(SHAPE, bool), *objects))))
    if task.scorable[0] is TrackPrediction:
        return to_tracks([MaskRows.from_dense(masks) for masks in objects])
    text = {"perfect": SENTENCES[name], "partial": f"{SENTENCES[name]} in an empty room", "opposite": ""}[quality]
    return CaptionPrediction(text)


@dataclass(frozen=True)
class FakeSource:
    """Predictions of one quality, in memory."""

    task: str
    quality: str
    format: str = "fake"

    def samples(self) -> Set[str]:
        return {f"v/{name}" for name in EXPRESSIONS}

    def only(self, video_id: str) -> "FakeSource":
        return self

    def read(self, expression_id: str, clip: FrameSpec) -> LoadedPrediction:
        return predict(find_task(self.task), expression_id, self.quality)


def job(task: Task, quality: str, options: ScoringOptions | None = None, video_id: str = "v") -> ScoringJob:
    frames = FrameSpec(video_id, tuple(map(str, range(SHAPE[0]))), *SHAPE[1:])
    truths = tuple(ground_truths(task, video_id))
    return ScoringJob(task.name, frames, truths, FakeSource(task.name, quality), options or ScoringOptions())


def scored(task: Task, quality: str, options: ScoringOptions | None = None, video_id: str = "v") -> list[ScoredSample]:
    return score_video(job(task, quality, options, video_id))


TASK_PARAMS = [
    pytest.param(task, id=task.name, marks=[pytest.mark.java] if task.name == "rmeg" else []) for task in TASKS.values()
]

NO_WORST = {"LocA", "MOTA", "IDSW"}
"""LocA is a mean over matched boxes, and 1 where there are none (TrackEval); the others have no bound."""
