"""Metrics of a method in training are those of the harness."""

import numpy as np
import pytest

from mevis_bench.data.registry import open_dataset
from mevis_bench.records import MaskPrediction, MethodError
from mevis_bench.runs.validation import Validation
from tests.fixtures.tiny_split import FRAMES, HEIGHT, WIDTH, write_tiny_split


class FakeColumn:
    """Predicts one column for every prompt; ``None``: nothing."""

    def __init__(self, column, shape=(FRAMES, HEIGHT, WIDTH)):
        self.column, self.shape, self.videos = column, shape, []

    def predict(self, video, prompts):
        self.videos.append(video.id)
        for _ in prompts:
            masks = np.zeros(self.shape, bool)
            if self.column is not None:
                masks[:, :, self.column] = True
            yield MaskPrediction(masks)


@pytest.fixture(scope="module")
def validation(tmp_path_factory):
    return Validation("rvos", open_dataset(write_tiny_split(tmp_path_factory.mktemp("data")), "train"))


def test_first_videos_are_predicted_and_scored(validation):
    method = FakeColumn(0)
    metrics = validation(method, 1)
    assert method.videos == ["va"]
    # "left one": right; "both": one of two columns; "none": a mask where there is none
    assert metrics["J"] == pytest.approx((1 + 0.5 + 0) / 3)
    assert (metrics["N-acc"], metrics["T-acc"]) == (0, 1)


def test_an_empty_prediction_is_right_without_target(validation):
    metrics = validation(FakeColumn(None), 2)
    assert metrics["J"] == pytest.approx(2 / 5)
    assert (metrics["N-acc"], metrics["T-acc"]) == (1, 0)


def test_undefined_metrics_are_left_out(tmp_path):
    write_tiny_split(tmp_path, {"va": {"0": ("left one", [0])}})
    assert "N-acc" not in Validation("rvos", open_dataset(tmp_path, "train"))(FakeColumn(0), 1)


def test_a_prediction_of_another_size_is_refused(validation):
    with pytest.raises(MethodError):
        validation(FakeColumn(0, (FRAMES, HEIGHT, WIDTH + 1)), 1)
