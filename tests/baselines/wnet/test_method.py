"""WNet's protocol: clips that are filled up, speech in, masks at the video's size out."""

import wave
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from baselines.layers.inference.query_outputs import upsample_masks
from baselines.layers.nn.prepared_maps import PreparedMaps
from baselines.wnet.checkpoint import read_checkpoint
from baselines.wnet.method import WNetModel, load, start_reader
from baselines.wnet.model import WNet, WNetOutputs
from baselines.wnet.options import Options
from mevis_bench.records import DataError, MethodConfig, SpeechPrompt, TextPrompt
from tests.fixtures.noise_video import noise_video

OPTIONS = {
    "size": "mini",
    "backbone": "resnet-mini",
    "short": 32,
    "clip_length": 2,
    "sampling": "consecutive",
    "precision": "float32",
}


def setup(**changes: object) -> MethodConfig:
    return MethodConfig("avos", "resnet50", Options(**OPTIONS | changes), None, "cpu", seed=0)


def say(path: Path, seed: int) -> SpeechPrompt:
    samples = np.random.default_rng(seed).normal(0, 2000, 8000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(samples.tobytes())
    return SpeechPrompt(path.stem, path)


def test_long_videos_are_cut_and_prompts_do_not_disturb_each_other(tmp_path: Path) -> None:
    video = noise_video(tmp_path, frames=3, height=40, width=60)
    prompts = [say(tmp_path / "0.wav", 0), say(tmp_path / "1.wav", 1)]
    method = load(setup())
    together = list(method.predict(video, prompts))
    alone = next(method.predict(video, prompts[1:]))
    assert [one.masks.shape for one in together] == [(3, 40, 60)] * 2
    assert alone.target_score is None
    assert np.array_equal(together[1].masks, alone.masks)


def test_a_short_clip_is_repeated_from_its_start_and_only_its_own_frames_come_back() -> None:
    seen = []

    class FakeNetwork:
        frames = 5

        def encode(self, frames: torch.Tensor) -> torch.Tensor:
            seen.append(frames)
            return frames

        def __call__(self, features: torch.Tensor, audio: torch.Tensor) -> WNetOutputs:
            return WNetOutputs(None, features[None, :, 0], None, None)

    model = WNetModel(FakeNetwork(), None)
    frames = torch.arange(2.0).view(2, 1, 1, 1).expand(2, 3, 4, 4)
    logits = model.segment(model.encode_clip(frames), torch.zeros(1, 39, 7))
    assert seen[0][:, 0, 0, 0].tolist() == [0, 1, 0, 1, 0]
    assert logits.shape == (2, 4, 4)


def test_maps_of_a_short_clip_are_repeated_too() -> None:
    class FakeNetwork:
        frames = 5

        def encode(self, frames: PreparedMaps) -> PreparedMaps:
            return frames

    maps = PreparedMaps([torch.arange(3.0).view(3, 1, 1, 1)] * 4, (3, 3, 4, 4))
    repeated, frames = WNetModel(FakeNetwork(), None).encode_clip(maps)
    assert frames == 3
    assert repeated.shape == (5, 3, 4, 4)
    assert [level.flatten().tolist() for level in repeated.maps] == [[0, 1, 2, 0, 1]] * 4


def test_on_the_common_start_a_recording_is_one_step(tmp_path: Path) -> None:
    class FakeStart:
        def read(self, prompts: list[SpeechPrompt]) -> torch.Tensor:
            return torch.tensor([[float(prompt.id) + 1, 0, 0] for prompt in prompts])

    model = WNetModel(None, start_reader(FakeStart()))
    assert model.encode_prompt(SpeechPrompt("4", tmp_path / "4.wav")).tolist() == [[[5], [0], [0]]]


def test_masks_are_scaled_before_they_are_cut() -> None:
    logits = torch.randn(9, 5, 7, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(logits[None], size=(20, 30), mode="bilinear", align_corners=False)[0] > 0
    assert torch.equal(upsample_masks(logits, (20, 30)), expected)


def test_wnet_listens_and_does_not_read() -> None:
    with pytest.raises(TypeError, match="WNet requires a speech prompt, got TextPrompt"):
        WNetModel(None, None).encode_prompt(TextPrompt("0", "the bird"))


def test_a_file_for_another_number_of_frames_is_refused(tmp_path: Path) -> None:
    with torch.device("meta"):
        model, other = WNet(36), WNet(5)
    path = tmp_path / "wnet.pth"
    torch.save({"model": {key: torch.zeros(1).expand(value.shape) for key, value in other.state_dict().items()}}, path)
    with pytest.raises(
        DataError, match=r"1 with a different shape: wnet\.query_embed\.weight \(5, 384\) instead of \(36, 384\)"
    ):
        read_checkpoint(path, model)


@pytest.mark.parametrize(
    ("content", "message"), [(b"\x80\x02cos\nsystem\n.", "code"), (b"PK\x03\x04 cut", "truncated")]
)
def test_a_bad_file_is_one_clear_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "wnet.pth"
    path.write_bytes(content)
    with torch.device("meta"):
        model = WNet()
    with pytest.raises(DataError, match=message):
        read_checkpoint(path, model)
