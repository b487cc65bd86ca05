"""Points to masks: seeds of an answer, no target without readable points, errors that name the expression."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoModel

from baselines.layers.inference.mask_propagation import mini_sam2_config
from baselines.points_to_masks.method import load, seeds_of
from baselines.points_to_masks.options import Options
from mevis_bench.methods.stored_predictions import PredictionReader
from mevis_bench.records import (
    CaptionPrediction,
    DataError,
    MethodConfig,
    PointPrediction,
    SpeechPrompt,
    TextPrompt,
    Video,
)
from mevis_bench.records.point_answer import read_point_answers
from mevis_bench.store.prediction_lines import encode_line
from tests.fixtures.noise_video import noise_video

OPTIONS = Options(size="mini", prompts="all", precision="float32")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Video:
    return noise_video(tmp_path_factory.mktemp("video"), frames=4, height=30, width=50)


@pytest.mark.parametrize(("prompts", "frames"), [("all", {0: [1, 3], 1: [0]}), ("first", {0: [1], 1: [0]})])
def test_every_object_has_a_seed_per_frame_inside_the_video(video: Video, prompts, frames: dict) -> None:
    points = {0: {"b": (10.0, 5.0)}, 1: {"a": (-3.0, 99.0)}, 9: {"a": (70.0, 4.5)}}
    seeds = seeds_of(points, video, Options(size="mini", prompts=prompts, precision="float32"))
    found: dict[int, list[int]] = {}
    for seed in seeds:
        found.setdefault(seed.identity, []).append(seed.frame)
    assert found == frames
    assert seeds[0].points.tolist() == [[0.0, 29.0]]
    assert seeds[0].labels == (1,)
    if prompts == "all":
        assert seeds[1].points.tolist() == [[49.0, 4.5]]


def test_answers_become_masks(tmp_path: Path, video: Video) -> None:
    torch.manual_seed(1)
    Sam2VideoModel(mini_sam2_config()).save_pretrained(tmp_path / "tracker")
    record = {"video": video.id, "height": 30, "width": 50, "fps": 1}
    answers = [
        {**record, "expression": "a dog", "prediction": '<tracks coords="0 0 500 500 1 100 100; 2 0 600 500"'},
        {**record, "expression": "a cat", "prediction": "I cannot see any."},
    ]
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    weights = {"answers": tmp_path / "answers.json", "tracker": tmp_path / "tracker"}
    method = load(MethodConfig("rvos", "tiny", OPTIONS, weights, "cpu", 0))
    dog, cat = method.predict(video, [TextPrompt("0", "a dog"), TextPrompt("1", "a cat")])
    assert len(dog.objects) == 2
    assert dog.target_score == 1.0
    np.testing.assert_array_equal(dog.masks, dog.objects[0] | dog.objects[1])
    assert not cat.masks.any()
    assert cat.target_score == 0.0
    with pytest.raises(DataError, match="has none to this expression") as caught:
        next(method.predict(video, [TextPrompt("2", "a bird")]))
    assert caught.value.location == f"{video.id}/2"
    with pytest.raises(TypeError, match="requires sentences, got SpeechPrompt"):
        next(method.predict(video, [SpeechPrompt("0", Path("a.wav"))]))


def test_a_run_in_points_gives_the_masks_of_the_same_answer_in_a_file(tmp_path: Path, video: Video) -> None:
    torch.manual_seed(1)
    Sam2VideoModel(mini_sam2_config()).save_pretrained(tmp_path / "tracker")
    text = '<tracks coords="0 0 500 500 1 100 100; 2 0 600 500">'
    record = {"video": video.id, "height": 30, "width": 50, "fps": 1, "expression": "a dog", "prediction": text}
    (tmp_path / "answers.json").write_text(json.dumps([record]))
    (answer,) = read_point_answers(tmp_path / "answers.json")
    (tmp_path / "run").mkdir()
    lines = {"0": PointPrediction.from_points(answer.points, text), "1": CaptionPrediction("a cat")}
    (tmp_path / "run" / f"{video.id}.jsonl").write_bytes(b"".join(encode_line(*line) for line in lines.items()))
    predictions = []
    for answers in ("answers.json", "run"):
        weights = {"answers": tmp_path / answers, "tracker": tmp_path / "tracker"}
        config = MethodConfig("rvos", "tiny", OPTIONS, weights, "cpu", 0, open_predictions=PredictionReader)
        method = load(config)
        predictions += method.predict(video, [TextPrompt("0", "a dog")])
    assert predictions[0].masks.any()
    for own, other in zip(predictions[0].objects, predictions[1].objects, strict=True):
        np.testing.assert_array_equal(own, other)
    with pytest.raises(DataError, match="expected points, got a caption"):
        next(method.predict(video, [TextPrompt("1", "a cat")]))
