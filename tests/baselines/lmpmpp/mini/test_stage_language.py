"""Stages 5 and 6 on hand-made videos: matching, the terms of equation 2, P and N of equation 1, disrupted tokens."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from baselines.layers.training.mask_losses import mask_bce, mask_dice
from baselines.lmpmpp.mini.language_part import MiniOutput
from baselines.lmpmpp.mini.training import stage_language
from baselines.lmpmpp.mini.training.stage_language import (
    MatchedSegTokens,
    contrastive_loss_within_video,
    language_losses,
    match_seg_tokens,
    path_lengths,
    predict_split,
    shuffled_seg_tokens,
    text_loss,
)
from baselines.lmpmpp.prompt import PromptTokens
from tests.baselines.lmpmpp.mini.hand_made import (
    SENTENCE_OBJECTS,
    SURE,
    outputs,
    prompted_batch,
    track_cache,
    track_features,
)

NUM_OBJECTS = [1, 1, 2, 0]
TRACK_OF_OBJECT = {0: 1, 1: 0}
CORRECT = [[1], [0], [1, 0], []]


@pytest.mark.parametrize("both", [[1, 0], [0, 1]])
def test_seg_tokens_are_matched_to_their_objects_in_any_order(both):
    matched, logits, targets = match_seg_tokens(
        outputs([[1], [0], both, []], NUM_OBJECTS), track_cache(), prompted_batch().indices
    )
    object_of_track = {track: object_id for object_id, track in TRACK_OF_OBJECT.items()}
    assert matched.sentence.tolist() == [0, 1, 2, 2]
    assert matched.position.tolist() == [0, 0, 0, 1]
    assert matched.object_id.tolist() == [0, 1, *(object_of_track[track] for track in both)]
    assert mask_bce(logits, targets).tolist() == pytest.approx([0] * 4, abs=1e-5)
    assert mask_dice(logits, targets).tolist() == pytest.approx([0] * 4, abs=1e-5)
    assert torch.equal(targets.bool(), logits > 0)


def test_a_wrong_track_costs_its_points():
    """Two of four points of object 0 are missed and the false detection's point is added."""
    _, logits, targets = match_seg_tokens(
        outputs([[2], [0], [1, 0], []], NUM_OBJECTS), track_cache(), prompted_batch().indices
    )
    assert mask_bce(logits, targets)[0].item() == pytest.approx(3 / 4 * SURE)
    assert mask_dice(logits, targets)[0].item() == pytest.approx(1 - 1 / (1 + 2 + 1))


def answer_logits(prompt, num_objects, length):
    """Logits that are certain of the right answer, and random after its end."""
    vocabulary = prompt.seg + 1
    logits = torch.randn(len(num_objects), length, vocabulary, generator=torch.Generator().manual_seed(1))
    for row, count in enumerate(num_objects):
        for position, token in enumerate([prompt.numerals[count], *[prompt.seg] * count, prompt.end]):
            logits[row, position] = 0
            logits[row, position, token] = SURE
    return logits


def test_text_loss_equals_a_loop_over_the_tokens_of_each_answer():
    prompt = PromptTokens.from_words(9)
    logits = torch.randn(4, 4, prompt.seg + 1, generator=torch.Generator().manual_seed(2))
    losses = []
    for row, count in enumerate(NUM_OBJECTS):
        for position, token in enumerate([prompt.numerals[count], *[prompt.seg] * count, prompt.end]):
            losses.append(F.cross_entropy(logits[row, position][None], torch.tensor([token])).item())
    assert text_loss(outputs(CORRECT, NUM_OBJECTS, logits), prompt).item() == pytest.approx(np.mean(losses), rel=1e-5)


def test_the_right_answer_costs_nothing_whatever_follows_its_end():
    prompt = PromptTokens.from_words(9)
    logits = answer_logits(prompt, NUM_OBJECTS, 4)
    assert text_loss(outputs(CORRECT, NUM_OBJECTS, logits), prompt).item() == pytest.approx(0, abs=1e-5)
    for row, position in ((0, 0), (2, 1), (2, 3), (3, 1)):  # a numeral, a <SEG>, two ends
        wrong = logits.clone()
        wrong[row, position] = 0
        wrong[row, position, prompt.instruction[1]] = SURE
        assert text_loss(outputs(CORRECT, NUM_OBJECTS, wrong), prompt).item() == pytest.approx(SURE / 12, rel=1e-3)


def fake_part(forward=None):
    """A language part whose projection of equation 1 is the identity."""
    language = SimpleNamespace(config=SimpleNamespace(max_objects=9), prompt=PromptTokens.from_words(9))

    class FakePart:
        contrast = staticmethod(lambda states: states)

        def __init__(self):
            self.language, self.prefilled = language, []

        def prefill_videos(self, tracks, modality):
            self.prefilled.append(tracks)
            return SimpleNamespace(valid=tracks.valid, track_embeddings=tracks.boxes[:, :, 0], modality=modality)

        def __call__(self, videos, video_index, sentences, num_objects=None):
            return forward(videos, video_index, sentences, num_objects)

    return FakePart()


