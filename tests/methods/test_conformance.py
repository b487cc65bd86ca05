"""Conformance prompts and prediction checks cover every task."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mevis_bench.methods import conformance
from mevis_bench.methods.prediction_checks import validate_prediction
from mevis_bench.records import CaptionPrediction, MaskPrediction, MethodError, Prediction, TrackPrediction, Video
from mevis_bench.records.task_names import TASK_NAMES, TASK_TYPES

VIDEO = Video("v", ("0", "1"), (Path("0.png"), Path("1.png")), 3, 4)
PREDICTIONS: tuple[Prediction, ...] = (
    MaskPrediction(np.zeros((2, 3, 4), bool)),
    TrackPrediction(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 4))),
    CaptionPrediction(""),
)


@pytest.mark.parametrize("task", TASK_NAMES)
def test_every_task_has_a_conformance_prompt_of_its_type(task: str, tmp_path: Path) -> None:
    prompts = [conformance._prompt(task, number, tmp_path) for number in range(2)]
    assert [type(prompt) for prompt in prompts] == [TASK_TYPES[task].prompt] * 2
    assert [prompt.id for prompt in prompts] == ["0", "1"]


@pytest.mark.parametrize("task", TASK_NAMES)
def test_only_predictions_of_the_tasks_type_pass(task: str) -> None:
    for prediction in PREDICTIONS:
        if isinstance(prediction, TASK_TYPES[task].prediction):
            validate_prediction(prediction, task, VIDEO)
        else:
            with pytest.raises(MethodError, match=f"invalid prediction for {task}: expected"):
                validate_prediction(prediction, task, VIDEO)


@pytest.mark.parametrize(
    ("frames", "ids", "boxes", "message"),
    [
        ([0, 2], [0, 0], [[0, 0, 1, 1]] * 2, r"expected frames in 0\.\.1, got 0\.\.2"),
        ([0, 0], [5, 5], [[0, 0, 1, 1]] * 2, "an identity has two boxes in one frame"),
        ([0], [5], [[0, 0, np.nan, 1]], "a corner that is not finite"),
        ([0], [5, 6], [[0, 0, 1, 1]], r"expected ids \(1,\) and boxes \(1, 4\) for 1 frames, got ids \(2,\)"),
    ],
)
def test_invalid_tracks(frames: list[int], ids: list[int], boxes: list[list[float]], message: str) -> None:
    tracks = TrackPrediction(np.array(frames), np.array(ids), np.array(boxes, np.float64))
    with pytest.raises(MethodError, match=message):
        validate_prediction(tracks, "rmot", VIDEO)


def test_the_conformance_video_can_be_read(tmp_path: Path) -> None:
    video = conformance._video(tmp_path)
    sizes = {Image.open(path).size for path in video.frame_paths}
    assert sizes == {(video.width, video.height)}
    assert len(video) == conformance.FRAMES
