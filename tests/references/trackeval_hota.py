"""HOTA, CLEAR and Identity by TrackEval itself, fed with plain arrays."""

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


def evaluate_clear(pairs: Sequence[tuple[TrackPrediction, TrackPrediction, int]]) -> tuple[list[dict], dict]:
    """Return the fields of CLEAR and Identity together, of every sequence and of all combined.

    A sequence's fields are those of its own COMBINED: without true boxes TrackEval stops early and leaves MOTA at 0.
    """
    quiet = {"PRINT_CONFIG": False}
    metrics = [
        pytest.importorskip(f"trackeval.metrics.{module}").__dict__[name](quiet)
        for module, name in (("clear", "CLEAR"), ("identity", "Identity"))
    ]
    data = [sequence(*pair) for pair in pairs]
    fields = [[metric.eval_sequence(one) for one in data] for metric in metrics]
    each = [
        {k: v for metric, of in zip(metrics, both, strict=True) for k, v in metric.combine_sequences({"": of}).items()}
        for both in zip(*fields, strict=True)
    ]
    together: dict = {}
    for metric, of_metric in zip(metrics, fields, strict=True):
        together |= metric.combine_sequences(dict(enumerate(of_metric)))
    return each, together