def test_positives_are_own_tokens_and_negatives_other_objects_of_the_video_and_own_shuffles(monkeypatch):
    """Two copies of the video, sentences 0 to 3 and 4 to 7. Matched tokens: one of each target of each sentence."""
    recorded = {}

    def record(anchors, tokens, positives, negatives, temperature):
        recorded.update(positives=positives, negatives=negatives, tokens=tokens, temperature=temperature)
        return torch.zeros(())

    monkeypatch.setattr(stage_language, "temporal_contrastive_loss", record)
    pairs = [(row, object_id) for row, ids in enumerate(SENTENCE_OBJECTS * 2) for object_id in ids]
    matched = MatchedSegTokens(
        torch.tensor([row for row, _ in pairs]), torch.zeros(8, dtype=torch.long), torch.tensor([o for _, o in pairs])
    )
    states, disrupted = torch.randn(8, 6), torch.randn(2, 6)
    contrastive_loss_within_video(
        fake_part(), states, matched, track_cache(2), prompted_batch(2), (disrupted, torch.tensor([0, 2])), 0.3
    )
    assert torch.equal(recorded["tokens"], torch.cat((states, disrupted)))
    assert recorded["temperature"] == 0.3
    # Columns: token of sentence 0 (object 0), 1 (object 1), 2 (0), 2 (1); the same of video 1; shuffles of 0 and 2.
    x = True
    o = False
    assert recorded["positives"].tolist() == [
        [x, o, o, o, o, o, o, o, o, o],
        [o, x, o, o, o, o, o, o, o, o],
        [o, o, x, x, o, o, o, o, o, o],
        [o, o, o, o, o, o, o, o, o, o],
        [o, o, o, o, x, o, o, o, o, o],
        [o, o, o, o, o, x, o, o, o, o],
        [o, o, o, o, o, o, x, x, o, o],
        [o, o, o, o, o, o, o, o, o, o],
    ]
    assert recorded["negatives"].tolist() == [
        [o, x, o, x, o, o, o, o, x, o],
        [x, o, x, o, o, o, o, o, o, o],
        [o, o, o, o, o, o, o, o, o, x],
        [x, x, x, x, o, o, o, o, o, o],
        [o, o, o, o, o, x, o, x, o, o],
        [o, o, o, o, x, o, x, o, o, o],
        [o, o, o, o, o, o, o, o, o, o],
        [o, o, o, o, x, x, x, x, o, o],
    ]


def test_disrupted_tokens_are_of_shuffled_tracks_and_only_of_objects_that_move():
    """Object 0 moves (track 1), object 1 is still (track 0); only the first of two videos is shuffled."""

    def forward(videos, video_index, sentences, num_objects):
        states = torch.arange(len(sentences) * 2.0).view(-1, 2, 1)
        return MiniOutput(None, num_objects, states, None)

    part, batch, cache = fake_part(forward), prompted_batch(2), track_cache(2)
    matched, _, _ = match_seg_tokens(outputs(CORRECT * 2, NUM_OBJECTS * 2), cache, batch.indices)
    states, sentences = shuffled_seg_tokens(part, matched, cache, batch, np.random.default_rng(0), 1)
    assert sentences.tolist() == [0, 2], "sentence 1 refers to the still object"
    assert states[:, 0].tolist() == [0.0, 4.0], "<SEG> 0 of sentence 0 and of sentence 2"
    (shuffled,) = part.prefilled
    assert shuffled.boxes.shape[0] == 1
    x = shuffled.boxes[0, 1, :, 0].tolist()
    assert sorted(x) == pytest.approx([0.1, 0.3, 0.5, 0.7])
    assert x != pytest.approx([0.1, 0.3, 0.5, 0.7])


def test_path_lengths_are_measured_in_the_scene():
    tracks = track_features()
    tracks.camera[:, :, 0] = torch.tensor([0.0, 0.1, 0.2, 0.3])
    assert path_lengths(tracks)[0].tolist() == pytest.approx([0.3, 0.9, 0.3], abs=1e-5)


def test_language_losses_are_the_weighted_sum_with_means_over_masks():
    """Row 1 picks the false detection: its BCE and Dice are averaged over the four masks of the batch."""
    prompt = PromptTokens.from_words(9)

    def forward(videos, video_index, sentences, num_objects):
        assert num_objects.tolist() == NUM_OBJECTS, "teacher forcing"
        return outputs([[1], [2], [1, 0], []], NUM_OBJECTS, answer_logits(prompt, NUM_OBJECTS, 4), torch.randn(4, 2, 4))

    batch = prompted_batch(channels=4)
    losses = language_losses(
        fake_part(forward),
        track_cache(),
        batch,
        np.random.default_rng(0),
        contrastive=["trajectories", "seg_tokens"],
        temperature=0.07,
        shuffled_videos=1,
    )
    assert losses["bce"].item() == pytest.approx(2 / 4 * SURE / 4)
    assert losses["dice"].item() == pytest.approx((1 - 1 / 3) / 4)
    weights = {"txt": 1.0, "bce": 2.0, "dice": 0.5, "con": 0.3, "con_trajectories": 0.3}
    assert losses.keys() == {"loss", *weights}
    assert losses["con"] > 0
    assert losses["con_trajectories"] > 0
    expected = sum(weight * losses[name].item() for name, weight in weights.items())
    assert losses["loss"].item() == pytest.approx(expected, rel=1e-5)


def test_predicted_tracks_of_a_split_do_not_depend_on_the_chunk_size():
    def forward(videos, video_index, sentences, num_objects):
        counts = [NUM_OBJECTS[int(value)] for value in sentences[:, 0]]
        return outputs([CORRECT[int(value)] for value in sentences[:, 0]], counts)

    cache = track_cache(3)
    sentences = torch.arange(4.0).repeat(3)[:, None]
    expected = torch.tensor([[False, True, False], [True, False, False], [True, True, False], [False] * 3]).repeat(3, 1)
    for chunk in (1, 2, 64):
        assert torch.equal(predict_split(fake_part(forward), cache, sentences, chunk=chunk), expected)
