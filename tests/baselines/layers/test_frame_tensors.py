"""Frames as tensors and objects as masks, one frame at a time."""

from pathlib import Path

import numpy as np
import pytest
import torch

from baselines.layers.inference.frame_tensors import FrameTensors
from baselines.layers.inference.object_masks import ObjectMasks
from tests.fixtures.noise_video import noise_video


def test_frames_are_resized_and_normalized_and_decoded_once_in_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = noise_video(tmp_path, frames=2, height=6, width=10)
    decoded = []
    original = type(video).frame
    monkeypatch.setattr(type(video), "frame", lambda self, index: decoded.append(index) or original(self, index))
    frames = FrameTensors(video, 12, (0.5, 0.4, 0.3), (0.5, 0.2, 0.1), "cpu", torch.bfloat16)
    assert len(frames) == 2
    assert list(frames) == [0, 1]
    assert frames[0] is frames[0]
    assert decoded == [0]
    expected = torch.from_numpy(original(video, 1).copy()).permute(2, 0, 1)[None] / 255
    expected = torch.nn.functional.interpolate(expected, (12, 12), mode="bilinear", antialias=True)[0]
    for channel, (mean, std) in enumerate([(0.5, 0.5), (0.4, 0.2), (0.3, 0.1)]):
        required = ((expected[channel] - mean) / std).bfloat16()
        torch.testing.assert_close(frames[1][channel], required, rtol=1e-2, atol=1e-2)
    for index in (-1, 2):
        with pytest.raises(KeyError):
            frames[index]


def test_masks_come_back_by_identity_and_form_a_prediction(tmp_path: Path) -> None:
    video = noise_video(tmp_path, frames=2, height=5, width=7)
    generator = np.random.RandomState(0)
    first, second = (generator.rand(5, 7) > 0.5 for _ in range(2))
    masks = ObjectMasks(video)
    masks.add(1, {9: first, 4: second})
    masks.add(0, {9: second})
    assert masks.identities() == [4, 9]
    np.testing.assert_array_equal(masks.of(9), np.stack([second, first]))
    np.testing.assert_array_equal(masks.of(4), np.stack([np.zeros_like(first), second]))
    kept = masks.prediction(0.4, 0.4)
    np.testing.assert_array_equal(kept.masks, np.stack([second, first | second]))
    assert len(kept.objects) == 2
    assert kept.target_score == 0.4
    below = masks.prediction(0.4, 0.5)
    assert not below.masks.any()
    assert below.objects == ()
    assert below.target_score == 0.4
