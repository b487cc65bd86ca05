"""Units, sentences and frames of training clips."""

from collections import Counter

import numpy as np
import pytest

from baselines.layers.inputs.truth_masks import target_mask
from baselines.layers.training.clip_sampling import ClipIndex, ClipSampler, mask_extents, read_clip
from mevis_bench.data.registry import open_dataset
from mevis_bench.records import DataError, UsageError
from mevis_bench.records.training import SamplePosition, TrainingStage
from mevis_bench.training.loader import micro_batches
from tests.fixtures.tiny_split import VIDEOS, write_tiny_split


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return open_dataset(write_tiny_split(tmp_path_factory.mktemp("data") / "train"), "train")


def unchanged(clip, rng):
    return clip


def every_second(length):
    return range(0, length, 2)


def index_of(split, sentences=None, no_target="empty", anchors=every_second, seed=0):
    return ClipIndex(split, seed, sentences, anchors, no_target=no_target)


@pytest.mark.parametrize("sentences", [1, 2, None])
@pytest.mark.parametrize("no_target", ["empty", "skip"])
def test_an_epoch_has_every_sentence_once_for_every_anchor(split, sentences, no_target):
    index = index_of(split, sentences, no_target)
    orders = []
    for epoch in range(3):
        drawn = [index.at(epoch * len(index) + place) for place in range(len(index))]
        assert all(1 <= len(expressions) <= (sentences or 9) for _, expressions in drawn)
        seen = Counter((unit.video_id, unit.anchor, one.id) for unit, expressions in drawn for one in expressions)
        expected = {
            (video, anchor, key)
            for video, entries in VIDEOS.items()
            for key, (_, ids) in entries.items()
            if ids or no_target == "empty"
            for anchor in (0, 2)
        }
        assert seen == Counter(expected)
        orders.append([(unit, [one.id for one in expressions]) for unit, expressions in drawn])
    assert orders[0] != orders[1] != orders[2]


def test_places_can_be_visited_in_any_order(split):
    index, other = index_of(split, 2), index_of(split, 2)
    forward = [index.at(place) for place in range(3 * len(index))]
    assert [other.at(place) for place in reversed(range(3 * len(index)))][::-1] == forward
    assert [index_of(split, 2, seed=1).at(place) for place in range(len(index))] != forward[: len(index)]


def test_a_clip_has_frames_objects_and_sentences(split):
    expressions = split.expressions("va")
    clip = read_clip(split, "va", (1, 3, 3), expressions)
    assert clip.images.shape == (3, 6, 8, 3)
    assert [int(image[0, 0, 0]) for image in clip.images] == [10, 30, 30]
    assert clip.object_ids == ("0", "1")
    assert [sentence.objects for sentence in clip.sentences] == [(0,), (0, 1), ()]
    assert clip.name == "va/0,1,2 (frames 1 3 3)"
    for truth, sentence in zip(split.ground_truths("va"), clip.sentences, strict=True):
        union = clip.masks[list(sentence.objects)].any(0)
        assert np.array_equal(union, np.stack([target_mask(truth, frame) for frame in clip.frames]) > 0)


def test_extents_of_masks():
    masks = np.zeros((3, 6, 8), np.uint8)
    masks[0, 1:4, 2:7] = 1
    masks[1, 5, 7] = 1
    assert mask_extents(masks).tolist() == [[2, 1, 6, 3], [7, 5, 7, 5], [8, 6, 0, 0]]
    assert mask_extents(masks[:2].max(0)).tolist() == [2, 1, 7, 5]
    union = mask_extents(masks)
    assert [*union[:, :2].min(0), *union[:, 2:].max(0)] == [2, 1, 7, 5]  # an absent object changes no union


def sampler_of(split, no_target="empty", choose=lambda length, anchor, rng: (anchor, int(rng.integers(length)))):
    return ClipSampler(index_of(split, 2, no_target), 2, choose, unchanged)


def test_workers_processes_and_a_later_start_see_the_same_clips(split):
    stage = TrainingStage("s", None, [], sampler_of(split), None, 6, batch_size=2, sample_name=lambda clip: clip.name)

    def names(first=0, rank=0, processes=1, workers=0):
        return [
            batch.names for batch in micro_batches(stage, 5, first, rank=rank, processes=processes, workers=workers)
        ]

    whole = names()
    assert names(first=4) == whole[4:]
    assert names(workers=2) == whole
    parts = zip(names(rank=0, processes=2), names(rank=1, processes=2), strict=True)
    assert [one + other for one, other in parts] == whole


def test_sentences_without_visible_objects_are_left_out_on_request(split):
    def keep_first(clip, rng):
        masks = clip.masks.copy()
        masks[1:] = 0
        return type(clip)(**{name: getattr(clip, name) for name in clip.__slots__} | {"masks": masks})

    index = index_of(split, None, "skip")
    sampler = ClipSampler(index, 1, lambda length, anchor, rng: (anchor,), keep_first)
    for step in range(len(index)):
        clip = sampler(np.random.default_rng(step), SamplePosition(step, 0))
        assert clip.sentences
        assert all(clip.masks[list(sentence.objects)].any() for sentence in clip.sentences)


def test_splits_without_a_usable_sentence_are_refused(split, tmp_path):
    def erase(clip, rng):
        return type(clip)(
            **{name: getattr(clip, name) for name in clip.__slots__} | {"masks": np.zeros_like(clip.masks)}
        )

    sampler = ClipSampler(index_of(split, 2, "skip"), 1, lambda length, anchor, rng: (anchor,), erase)
    with pytest.raises(DataError, match="none of 200 clips shows an object of its sentences"):
        sampler(np.random.default_rng(0), SamplePosition(0, 0))
    nobody = open_dataset(write_tiny_split(tmp_path / "train", {"va": {"0": ("none", [])}}), "train")
    with pytest.raises(UsageError, match="no sentence of the split has a target"):
        index_of(nobody, 1, "skip")
    with pytest.raises(UsageError, match="the split has no speech"):
        ClipIndex(split, 0, 1, every_second, no_target="empty", spoken=True)
