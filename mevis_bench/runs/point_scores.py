"""Scores of a file of answers in points on a split."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mevis_bench.metrics.points import POINT_PROTOCOLS, PointScores, sampled_truth, score_points
from mevis_bench.metrics.protocols import PointProtocol
from mevis_bench.records import NothingMeasuredError
from mevis_bench.records.dataset import Dataset
from mevis_bench.records.point_answer import PointAnswer, find_answer, read_point_answers


@dataclass(frozen=True, slots=True)
class PointReport:
    """Results of a file of answers.

    Attributes:
        answered: Expressions of the split with an answer; the scores are means over these.
        missing: Expressions without one.
        empty: Answers without words.
        unreadable: Answers with words, but without a point; they count as "no target".
        cut: Answers that end inside their coordinates; the points before count.
        scores: Means by protocol.
    """

    answered: int
    missing: int
    empty: int
    unreadable: int
    cut: int
    scores: dict[PointProtocol, PointScores]


def score_point_answers(path: Path, dataset: Dataset) -> PointReport:
    """Score a file of answers.

    Raises:
        DataError: The file, or a file of the split, is invalid.
        NothingMeasuredError: No expression of the split has an answer.
    """
    answers = read_point_answers(path)
    found: list[PointAnswer] = []
    rows: dict[PointProtocol, list[PointScores]] = {protocol: [] for protocol in POINT_PROTOCOLS}
    missing = 0
    for video_id in dataset.video_ids:
        of_video = [answer for answer in answers if answer.video == video_id]
        expressions = {expression.id: expression for expression in dataset.expressions(video_id)}
        truths = dataset.ground_truths(video_id) if of_video else ()
        missing += len(expressions) - len(truths)
        for truth in truths:
            answer = find_answer(of_video, video_id, truth.expression.id, truth.expression.text)
            if answer is None:
                missing += 1
                continue
            found.append(answer)
            points = sampled_truth(truth, max(1, round(answer.fps / answer.sampling_fps)))
            for protocol in POINT_PROTOCOLS:
                rows[protocol].append(score_points(answer.points, points, protocol))
    if not found:
        raise NothingMeasuredError(
            "no expression of the split has an answer",
            location=str(path),
            hint="Answers are matched by the names of videos and by sentences: is it the file of this split?",
        )
    return PointReport(
        answered=len(found),
        missing=missing,
        empty=sum(not answer.text.strip() and not answer.points for answer in found),
        unreadable=sum(answer.is_unreadable for answer in found),
        cut=sum(answer.is_cut for answer in found),
        scores={protocol: _mean(scores) for protocol, scores in rows.items()},
    )


def _mean(scores: Sequence[PointScores]) -> PointScores:
    rows = np.array([(score.precision, score.recall, score.f1, score.hota) for score in scores])
    return PointScores(*rows.mean(0).tolist())
