import numpy as np
import pytest
import torch

from baselines.layers.inference.clip_segmenter import read_clip
from baselines.layers.nn.clip_backbones import PreparedBackbone
from baselines.layers.nn.prepared_maps import PreparedMaps
from baselines.urvos.config import SIZES
from baselines.urvos.method import EncodedClip, UrvosMethod, load, scaled_masks
from baselines.urvos.model import Urvos
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
    frames = read_clip(video, range(10), (64, 64), torch.device("cpu"))
    kept, fresh = EncodedClip(loaded.model, frames, 10), EncodedClip(loaded.model, frames, 0)
    for first, stop in ((0, 8), (8, 10), (3, 4), (9, 10)):
        a, b = kept.encoded(first, stop), fresh.encoded(first, stop)
        assert len(a) == stop - first
        assert torch.equal(a.source, frames[first:stop])
        torch.testing.assert_close(a.cells, b.cells, atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(a.skips[1], b.skips[1], atol=1e-3, rtol=1e-3)
    assert set(kept._known) == {0, 1}
    assert not fresh._known


def test_frames_are_encoded_once_for_all_prompts(loaded, video, monkeypatch):
    encoded = []
    original = loaded.model.encode
    monkeypatch.setattr(loaded.model, "encode", lambda frames: encoded.append(len(frames)) or original(frames))
    list(loaded.predict(video, [TextPrompt("0", "the bird"), TextPrompt("1", "a cat")]))
    assert encoded == [8, 2]


def test_masks_are_scaled_softly():
    soft = torch.zeros(1, 2, 2)
    soft[0, :, 0] = 1.0
    masks = scaled_masks(soft, 4, 8)
    assert np.array_equal(masks, np.tile([True] * 4 + [False] * 4, (1, 4, 1)))


class FakeStart:
    """Counts what it tracks; a prompt's maps are the length of its text."""

    tracked = 0

    def track(self, frames):
        self.tracked += 1
        return frames

    def read(self, prompts):
        return torch.tensor([float(len(prompt.text)) for prompt in prompts])

    def prompted(self, tracked, sentence):
        maps = [torch.full((len(tracked), 6, *size), float(sentence)) for size in ((18, 32), (9, 16), (5, 8), (3, 4))]
        return PreparedMaps(maps, tuple(tracked.shape))


def test_a_start_tracks_once_and_encodes_for_each_prompt(tmp_path):
    torch.manual_seed(0)
    options = Options(**{**OPTIONS, "side": 72, "squash": False})
    start = FakeStart()
    method = UrvosMethod(Urvos(SIZES["mini"], PreparedBackbone(6)).eval(), options, "cpu", start)
    sources = []
    segment = method.segment
    method.segment = lambda clip, prompt: sources.append(clip.frames) or segment(clip, prompt)
    video = noise_video(tmp_path, 3, 90, 160)
    predictions = list(method.predict(video, [TextPrompt("0", "the bird"), TextPrompt("1", "a cat")]))
    assert [prediction.masks.shape for prediction in predictions] == [(3, 90, 160)] * 2
    assert start.tracked == 1
    assert [source.shape for source in sources] == [(3, 3, 72, 128)] * 2
    assert [float(source.maps[0].mean()) for source in sources] == [8.0, 5.0]


@pytest.mark.parametrize(
    ("squash", "size", "expected"),
    [(True, (90, 160), (72, 72)), (False, (90, 160), (72, 128)), (False, (170, 90), (136, 72))],
)
def test_frames_are_squashed_or_keep_their_shape(squash, size, expected):
    assert Options(**{**OPTIONS, "side": 72, "squash": squash}).input_size(*size) == expected
