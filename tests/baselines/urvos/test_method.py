import numpy as np
import pytest
import torch

from baselines.urvos.method import SquareVideo, load, scaled_masks
from baselines.urvos.options import Options
from mevis_bench.methods.method_spec import read_method_spec
from mevis_bench.records import MethodConfig, TextPrompt
from tests.fixtures.noise_video import noise_video
from tests.paths import ROOT

SPEC = read_method_spec(ROOT / "baselines" / "urvos" / "method.yaml")
OPTIONS = {**SPEC.variants["resnet50"].options, "size": "mini", "side": 64, "words": 6}


def setup(**changes):
    return MethodConfig("rvos", "resnet50", Options(**{**OPTIONS, **changes}), None, "cpu", 1)


@pytest.fixture(scope="module")
def loaded():
    return load(setup())


@pytest.fixture
def video(tmp_path):
    return noise_video(tmp_path, 10, 40, 60)


def test_untrained_runs(loaded, video):
    predictions = list(loaded.predict(video, [TextPrompt("0", "the bird"), TextPrompt("1", "a cat")]))
    assert [prediction.masks.shape for prediction in predictions] == [(10, 40, 60)] * 2
    assert all(0 <= prediction.target_score <= 1 for prediction in predictions)


@torch.inference_mode()
def test_what_is_kept_and_what_is_computed_again_is_the_same(loaded, video):
    kept = SquareVideo(loaded.model, video, 64, 10, "cpu")
    fresh = SquareVideo(loaded.model, video, 64, 0, "cpu")
    for first, stop in ((0, 8), (8, 10), (3, 4), (9, 10)):
        a, b = kept.encoded(first, stop), fresh.encoded(first, stop)
        assert len(a.cells) == stop - first
        torch.testing.assert_close(a.cells, b.cells, atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(a.skips[1], b.skips[1], atol=1e-3, rtol=1e-3)
    assert set(kept._known) == {0, 1}
    assert not fresh._known


def test_frames_are_encoded_once_for_all_prompts(loaded, video, monkeypatch):
    encoded = []
    original = loaded.model.encode_frames
    monkeypatch.setattr(loaded.model, "encode_frames", lambda images: encoded.append(len(images)) or original(images))
    list(loaded.predict(video, [TextPrompt("0", "the bird"), TextPrompt("1", "a cat")]))
    assert encoded == [8, 2]


def test_masks_are_scaled_softly():
    soft = torch.zeros(1, 2, 2)
    soft[0, :, 0] = 1.0
    masks = scaled_masks(soft, 4, 8)
    assert np.array_equal(masks, np.tile([True] * 4 + [False] * 4, (1, 4, 1)))
