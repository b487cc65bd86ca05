import dataclasses

import pytest
import torch

from baselines.lmpmpp.mini.config import MINI
from baselines.lmpmpp.mini.language_part import LanguagePart
from baselines.lmpmpp.mini.trajectory_encoder import TrackFeatures


@pytest.fixture(scope="module")
def part():
    torch.manual_seed(0)
    return LanguagePart(MINI).eval()


def tracks(videos=2, seed=0):
    g = torch.Generator().manual_seed(seed)
    k, s, c = MINI.trajectory.tracks, MINI.trajectory.time_steps, MINI.extractor.channels
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


def sentence_features(n, seed=1):
    return torch.randn(n, MINI.language.text_channels, generator=torch.Generator().manual_seed(seed))


@torch.inference_mode()
def test_outputs_follow_the_answer_template(part):
    video_index = torch.tensor([0, 1, 1, 0, 0])
    outputs = part(part.prefill_videos(tracks()), video_index, sentence_features(5))
    num_tracks = torch.tensor([4, 2, 2, 4, 4])
    assert (outputs.num_objects >= 0).all()
    assert (outputs.num_objects <= num_tracks).all()
    assert outputs.seg_states.shape[1] == max(1, int(outputs.num_objects.max()))
    weights = outputs.track_weights
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:2]))
    assert (weights[1:3, :, 2:] == 0).all(), "padding has no weight"


@torch.inference_mode()
def test_the_numeral_is_the_most_probable_one_that_is_allowed(part):
    outputs = part(part.prefill_videos(tracks(1)), torch.zeros(6, dtype=torch.long), sentence_features(6))
    numerals = torch.tensor(part.language.prompt.numerals)[:5]
    assert outputs.num_objects.tolist() == outputs.logits[:, 0][:, numerals].argmax(-1).tolist()


@torch.inference_mode()
def test_a_batch_equals_its_sentences_one_by_one(part):
    video_index, text = torch.tensor([0, 1, 0, 1]), sentence_features(4)
    together = part(part.prefill_videos(tracks()), video_index, text)
    for i in range(4):
        video = tracks().select(video_index[i : i + 1])
        alone = part(part.prefill_videos(video), torch.tensor([0]), text[i : i + 1])
        n = int(alone.num_objects[0])
        assert n == int(together.num_objects[i])
        torch.testing.assert_close(alone.track_weights[0, :n], together.track_weights[i, :n], rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_values_of_padded_tracks_have_no_influence(part):
    video, text = tracks(1), sentence_features(3)
    noisy = dataclasses.replace(
        video, boxes=torch.where(video.valid[..., None, None], video.boxes, torch.rand(video.boxes.shape) * 9)
    )
    video_index = torch.zeros(3, dtype=torch.long)
    a, b = (part(part.prefill_videos(v), video_index, text, torch.tensor([1, 2, 3])) for v in (video, noisy))
    torch.testing.assert_close(a.logits, b.logits, rtol=1e-4, atol=1e-5)


def test_shuffled_time_steps_keep_their_features_together():
    video = tracks(2)
    order = torch.stack([torch.randperm(16), torch.randperm(16)])
    shuffled = video.shuffled(order)
    for b in range(2):
        torch.testing.assert_close(shuffled.boxes[b], video.boxes[b][:, order[b]])
        torch.testing.assert_close(shuffled.camera[b], video.camera[b][order[b]])
        torch.testing.assert_close(shuffled.embeddings[b], video.embeddings[b][:, order[b]])
        torch.testing.assert_close(shuffled.present[b], video.present[b][:, order[b]])
