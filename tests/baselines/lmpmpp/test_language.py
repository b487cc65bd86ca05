import dataclasses

import pytest
import torch

from baselines.lmpmpp.mini.config import MINI
from baselines.lmpmpp.mini.language_part import LanguagePart
from baselines.lmpmpp.mini.trajectory_encoder import TrackFeatures


@pytest.fixture(scope="module")
def part():
    torch.manual_seed(0)
    return LanguagePart(MINI.extractor, MINI.language, MINI.trajectory).eval()


def tracks(videos=2, seed=0):
    g = torch.Generator().manual_seed(seed)
    k, s, c = MINI.trajectory.tracks, MINI.trajectory.steps, MINI.extractor.channels
    valid = torch.zeros(videos, k, dtype=torch.bool)
    valid[:, :4] = True
    if videos > 1:
        valid[1, 2:] = False
    return TrackFeatures(
        torch.ones(videos, k, s),
        torch.rand(videos, k, s, 4, generator=g),
        torch.zeros(videos, s, 2),
        torch.randn(videos, k, s, c, generator=g),
        valid,
    )


def features(n, seed=1):
    return torch.randn(n, MINI.language.text_channels, generator=torch.Generator().manual_seed(seed))


@torch.inference_mode()
def test_the_answer_follows_the_template(part):
    rows = torch.tensor([0, 1, 1, 0, 0])
    said = part.answer(part.read_videos(tracks()), rows, features(5))
    most = torch.tensor([4, 2, 2, 4, 4])
    assert (said.counts >= 0).all()
    assert (said.counts <= most).all(), "no more <SEG> than there are objects"
    assert said.seg.shape[1] == max(1, int(said.counts.max()))
    torch.testing.assert_close(said.shares.sum(-1), torch.ones(said.shares.shape[:2]))
    assert (said.shares[1:3, :, 2:] == 0).all(), "a <SEG> means no track that is not there"


@torch.inference_mode()
def test_the_numeral_is_the_likeliest_allowed_token(part):
    said = part.answer(part.read_videos(tracks(1)), torch.zeros(6, dtype=torch.long), features(6))
    numerals = torch.tensor(part.language.prompt.numerals)[:5]
    assert said.counts.tolist() == said.logits[:, 0][:, numerals].argmax(-1).tolist()


@torch.inference_mode()
def test_one_at_a_time_gives_the_same(part):
    rows, text = torch.tensor([0, 1, 0, 1]), features(4)
    together = part.answer(part.read_videos(tracks()), rows, text)
    for i in range(4):
        video = tracks().of(rows[i : i + 1])
        alone = part.answer(part.read_videos(video), torch.tensor([0]), text[i : i + 1])
        n = int(alone.counts[0])
        assert n == int(together.counts[i])
        torch.testing.assert_close(alone.shares[0, :n], together.shares[i, :n], rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_a_longer_prefix_of_absent_tracks_changes_nothing(part):
    """Tracks that are not there leave no trace, whatever their numbers are."""
    video, text = tracks(1), features(3)
    noisy = dataclasses.replace(
        video, boxes=torch.where(video.valid[..., None, None], video.boxes, torch.rand(video.boxes.shape) * 9)
    )
    rows = torch.zeros(3, dtype=torch.long)
    a, b = (part.answer(part.read_videos(v), rows, text, torch.tensor([1, 2, 3])) for v in (video, noisy))
    torch.testing.assert_close(a.logits, b.logits, rtol=1e-4, atol=1e-5)


def test_shuffling_moments_keeps_them_together():
    video = tracks(2)
    order = torch.stack([torch.randperm(16), torch.randperm(16)])
    mixed = video.shuffled(order)
    for b in range(2):
        torch.testing.assert_close(mixed.boxes[b], video.boxes[b][:, order[b]])
        torch.testing.assert_close(mixed.camera[b], video.camera[b][order[b]])
        torch.testing.assert_close(mixed.embeddings[b], video.embeddings[b][:, order[b]])
        torch.testing.assert_close(mixed.present[b], video.present[b][:, order[b]])
