"""Each conformance check finds the method that breaks its promise; prompts and prediction checks cover every task."""

from pathlib import Path

import numpy as np
import pytest

from mevis_bench.methods.conformance import CHECKS, Trial, make_prompt
from mevis_bench.methods.prediction_checks import validate_prediction
from mevis_bench.records import (
    CaptionPrediction,
    MaskPrediction,
    MethodError,
    PointPrediction,
    Prediction,
    TrackPrediction,
    Video,
)
from mevis_bench.records.task_names import TASK_NAMES, TASK_TYPES
from tests.fixtures.tiny_split import write_fake_method

VIDEO = Video("v", ("0", "1"), (Path("0.png"), Path("1.png")), 3, 4)
PREDICTIONS: tuple[Prediction, ...] = (
    MaskPrediction(np.zeros((2, 3, 4), bool)),
    TrackPrediction(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 4))),
    PointPrediction(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 2))),
    CaptionPrediction(""),
)


@pytest.mark.parametrize("task", TASK_NAMES)
def test_every_task_has_conformance_prompts_of_its_type(task: str, tmp_path: Path) -> None:
    prompts = [make_prompt(task, number, "odd", tmp_path) for number in range(3)]
    assert [type(prompt) for prompt in prompts] == [TASK_TYPES[task].prompt] * 3
    assert [prompt.id for prompt in prompts] == ["0", "1", "2"]


@pytest.mark.parametrize("task", TASK_NAMES)
def test_only_predictions_of_the_tasks_type_pass(task: str) -> None:
    for prediction in PREDICTIONS:
        if isinstance(prediction, TASK_TYPES[task].predictions):
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points": np.zeros((1, 4))}, r"invalid points: expected ids \(1,\) and points \(1, 2\) for 1 frames"),
        ({"frames": np.array([2])}, r"invalid points: expected frames in 0\.\.1, got 2\.\.2"),
        ({"points": np.array([[np.inf, 0]])}, "invalid points: there is a point that is not finite"),
        ({"raw": 3}, "invalid raw answer: expected text, got int"),
        ({"raw": "x" * 100_001}, "invalid raw answer: expected at most 100000 characters, got 100001"),
    ],
)
def test_invalid_points(changes: dict[str, object], message: str) -> None:
    columns: dict[str, object] = {"frames": np.zeros(1, int), "ids": np.zeros(1, int), "points": np.zeros((1, 2))}
    with pytest.raises(MethodError, match=message):
        validate_prediction(PointPrediction(**(columns | changes)), "rvos", VIDEO)


BROKEN = {
    "fit": (
        "def answer(setup, masks): return MaskPrediction(masks[1:])",
        r"invalid masks: expected bool \(3, 37, 53\)",
    ),
    "outputs": ("def answer(setup, masks): return MaskPrediction(masks, (masks,))", r"'outputs' declares \['masks'\]"),
    "no_prompts": (
        "predict = Fake.predict\nFake.predict = lambda self, video, prompts: predict(self, video, prompts or [None])",
        "predictions without prompts",
    ),
    "alone": (
        "predict = Fake.predict\n"
        "def act(setup, video, prompt): setup.options['column'] += 1\n"
        "def predict_all(self, video, prompts):\n"
        "    self.setup.options['column'] = 0\n"
        "    yield from predict(self, video, prompts)\n"
        "Fake.predict = predict_all",
        "prompt 2 of video 'odd': another prediction alone than with others",
    ),
    "seed": (
        "loads = []\n"
        "def load(setup):\n"
        "    loads.append(1)\n"
        "    setup.options['column'] = len(loads)\n"
        "    return Fake(setup)",
        "video 'odd': two loads with the same seed predict differently",
    ),
    "reads": (
        "def act(setup, video, prompt): (video.frame_paths[0].parents[2] / 'mask_dict.json').read_text()",
        r"opens \['mask_dict.json'\], which contain the answers",
    ),
    "close": ("Fake.close = lambda self: 1 / 0", "division by zero"),
}


@pytest.mark.parametrize("check", CHECKS)
def test_each_check_finds_the_method_that_breaks_its_promise(check: str, tmp_path: Path) -> None:
    code, message = BROKEN[check]
    folder = write_fake_method(tmp_path, code) / "fake"
    (tmp_path / "files").mkdir()
    trial = Trial.of(folder, "default", "rvos", tmp_path / "files")
    for name in CHECKS:
        if name == check:
            with pytest.raises((MethodError, ZeroDivisionError), match=message):
                CHECKS[name](trial)
        elif check not in ("fit", "close"):
            CHECKS[name](trial)


def test_objects_must_unite_to_the_mask(tmp_path: Path) -> None:
    code = "def answer(setup, masks): return MaskPrediction(masks, (~masks,))"
    folder = write_fake_method(tmp_path, code) / "fake"
    (folder / "method.yaml").write_text((folder / "method.yaml").read_text().replace("[masks]", "[masks, objects]"))
    (tmp_path / "files").mkdir()
    with pytest.raises(MethodError, match="fake:default:rvos: the union of the objects is not the mask"):
        CHECKS["outputs"](Trial.of(folder, "default", "rvos", tmp_path / "files"))
