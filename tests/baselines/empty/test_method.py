"""Empty says nothing, in the form of every task, without looking."""

from pathlib import Path

import numpy as np
import pytest

from baselines.empty.method import load
from mevis_bench.methods.prediction_checks import validate_prediction
from mevis_bench.records import CaptionPrediction, MaskPrediction, MethodConfig, TextPrompt, Video


@pytest.mark.parametrize("task", ["rvos", "avos", "rmot", "rmeg"])
def test_predictions_are_empty_and_of_the_type_of_the_task(task: str) -> None:
    video = Video("v", ("0", "1"), (Path("0"), Path("1")), 4, 5)
    method = load(MethodConfig(task, "default", {}, {}, "cpu", 0))
    answers = list(method.predict(video, [TextPrompt(str(k), "") for k in range(3)]))
    assert len(answers) == 3
    for answer in answers:
        if isinstance(answer, MaskPrediction):
            assert answer.masks.sum() == 0
            assert answer.objects == ()
        elif isinstance(answer, CaptionPrediction):
            assert answer.text == ""
        else:
            assert len(answer.frames) == 0
            assert answer.boxes.dtype == np.float64
        validate_prediction(answer, task, video)
    method.close()
