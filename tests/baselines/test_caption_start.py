"""Captioners on the common start: targets as tokens of the tracks that they overlap with."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pycocotools import mask as coco

from baselines.lmpmpp.mini.caption_start import (
    OBJECTS,
    TOKEN_CHANNELS,
    EncodedTracks,
    TrackCaptioner,
    best_track,
    encode_tracks,
    target_tokens,
)
from baselines.lmpmpp.mini.common_start import SHIPPED, CommonStart
from mevis_bench.data.registry import open_dataset
from mevis_bench.records import Rle, TargetMasks, TextPrompt
from tests.baselines.overfit import Case

SIZE = (8, 16)


def rectangle(left, right, size=SIZE):
    mask = np.zeros(size, bool)
    mask[:, left:right] = True
    return mask


def tracks():
    """Two tracks of two frames at half resolution: the left quarter, and the right half in the second frame only."""
    masks = torch.zeros(2, 2, 4, 8, dtype=torch.bool)
    masks[0, :, :, :2] = True
    masks[1, 1, :, 4:] = True
    whole = torch.stack([torch.full((128,), 1.0), torch.full((128,), 2.0)])
    windows = torch.arange(8.0).view(2, 4, 1).expand(-1, -1, 128)
    return EncodedTracks(masks, whole, windows)


def rle(mask):
    return Rle(*mask.shape, coco.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (rectangle(0, 4), rectangle(0, 4), 0),
        (None, rectangle(8, 16), 1),
        (rectangle(0, 16), rectangle(0, 16), 0),
        (rectangle(5, 7), rectangle(5, 7), None),
        (None, None, None),
    ],
)
def test_a_target_is_the_track_that_it_overlaps_with_most(first, second, expected):
    masks = [None if mask is None else rle(mask) for mask in (first, second)]
    assert best_track(tracks().masks, masks) == expected


def test_a_video_without_tracks_has_no_targets():
    assert best_track(torch.zeros(0, 2, 4, 8, dtype=torch.bool), [rle(rectangle(0, 4))] * 2) is None


def test_tokens_are_the_trajectory_and_its_part():
    right, unseen, left = (None, rle(rectangle(8, 16))), (rle(rectangle(5, 7)),) * 2, (rle(rectangle(0, 4)),) * 2
    tokens = target_tokens(tracks(), TargetMasks("0", (right, unseen, left)), 6)
    assert tokens.shape == (6, OBJECTS, TOKEN_CHANNELS)
    assert tokens[:, 0, 0].tolist() == [2.0] * 6
    assert tokens[:, 0, 128].tolist() == [4.0, 4.0, 5.0, 6.0, 6.0, 7.0]
    assert not tokens[:, 1].any()
    assert tokens[:, 2, 128].tolist() == [0.0, 0.0, 1.0, 2.0, 2.0, 3.0]
    assert not tokens[:, 3].any()


def test_more_targets_than_a_captioner_sees_are_left_out():
    left = (rle(rectangle(0, 4)),) * 2
    tokens = target_tokens(tracks(), TargetMasks("0", (left,) * (OBJECTS + 1)), 2)
    assert torch.equal(tokens[:, 0], tokens[:, OBJECTS - 1])


def test_tracks_are_those_of_the_common_start():
    start, split = CommonStart.load(SHIPPED), open_dataset(None, "valid_u")
    video = split.video(split.video_ids[0])
    encoded = encode_tracks(start, video, "cpu")
    pixels = torch.from_numpy(np.stack([video.frame(index) for index in range(len(video))]))
    expected = start.encode_video([pixels]).aligned
    torch.testing.assert_close(encoded.whole, expected[: len(encoded.whole)], rtol=1e-3, atol=1e-3)
    assert encoded.masks.shape[:2] == (len(encoded.whole), len(video))
    truth = next(truth for truth in split.ground_truths(split.video_ids[0]) if truth.objects)
    assert best_track(encoded.masks, truth.objects[0]) is not None


def test_a_prompt_of_text_is_refused():
    split = open_dataset(None, "valid_u")
    captioner = SimpleNamespace(network=torch.nn.Linear(1, 1), describe=lambda tokens: "")
    method = TrackCaptioner("GIT", captioner, CommonStart.load(SHIPPED), 6, "cpu")
    with pytest.raises(TypeError, match="GIT requires target masks, got TextPrompt"):
        list(method.predict(split.video(split.video_ids[0]), [TextPrompt("0", "a bird")]))


@pytest.mark.parametrize(
    ("method", "pattern", "vocabulary"),
    [
        ("git", "git-mini/*.safetensors", "tokenizer.json"),
        ("vast", "*.safetensors", "vast_mini_tokenizer.json"),
        ("cen", "*.safetensors", "cen_mini_tokenizer.json"),
    ],
)
def test_captioners_learn_captions_of_two_clips(method, pattern, vocabulary, tmp_path):
    settings = ("steps=30", "batch_size=4", "sentences=2", "warm_up=5", "lr=3e-3")
    weights = Case(method, settings, {}, pattern=pattern).train(tmp_path / "out")
    (curve,) = (tmp_path / "out" / "curves").glob("*.json")
    losses = [point["loss"] for point in json.loads(curve.read_text())["losses"]]
    assert sum(losses[-3:]) < 0.5 * sum(losses[:3]), losses
    assert weights.with_name(vocabulary).is_file()
