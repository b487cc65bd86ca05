from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from baselines.layers.inference.query_segmenter import (
    QuerySegmenter,
    SegmenterSettings,
    network_input,
    read_frames,
    union_masks,
)
from baselines.layers.options import QueryOptions
from mevis_bench.records import TextPrompt, Video

SETTINGS = SegmenterSettings(
    short=64, longest=200, mean=(10.0, 20.0, 30.0), std=(1.0, 2.0, 4.0), threshold=0.5, chunk=4, kept=100,
    precision="float32",
)  # fmt: skip


@dataclass
class FakeFeatures:
    queries: Tensor
    fine: Tensor


class FakeNetwork:
    """Brightness as the map, mean brightness of a frame as its query; the sentence is the trajectories' scores."""

    def __init__(self):
        self.stems = self.encoded = 0
        self.seen = None

    def stem(self, images):
        self.stems += len(images)
        return images[:, :1, ::4, ::4]

    def encode_frames(self, stem, sentence):
        self.encoded += len(stem)
        return FakeFeatures(stem.mean((2, 3)), stem)

    def encode_clip(self, frame_queries, sentence):
        self.seen = frame_queries
        scores = torch.tensor(sentence)
        logits = torch.stack((scores.logit(), torch.zeros(len(scores))), dim=-1)
        return logits, torch.tensor([[1.0], [-1.0]])[: len(scores)]

    def mask_features(self, fine):
        return fine


def segmenter(scores, **changes):
    return QuerySegmenter(FakeNetwork(), lambda prompt: scores[prompt.id], replace(SETTINGS, **changes), "cpu")


@pytest.fixture
def video(tmp_path):
    """Ten frames, 90x150, a bright column that walks to the right."""
    paths = []
    for index in range(10):
        pixels = np.zeros((90, 150, 3), np.uint8)
        pixels[:, 12 * index : 12 * index + 24] = 200
        paths.append(tmp_path / f"{index:05}.png")
        Image.fromarray(pixels).save(paths[-1])
    return Video("v", tuple(path.stem for path in paths), tuple(paths), 90, 150)


def test_kept_trajectories_are_joined(video):
    prompts = [TextPrompt(name, "") for name in ("first", "second", "both", "none", "equal")]
    scores = {"first": [0.9, 0.2], "second": [0.1, 0.8], "both": [0.9, 0.9], "none": [0.4, 0.3], "equal": [0.5, 0.5]}
    first, second, both, none, equal = segmenter(scores).predict(video, prompts)
    assert first.masks.shape == (10, 90, 150)
    assert first.masks.dtype == bool
    assert first.masks[3, :, 40:54].all()
    assert not first.masks[3, :, 80:].any()
    assert np.array_equal(second.masks, ~first.masks)
    assert both.masks.all()
    assert not none.masks.any()
    assert not equal.masks.any(), "a score must exceed the threshold"
    assert none.target_score == pytest.approx(0.4)


def test_frames_are_encoded_once_whatever_the_number_of_prompts(video):
    method = segmenter({"a": [0.9]})
    list(method.predict(video, [TextPrompt("a", "")] * 3))
    assert method.network.stems == 10
    assert method.network.encoded == 30
    assert len(method.network.seen) == 10


@pytest.mark.parametrize("chunk", [1, 3, 10, 50])
@pytest.mark.parametrize("kept", [0, 5, 50])
def test_chunks_and_memory_do_not_change_the_masks(video, chunk, kept):
    prompt = TextPrompt("a", "")
    expected = next(segmenter({"a": [0.9]}).predict(video, [prompt]))
    method = segmenter({"a": [0.9]}, chunk=chunk, kept=kept)
    got = next(method.predict(video, [prompt]))
    assert np.array_equal(got.masks, expected.masks)
    held = sum(min(chunk, 10 - start) for start in range(0, 10, chunk) if min(start + chunk, 10) <= kept)
    assert method.network.encoded == 20 - held


def test_frames_of_no_target_are_not_drawn(video):
    method = segmenter({"a": [0.1]}, kept=0)
    list(method.predict(video, [TextPrompt("a", "")]))
    assert method.network.encoded == 10


def test_less_memory_gives_the_same_masks(video):
    method = segmenter({"a": [0.9]})
    before = next(method.predict(video, [TextPrompt("a", "")]))
    assert method.reduce_memory()
    assert (method.settings.chunk, method.settings.kept) == (2, 50)
    after = next(method.predict(video, [TextPrompt("a", "")]))
    assert np.array_equal(before.masks, after.masks)
    assert method.reduce_memory()
    assert not method.reduce_memory()


def test_frames_are_resized_by_the_shortest_edge(video):
    frames = read_frames(video, SETTINGS)
    assert frames.shape == (10, 3, 64, 107)  # 106.67 rounds up
    assert frames.dtype == np.uint8


def test_padding_is_zero_after_normalizing():
    frames = torch.full((2, 3, 33, 64), 50, dtype=torch.uint8)
    images = network_input(frames, SETTINGS)
    assert images.shape == (2, 3, 64, 64)
    assert images[0, :, 0, 0].tolist() == [40.0, 15.0, 5.0]
    assert images[:, :, 33:].eq(0).all()


def test_masks_are_cropped_before_they_are_scaled():
    features = torch.full((1, 1, 16, 16), -1.0)
    features[..., 10:, :] = 1.0  # rows 40 and below: padding of an input with 40 rows
    masks = union_masks(features, torch.ones(1, 1), (40, 64), (80, 128))
    assert masks.shape == (1, 80, 128)
    assert not masks[:, :78].any()


def test_options_become_settings():
    options = QueryOptions(size="base", short=448, longest=1333, threshold=0.8, chunk=18, kept=72, precision="float32")
    settings = SegmenterSettings.from_options(options, (1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    assert settings == SegmenterSettings(448, 1333, (1.0, 2.0, 3.0), (4.0, 5.0, 6.0), 0.8, 18, 72, "float32")
