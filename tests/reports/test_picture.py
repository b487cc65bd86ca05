"""The picture shows the truth above the prediction, each in its color."""

from pathlib import Path

import numpy as np
import pytest

from mevis_bench.cli.app import main
from mevis_bench.data.mevis.split import Split
from mevis_bench.reports.picture import PREDICTION, TRUTH, draw_samples
from tests.reports.test_gallery import run, split

__all__ = ["run", "split"]


def near(pixels: np.ndarray, color: tuple[int, int, int]) -> int:
    """Pixels whose hue is that of a tint of the color: its strongest channel stands out."""
    strongest = int(np.argmax(color))
    others = [channel for channel in range(3) if channel != strongest]
    return int((pixels[..., strongest].astype(int) > pixels[..., others].max(axis=-1).astype(int) + 60).sum())


def test_truth_and_prediction_are_painted(run: Path, split: Split) -> None:
    samples = [ground_truth.sample for ground_truth in split.ground_truths(split.video_ids[0]) if ground_truth.objects][
        :1
    ]
    pixels = np.asarray(draw_samples(run, split, samples))
    middle = 6 + 40 + 144 + 3
    assert near(pixels[:middle], TRUTH) > 300
    assert near(pixels[middle:], PREDICTION) > 300


def test_an_unknown_sample_is_named(
    run: Path, split: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["picture", str(run), "--sample", f"{split.video_ids[0]}/99", "--out", str(tmp_path / "p.png")]
    assert main([*words, "--data", str(split.root), "--split", "tiny"]) == 2
    assert "the run has no sample" in capsys.readouterr().err
    assert not (tmp_path / "p.png").exists()
