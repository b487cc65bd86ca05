from dataclasses import replace

import numpy as np
import pytest
import torch

from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings, consecutive, interleaved, read_clip
from baselines.layers.inputs.resize import IMAGENET_MEAN, IMAGENET_STD
from mevis_bench.records import TextPrompt
from tests.fixtures.noise_video import noise_video

PROMPTS = [TextPrompt("0", "left"), TextPrompt("1", "right")]
SETTINGS = ClipSettings(short=32, clip_length=None, sampling="consecutive", precision="float32")


class FakeModel:
    """Finds each frame by its brightness: the mask of ``left`` is its left half, that of ``right`` its right half."""

    def __init__(self):
        self.network = torch.nn.Linear(2, 3)
        self.calls = []

    def input_size(self, height, width, short):
        return short, short * width // height

    def encode_prompt(self, prompt):
        self.calls.append(("read", prompt.id))
        return prompt.text

    def encode_clip(self, frames):
        self.calls.append(("encode", len(frames)))
        return frames.mean((1, 2, 3))

    def segment(self, clip, text):
        self.calls.append(("segment", text))
        return clip, text

    def postprocess(self, outputs, size):
        self.calls.append(("postprocess", len(outputs)))
        masks = []
        for clip, text in outputs:
            mask = torch.zeros(len(clip), *size)
            half = slice(0, size[1] // 2) if text == "left" else slice(size[1] // 2, size[1])
            mask[:, :, half] = clip[:, None, None]
            masks.append(mask > 0.5)
        return masks, 0.25


def graded_video(tmp_path, lit):
    """Frames are black or, where ``lit``, white."""
    video = noise_video(tmp_path, len(lit), 36, 64)
    from PIL import Image

    for path, white in zip(video.frame_paths, lit, strict=True):
        Image.new("RGB", (64, 36), (255,) * 3 if white else (0,) * 3).save(path)
    return video


@pytest.mark.parametrize(
    ("length", "sampling", "sizes"),
    [(None, "consecutive", [7]), (3, "consecutive", [3, 3, 1]), (3, "interleaved", [3, 2, 2])],
)
def test_every_frame_gets_its_own_mask_and_every_clip_is_encoded_once(tmp_path, length, sampling, sizes):
    lit = [True, False, False, True, True, False, True]
    model = FakeModel()
    settings = replace(SETTINGS, clip_length=length, sampling=sampling)
    left, right = ClipSegmenter(model, settings, "cpu").predict(graded_video(tmp_path, lit), PROMPTS)
    assert left.masks[:, :, :32].all((1, 2)).tolist() == lit
    assert not left.masks[:, :, 32:].any()
    assert np.array_equal(right.masks, left.masks[:, :, ::-1])
    assert left.target_score == 0.25
    assert [call[1] for call in model.calls if call[0] == "encode"] == sizes
    assert [call for call in model.calls if call[0] == "postprocess"] == [("postprocess", len(sizes))] * 2


def test_a_prediction_is_yielded_before_the_next_prompt_is_answered(tmp_path):
    model = FakeModel()
    segmenter = ClipSegmenter(model, SETTINGS, "cpu")
    next(segmenter.predict(graded_video(tmp_path, [True, False]), PROMPTS))
    assert model.calls[-2:] == [("segment", "left"), ("postprocess", 1)]


def test_inference_mode_does_not_leak_to_the_caller(tmp_path):
    segmenter = ClipSegmenter(FakeModel(), SETTINGS, "cpu")
    for _ in segmenter.predict(graded_video(tmp_path, [True]), PROMPTS):
        assert not torch.is_inference_mode_enabled()


def test_the_network_is_where_its_parameters_are_counted(tmp_path):
    segmenter = ClipSegmenter(FakeModel(), SETTINGS, "cpu")
    assert [sum(p.numel() for p in value.parameters()) for value in vars(segmenter).values()
            if hasattr(value, "parameters")] == [9]  # fmt: skip


def test_no_prompts_no_predictions(tmp_path):
    assert not list(ClipSegmenter(FakeModel(), SETTINGS, "cpu").predict(
        graded_video(tmp_path, [True]), []))  # fmt: skip


def test_clips_cover_every_frame_once():
    assert consecutive(7, 3) == [range(0, 3), range(3, 6), range(6, 7)]
    assert consecutive(2, 36) == [range(0, 2)]
    # 79 frames, 30 a clip: two full thirties fit and 19 remain, so three passes.
    assert interleaved(79, 30) == [range(0, 79, 3), range(1, 79, 3), range(2, 79, 3)]
    assert interleaved(60, 30) == [range(0, 60, 2), range(1, 60, 2)]
    assert interleaved(29, 30) == [range(0, 29, 1)]
    for frames in range(1, 40):
        for cut in (consecutive, interleaved):
            clips = cut(frames, 4)
            assert sorted(index for clip in clips for index in clip) == list(range(frames))
            assert max(map(len, clips)) <= 4


def test_frames_are_resized_and_normalized(tmp_path):
    video = graded_video(tmp_path, [False, True])
    clip = read_clip(video, range(1, 2), (18, 32), torch.device("cpu"))
    assert clip.shape == (1, 3, 18, 32)
    white = (1 - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_STD)
    torch.testing.assert_close(clip[0, :, 5, 5], torch.from_numpy(white).float())
