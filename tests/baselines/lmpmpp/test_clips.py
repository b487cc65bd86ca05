"""Training clips: what they span, and that mirroring changes frames, masks and words together."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from baselines.layers.inputs.mirror import mirror
from baselines.lmpmpp.clips import draw_clip
from baselines.lmpmpp.config import TINY
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic import make_mini

DRAW = {"config": TINY.extractor, "frames": 5, "short_sides": [36], "max_objects": 9}


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return open_dataset(make_mini("train", 2, 3, tmp_path_factory.mktemp("data")).parent, "train")


def test_a_clip_spans_its_video_and_has_the_masks_of_its_targets(split):
    target_counts = set()
    for seed in range(12):
        clip = draw_clip(split, "00001", np.random.default_rng(seed), speech=0.5, **DRAW)
        assert clip.frames.shape == (5, 3, 36, 64)
        ground_truths = {mirror(t.expression.text): t for t in split.ground_truths("00001")}
        ground_truths |= {t.expression.text: t for t in split.ground_truths("00001")}
        ground_truth = ground_truths[clip.prompt]
        assert clip.masks.shape == (len(ground_truth.objects), 5, 36, 64)
        assert clip.masks.ge(0).all()
        assert clip.masks.le(1).all()
        target_counts.add(min(2, len(ground_truth.objects)))
    assert target_counts == {0, 1, 2}


class ForcedMirroring:
    """A generator whose second ``random()``, which decides on mirroring, is replaced."""

    def __init__(self, seed, mirrored):
        self.rng, self.draws, self.mirrored = np.random.default_rng(seed), 0, mirrored

    def random(self):
        self.draws += 1
        value = self.rng.random()
        return (0.0 if self.mirrored else 1.0) if self.draws == 2 else value

    def integers(self, *args):
        return self.rng.integers(*args)

    def uniform(self, *args):
        return self.rng.uniform(*args)


@pytest.mark.parametrize("seed", range(6))
def test_mirroring_flips_frames_and_masks_and_exchanges_left_and_right(split, seed):
    plain, mirrored = (draw_clip(split, "00001", ForcedMirroring(seed, m), speech=0, **DRAW) for m in (False, True))
    assert torch.equal(mirrored.frames, plain.frames.flip(-1))
    assert torch.equal(mirrored.masks, plain.masks.flip(-1))
    assert mirrored.prompt == mirror(plain.prompt)
    assert not torch.equal(plain.frames, plain.frames.flip(-1))


def test_some_mirrored_sentence_and_mask_differ(split):
    """The test above compares clips that mirroring changes."""
    clips = [draw_clip(split, "00001", ForcedMirroring(seed, False), speech=0, **DRAW) for seed in range(6)]
    assert any(not torch.equal(clip.masks, clip.masks.flip(-1)) for clip in clips)
    texts = [t.expression.text for video in split.video_ids for t in split.ground_truths(video)]
    assert any(mirror(text) != text for text in texts)


def test_half_of_the_text_clips_are_mirrored(split):
    texts = {t.expression.text for t in split.ground_truths("00001")}
    drawn = [draw_clip(split, "00001", np.random.default_rng(seed), speech=0, **DRAW) for seed in range(40)]
    changed = [clip for clip in drawn if clip.prompt not in texts]
    assert changed
    assert all(mirror(clip.prompt) in texts for clip in changed)
    assert mirror("the leftmost one, left of the right-hand thing, is bright") == (
        "the rightmost one, right of the left-hand thing, is bright"
    )


def test_a_clip_with_speech_is_never_mirrored(split, tmp_path):
    spoken = SimpleNamespace(
        ground_truths=split.ground_truths, video=split.video, audio=lambda video, expression: tmp_path / "a.wav"
    )
    clip = draw_clip(spoken, "00001", ForcedMirroring(0, True), speech=1.0, **DRAW)
    plain = draw_clip(split, "00001", ForcedMirroring(0, False), speech=1.0, **DRAW)
    assert clip.prompt == tmp_path / "a.wav"
    assert torch.equal(clip.frames, plain.frames)
