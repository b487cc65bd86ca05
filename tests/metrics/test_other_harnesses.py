"""The numbers of docs/two-harnesses.md: what other harnesses print for the same predictions."""

import numpy as np

from mevis_bench import score_masks, score_tracks
from mevis_bench.metrics.protocols import MEVIS_V2
from tests.paths import ROOT

PAGE = (ROOT / "docs/two-harnesses.md").read_text()


def test_hota_with_association_taken_as_one() -> None:
    truth = np.array([[t, 0, 10, 10, 20, 20] for t in range(15)], np.float64)
    scores = score_tracks(truth[:8], truth, length=15)
    assert [round(scores[name], 3) for name in ("DetA", "AssA", "HOTA")] == [0.533] * 3
    det_by_threshold = [8 / 15 for _ in MEVIS_V2.hota_thresholds]  # the boxes are equal, so they match at every one
    without_association = float(np.mean(np.sqrt(det_by_threshold)))
    assert round(without_association, 3) == 0.730
    assert "| TrackEval, and `score --task rmot` | 0.533 | 0.533 | 0.533 |" in PAGE
    assert "| association taken as 1 | 0.533 | 1 | 0.730 |" in PAGE


def by_frame(prediction: np.ndarray, truth: np.ndarray) -> list[float]:
    return [score_masks(prediction[t : t + 1], truth[t : t + 1])["J&F"] for t in range(len(truth))]


def test_j_and_f_pooled_over_frames() -> None:
    short, long = np.zeros((2, 16, 16), bool), np.zeros((8, 16, 16), bool)
    short[:, 4:9, 4:9] = long[:, 4:9, 4:9] = True
    wrong = np.zeros_like(long)
    wrong[:, 14:, 14:] = True
    by_expression = np.mean([score_masks(short, short)["J&F"], score_masks(wrong, long)["J&F"]])
    pooled = np.mean([*by_frame(short, short), *by_frame(wrong, long)])
    without_second_video = np.mean(by_frame(short, short))
    assert [round(float(value), 3) for value in (by_expression, pooled, without_second_video)] == [0.5, 0.2, 1.0]
    for line in (
        "| over frames, then over expressions, as here | 0.500 |",
        "| pooled over frames | 0.200 |",
        "| pooled, where the second video has no predictions | 1.000 |",
    ):
        assert line in PAGE
