"""Scores of single samples from numpy arrays, without files or splits. Axes: t frames, h rows, w columns."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mevis_bench.masks import MaskRows
from mevis_bench.metrics.aggregation import ScoredSample
from mevis_bench.metrics.boundary import boundary_of
from mevis_bench.metrics.captions import CaptionSample
from mevis_bench.metrics.description import CaptionAggregator
from mevis_bench.metrics.multi_object import sequence_metrics
from mevis_bench.metrics.protocols import find_protocol
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.segmentation import score_rows
from mevis_bench.metrics.targets import Target
from mevis_bench.metrics.track_pairs import TrackPairs
from mevis_bench.metrics.tracking import check_tracks
from mevis_bench.records import DataError, TrackPrediction

Scores = dict[str, float | None]
"""Values by metric name; ``None``: undefined for this input."""


def score_masks(prediction: ArrayLike, ground_truth: ArrayLike, *, protocol: str | None = None) -> Scores:
    """Score the masks of one expression (the paper, section 5).

    Args:
        prediction: bool ``(t, h, w)``; all ``False``: "no target".
        ground_truth: bool ``(t, h, w)``, the union of the target objects; all ``False``: there is no target.
        protocol: Scoring protocol; ``None``: ``mevis_v2``.

    Returns:
        ``J``, ``F`` and ``J&F`` in 0..1, means over frames; ``N-acc`` (``None`` with a target) and ``T-acc`` (``None``
        without one), 0 or 1.

    Raises:
        DataError: The arrays are not bool of one shape ``(t, h, w)`` with at least one frame.
        UsageError: There is no such protocol.

    Example:
        >>> import numpy as np
        >>> ground_truth = np.zeros((2, 8, 8), bool)
        >>> ground_truth[:, 2:6, 2:6] = True
        >>> prediction = ground_truth.copy()
        >>> prediction[1, :, 4:] = False
        >>> scores = score_masks(prediction, ground_truth)
        >>> scores["J"], scores["T-acc"], scores["N-acc"]
        (0.75, 1.0, None)
        >>> score_masks(np.zeros((2, 8, 8), bool), np.zeros((2, 8, 8), bool))["J&F"]
        1.0
    """
    predicted, true = _masks(prediction, "prediction"), _masks(ground_truth, "ground_truth")
    if predicted.shape != true.shape:
        raise DataError(f"expected masks of shape {true.shape}, got {predicted.shape}", location="prediction")
    rows = MaskRows.from_dense(true)
    objects = {"target": rows} if true.any() else {}
    target = Target(rows, boundary_of(rows), rows.areas(), objects)
    options = ScoringOptions(find_protocol(protocol))
    return dict(score_rows(MaskRows.from_dense(predicted), target, not predicted.any(), options))


def _masks(array: ArrayLike, name: str) -> NDArray[np.bool_]:
    masks = np.asarray(array)
    if masks.dtype != np.bool_ or masks.ndim != 3 or len(masks) == 0:
        raise DataError(f"expected bool (t, h, w) with t >= 1, got {masks.dtype} {masks.shape}", location=name)
    return masks


def score_tracks(prediction: ArrayLike, ground_truth: ArrayLike, length: int, *, protocol: str | None = None) -> Scores:
    """Score the tracks of one expression (the paper, section 5.5; TrackEval's HOTA).

    Args:
        prediction: float64 ``(n, 6)``, one box per row: frame (0-based), identity, x0, y0, x1, y1 in pixels, half-open.
            No rows: "no target".
        ground_truth: The same of the target objects. No rows: there is no target.
        length: Number of frames of the video.
        protocol: Scoring protocol; ``None``: ``mevis_v2``.

    Returns:
        ``HOTA``, ``DetA``, ``AssA``, ``LocA`` of the sequence in 0..1; ``HOTA*``, ``DetA*``, ``AssA*``: the same, but
        without a target 1 for an empty prediction, else 0; ``MOTA``, ``MOTP``, ``IDSW``, ``IDF1`` of TrackEval's CLEAR
        and Identity (``None`` without any box); ``N-acc`` and ``T-acc`` as in :func:`score_masks`.

    Raises:
        DataError: An array is not ``(n, 6)``, a frame is outside the video, a box is not finite or ends before it
            begins, or an identity has two boxes in one frame.
        UsageError: There is no such protocol.

    Example:
        >>> import numpy as np
        >>> ground_truth = np.array([[0, 1, 10, 10, 20, 20], [1, 1, 12, 10, 22, 20]])
        >>> prediction = ground_truth.copy()
        >>> prediction[1, 1] = 7  # the identity changes
        >>> scores = score_tracks(prediction, ground_truth, length=2)
        >>> scores["DetA"], scores["AssA"], scores["LocA"]
        (1.0, 0.5, 1.0)
        >>> score_tracks(np.empty((0, 6)), np.empty((0, 6)), length=2)["HOTA*"]
        1.0
    """
    predicted, true = _tracks(prediction, length, "prediction"), _tracks(ground_truth, length, "ground_truth")
    scored = sequence_metrics(
        TrackPairs.of(true, predicted),
        length,
        ScoringOptions(find_protocol(protocol)).rules.hota_thresholds,
        has_target=true.frames.size > 0,
        predicted_empty=predicted.frames.size == 0,
    )
    return dict(scored.values)


def _tracks(array: ArrayLike, length: int, name: str) -> TrackPrediction:
    rows = np.asarray(array, np.float64)
    if rows.ndim != 2 or rows.shape[1] != 6:
        raise DataError(f"expected (n, 6), got {rows.shape}", location=name)
    tracks = TrackPrediction(rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rows[:, 2:])
    check_tracks(tracks, length, name)
    return tracks


def score_captions(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Scores:
    """Score captions together (the paper, section 5.7; METEOR 1.5 and CIDEr-D of pycocoevalcap).

    Args:
        predictions: One caption per sample; may be empty text.
        references: At least one sentence per sample. CIDEr weighs words by their rarity in all of them.

    Returns:
        ``METEOR`` in 0..1 and ``CIDEr`` in 0..10; ``None`` without samples.

    Raises:
        DataError: There is not one list of references per caption, or one is empty.
        JavaError: Java or pycocoevalcap is missing, or crashed.

    Example:
        >>> scores = score_captions(["the dog runs left"], [["the dog runs left", "a dog goes left"]])
        >>> scores["METEOR"]
        1.0
        >>> score_captions([], [])
        {'METEOR': None, 'CIDEr': None}
    """
    if len(predictions) != len(references):
        raise DataError(f"expected {len(predictions)} lists, got {len(references)}", location="references")
    empty = [index for index, sentences in enumerate(references) if not sentences]
    if empty:
        raise DataError("expected at least one sentence", location=f"references[{empty[0]}]")
    aggregator = CaptionAggregator()
    try:
        aggregator.update(
            [
                ScoredSample(str(index), {}, (CaptionSample(caption, tuple(sentences)), (str(index), frozenset())))
                for index, (caption, sentences) in enumerate(zip(predictions, references, strict=True))
            ]
        )
        scores = aggregator.compute()
    finally:
        aggregator.close()
    if aggregator.failure is not None:
        raise aggregator.failure
    return {name: scores[name] for name in ("METEOR", "CIDEr")}
