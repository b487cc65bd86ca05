"""Boxes to masks: seeds of tracks, masks of a stored run, no target without boxes, errors that name the expression."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoModel

from baselines.boxes_to_masks.method import load, seeds_of
from baselines.boxes_to_masks.options import Options
from baselines.layers.inference.mask_propagation import mini_sam2_config
from mevis_bench.methods.stored_predictions import PredictionReader
from mevis_bench.records import (
    CaptionPrediction,
    DataError,
    MethodConfig,
    MethodError,
    TextPrompt,
    TrackPrediction,
    Video,
)
from mevis_bench.store.prediction_lines import encode_line
from tests.fixtures.noise_video import noise_video

OPTIONS = Options(size="mini", prompts="all", frames="boxed", precision="float32")
PROMPTS = [TextPrompt("0", "two dogs"), TextPrompt("1", "a cat")]


def tracks(*entries: tuple[int, int, list[float]]) -> TrackPrediction:
    frames, ids, boxes = zip(*entries, strict=True) if entries else ((), (), ())
    return TrackPrediction(np.array(frames, np.int64), np.array(ids, np.int64), np.array(boxes, float).reshape(-1, 4))


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Video:
    return noise_video(tmp_path_factory.mktemp("video"), frames=4, height=30, width=50)


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tracker")
    torch.manual_seed(0)  # of random weights: these make masks
    Sam2VideoModel(mini_sam2_config()).save_pretrained(folder)
    return folder


def write_run(folder: Path, video: Video, predictions: dict) -> Path:
    folder.mkdir()
    lines = (encode_line(key, prediction) for key, prediction in predictions.items())
    (folder / f"{video.id}.jsonl").write_bytes(b"".join(lines))
    return folder


def config(tracks: Path, tracker: Path, options: Options = OPTIONS) -> MethodConfig[Options]:
    weights = {"tracks": tracks, "tracker": tracker}
    return MethodConfig("rvos", "tiny", options, weights, "cpu", 0, open_predictions=PredictionReader)


def test_seeds_are_cut_at_the_border_and_numbered_by_identity(video: Video) -> None:
    seeds = seeds_of(
        tracks((2, 7, [40, 20, 60, 40]), (0, 7, [1, 2, 3, 4]), (1, 5, [-9, 0, 10, 9]), (3, 5, [50, 0, 70, 9])), video
    )
    assert [(seed.identity, seed.frame, seed.points.ravel().tolist()) for seed in seeds] == [
        (0, 1, [0, 0, 10, 9]),
        (1, 0, [1, 2, 3, 4]),
        (1, 2, [40, 20, 50, 30]),
    ]
    assert {seed.labels for seed in seeds} == {(2, 3)}
    assert seeds_of(tracks(), video) == []


def test_stored_tracks_become_masks_of_their_frames(tmp_path: Path, video: Video, tracker: Path) -> None:
    two = tracks((0, 3, [5, 5, 30, 25]), (1, 3, [6, 5, 31, 25]), (2, 9, [0, 0, 20, 20]))
    run = write_run(tmp_path / "run", video, {"0": two, "1": tracks()})
    dogs, cat = load(config(run, tracker)).predict(video, PROMPTS)
    assert len(dogs.objects) == 2
    assert dogs.target_score == 1.0
    np.testing.assert_array_equal(dogs.masks, dogs.objects[0] | dogs.objects[1])
    assert dogs.objects[0].any((1, 2)).tolist() == [True, True, False, False]
    assert dogs.objects[1].any((1, 2)).tolist() == [False, False, True, False]
    assert not cat.masks.any()
    assert cat.objects == ()
    assert cat.target_score == 0.0


def test_all_frames_and_the_first_box_are_options(tmp_path: Path, video: Video, tracker: Path) -> None:
    far = tracks((1, 0, [5, 5, 30, 25]), (2, 0, [40, 20, 50, 30]))
    run = write_run(tmp_path / "run", video, {"0": far})
    answers = {}
    for prompts in ("all", "first"):
        for frames in ("boxed", "all"):
            options = replace(OPTIONS, prompts=prompts, frames=frames)
            (answers[prompts, frames],) = load(config(run, tracker, options)).predict(video, PROMPTS[:1])
    for prompts in ("all", "first"):
        boxed, every = answers[prompts, "boxed"].masks, answers[prompts, "all"].masks
        assert not boxed[[0, 3]].any()
        assert boxed[1].any()
        assert every[[0, 3]].any()
        np.testing.assert_array_equal(boxed[1:3], every[1:3])
    np.testing.assert_array_equal(answers["all", "all"].masks[1], answers["first", "all"].masks[1])
    assert (answers["all", "all"].masks[2] != answers["first", "all"].masks[2]).any()


def test_motchallenge_text_is_read(tmp_path: Path, video: Video, tracker: Path) -> None:
    (tmp_path / "mot" / video.id).mkdir(parents=True)
    (tmp_path / "mot" / video.id / "0.txt").write_text("1,1,5,5,25,20,1,1,1\n2,1,6,5,25,20,1,1,1\n")
    run = write_run(tmp_path / "run", video, {"0": tracks((0, 0, [5, 5, 30, 25]), (1, 0, [6, 5, 31, 25]))})
    (text,) = load(config(tmp_path / "mot", tracker)).predict(video, PROMPTS[:1])
    (line,) = load(config(run, tracker)).predict(video, PROMPTS[:1])
    np.testing.assert_array_equal(text.masks, line.masks)


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        (CaptionPrediction("two dogs"), "expected tracks, got a caption"),
        (tracks((4, 0, [0, 0, 1, 1])), r"expected frames in 0\.\.3, got 4\.\.4"),
        (tracks((0, 0, [0, 0, 1, 1]), (0, 0, [0, 0, 2, 2])), "an identity has two boxes in one frame"),
    ],
)
def test_other_predictions_are_errors(tmp_path: Path, video: Video, tracker: Path, prediction, message: str) -> None:
    run = write_run(tmp_path / "run", video, {"0": prediction})
    with pytest.raises(DataError, match=message) as caught:
        next(load(config(run, tracker)).predict(video, PROMPTS))
    assert caught.value.location == f"{run}, {video.id}/0"


def test_a_missing_prediction_and_no_predictions_are_errors(tmp_path: Path, video: Video, tracker: Path) -> None:
    run = write_run(tmp_path / "run", video, {"0": tracks()})
    with pytest.raises(DataError, match="prediction is missing") as caught:
        list(load(config(run, tracker)).predict(video, PROMPTS))
    assert "expression 1" in str(caught.value.location)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no predictions found"):
        load(config(tmp_path / "empty", tracker))


def test_without_the_harness_stored_tracks_are_refused(tmp_path: Path, tracker: Path) -> None:
    alone = MethodConfig("rvos", "tiny", OPTIONS, {"tracks": tmp_path, "tracker": tracker}, "cpu", 0)
    with pytest.raises(MethodError, match="can only be read where the harness loads the method"):
        load(alone)
