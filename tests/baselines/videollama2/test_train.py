"""Training of the mini variant: what it learns from, and that it learns and resumes."""

from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco

from baselines.videollama2.method import load
from baselines.videollama2.train import TrainOptions, mirror, train
from baselines.videollama2.training_cache import target_sets
from mevis_bench.records import Expression, MethodSetup, Rle, TargetMasks, TrainSetup, Truth, UsageError, Video
from tests.baselines.small_videos import noise_video

OPTIONS = {
    "steps": 3, "learning_rate": 1e-3, "targets": 2, "sentences": 2, "frames": 2, "fit": "squash",
    "colour": [255, 0, 0], "alpha": 0.5,
}  # fmt: skip


class FakeSplit:
    """One video, two objects, four sentences: two of one, one of both, one of nobody."""

    video_ids = ("v",)
    fingerprint = "f"

    def __init__(self, folder: Path) -> None:
        self._video = noise_video(folder, frames=2, height=24, width=32)

    def video(self, video_id: str) -> Video:
        return self._video

    def truths(self, video_id: str) -> list[Truth]:
        mask = np.asfortranarray(np.eye(24, 32, dtype=np.uint8))
        track = (Rle(24, 32, coco.encode(mask)["counts"]),) * 2
        said = [("the cat moving left", ("a",)), ("the cat running", ("a",)), ("both cats", ("a", "b")), ("none", ())]
        return [
            Truth("v", Expression(str(i), text, ids), 24, 32, 2, (track,) * len(ids),
                  tuple(other for other, its in said if its == ids))
            for i, (text, ids) in enumerate(said)
        ]  # fmt: skip


def test_target_sets_come_once_with_all_their_sentences(tmp_path: Path) -> None:
    sets = target_sets(FakeSplit(tmp_path), "v")
    assert [(each.id, len(each.objects), said) for each, said in sets] == [
        ("0", 1, ("the cat moving left", "the cat running")),
        ("2", 2, ("both cats",)),
    ]


def test_mirroring_exchanges_left_and_right_and_nothing_else() -> None:
    assert (
        mirror("the only one going left, then rightward, leftover")
        == "the only one going right, then leftward, leftover"
    )
    assert mirror(mirror("up to the left")) == "up to the left"


def test_a_training_ends_in_a_folder_that_runs(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    data = FakeSplit(tmp_path / "frames")
    out = tmp_path / "out"
    losses = []
    setup = TrainSetup("mini", OPTIONS, data, data, out, "cpu", 0, lambda *logged: losses.append(logged))
    out.mkdir()
    train(setup)
    assert [(stage, step, steps) for stage, step, steps, _ in losses] == [("captions", 3, 3)]
    train(setup)
    assert len(losses) == 1  # complete: read, not trained again
    view = {key: OPTIONS[key] for key in ("frames", "fit", "colour", "alpha")}
    options = view | {"size": "mini", "precision": "float32", "bits": 16, "max_new_tokens": 3}
    method = load(MethodSetup("rmeg", "mini", options, {"model": out / "mini"}, "cpu", 0))
    (caption,) = method.predict(data.video("v"), [TargetMasks("0", ((None,) * 2,))])
    assert len(caption.text.split()) <= 3


def test_other_variants_and_other_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="variant 7b of videollama2 is not trained here"):
        train(TrainSetup("7b", OPTIONS, None, None, tmp_path, "cpu", 0, print))
    with pytest.raises(UsageError, match="missing or unknown: speed"):
        TrainOptions.read(OPTIONS | {"speed": 1})
    with pytest.raises(UsageError, match="steps can't be '3'"):
        TrainOptions.read(OPTIONS | {"steps": "3"})
