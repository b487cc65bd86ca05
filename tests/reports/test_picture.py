"""The image shows the ground truth above the prediction, each in its color."""

from pathlib import Path

import numpy as np
import pytest

from mevis_bench.cli.app import main
from mevis_bench.records.dataset import Dataset
from mevis_bench.reports.picture import GROUND_TRUTH, PREDICTION, render_samples
from mevis_bench.reports.run_view import read_scored_run


def near(pixels: np.ndarray, color: tuple[int, int, int]) -> int:
    """Return the number of pixels tinted with the color: its strongest channel is the largest by far."""
    strongest = int(np.argmax(color))
    others = [channel for channel in range(3) if channel != strongest]
    return int((pixels[..., strongest].astype(int) > pixels[..., others].max(axis=-1).astype(int) + 60).sum())


def test_ground_truth_and_prediction_are_tinted(gallery_run: Path, gallery_split: Dataset) -> None:
    samples = [
        ground_truth.sample
        for ground_truth in gallery_split.ground_truths(gallery_split.video_ids[0])
        if ground_truth.objects
    ][:1]
    pixels = np.asarray(render_samples(read_scored_run(gallery_run, gallery_split), samples))
    middle = 6 + 40 + 144 + 3
    assert near(pixels[:middle], GROUND_TRUTH) > 300
    assert near(pixels[middle:], PREDICTION) > 300


def test_an_unknown_sample_is_an_error(
    gallery_run: Path, gallery_split: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "picture",
        str(gallery_run),
        "--sample",
        f"{gallery_split.video_ids[0]}/99",
        "--out",
        str(tmp_path / "p.png"),
    ]
    assert main([*words, "--data", str(gallery_split.root), "--split", "tiny"]) == 2
    assert "not found in the run" in capsys.readouterr().err
    assert not (tmp_path / "p.png").exists()
