"""HOTA by TrackEval itself, fed with plain arrays."""

from collections.abc import Sequence

import numpy as np
import pytest

from mevis_bench.records import TrackPrediction


def sequence(ground_truth: TrackPrediction, prediction: TrackPrediction, length: int) -> dict[str, object]:
    """Arrange one sequence as TrackEval's metrics take it."""
    from trackeval.datasets._base_dataset import _BaseDataset

    data: dict[str, object] = {}
    boxes: dict[str, list[np.ndarray]] = {}
    for side, tracks in (("gt", ground_truth), ("tracker", prediction)):
        names, ids = np.unique(tracks.ids, return_inverse=True)
        data[f"{side}_ids"] = [ids[tracks.frames == t] for t in range(length)]
        data[f"num_{side}_ids"] = len(names)
        data[f"num_{side}_dets"] = len(ids)
        boxes[side] = [tracks.boxes[tracks.frames == t] for t in range(length)]
    data["similarity_scores"] = [
        _BaseDataset._calculate_box_ious(a, b, box_format="x0y0x1y1")
        for a, b in zip(boxes["gt"], boxes["tracker"], strict=True)
    ]
    data["num_timesteps"] = length
    return data


def evaluate(pairs: Sequence[tuple[TrackPrediction, TrackPrediction, int]]) -> tuple[list[dict], dict]:
    """Return TrackEval's fields of every sequence and of all combined."""
    hota = pytest.importorskip("trackeval.metrics.hota").HOTA()
    each = [hota.eval_sequence(sequence(*pair)) for pair in pairs]
    return each, hota.combine_sequences({str(k): fields for k, fields in enumerate(each)})
