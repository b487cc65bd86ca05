"""LMPM's similarity loss, of frames and on cached tracks, against loops over all pairs of its pools."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from baselines.layers.training.set_criterion import NO_OBJECT, OBJECT, SetOutputs
from baselines.layers.training.trajectory_criterion import TrajectoryConfig
from baselines.layers.training.trajectory_outputs import TrajectoryOutputs
from baselines.layers.training.trajectory_targets import TrajectoryTargets
from baselines.lmpm.losses import compute_losses, total_loss
from baselines.lmpm.track_train import clip_losses
from baselines.lmpmpp.mini.common_start import TrackedVideo
from baselines.lmpmpp.mini.training.track_training import PromptedClip
from baselines.lmpmpp.mini.training.tracked_cache import TrackedClip
from mevis_bench.records import TextPrompt

SURE = 20.0
CONFIG = TrajectoryConfig(train_num_points=64)
LAYERS, FRAMES, CHANNELS = 3, 2, 4


def slow_similarity(pools):
    """Mean cross-entropy of "same object" over the ordered pairs of (embedding, object) in each pool."""
    costs = []
    for pool in pools:
        for first, number in pool:
            for second, other in pool:
                product = sum(a * b for a, b in zip(first.tolist(), second.tolist(), strict=True))
                costs.append(math.log1p(math.exp(-product if number == other else product)))
    return sum(costs) / len(costs)


SHOWN = ({0: (0, 1), 7: (1,)}, {0: (0,)})
"""By clip the frames that show each object; the objects' numbers are 0 and 7."""


def targets():
    """Masks of ``SHOWN``: the object with number 0 is the left half, the other one the right half."""
    made = []
    for clip in SHOWN:
        masks = torch.zeros(len(clip), FRAMES, 8, 8)
        for row, (number, frames) in enumerate(clip.items()):
            masks[row, list(frames), :, 4 * (number > 0) : 4 + 4 * (number > 0)] = 1
        made.append(TrajectoryTargets.from_objects(masks, torch.tensor([3 + number for number in clip])))
    return made


def predict(groups, queries, masks):
    """Predictions whose query ``groups[g][n]`` is sure of the n-th of the masks ``(n, t, 8, 8)`` of group g."""
    outputs = SetOutputs(
        torch.zeros(len(groups), queries, 2), torch.full((len(groups), queries, *masks[0].shape[1:]), -SURE)
    )
    outputs.logits[..., NO_OBJECT] = SURE
    for group, chosen in enumerate(groups):
        for query, mask in zip(chosen, masks[group], strict=True):
            outputs.logits[group, query] = torch.eye(2)[OBJECT] * SURE
            outputs.masks[group, query] = SURE * (2 * mask - 1)
    return outputs


def frame_query(layer, clip, frame, place):
    return (layer + clip + 2 * frame + place) % 5


def clip_query(layer, clip, place):
    return (layer + 2 * clip + place) % 3


def matched_outputs():
    """Outputs in which every layer matches other queries, and the pools that result."""
    torch.manual_seed(0)
    made = targets()
    shown = [[[number for number in clip if frame in clip[number]] for frame in range(FRAMES)] for clip in SHOWN]
    frame_masks = [made[c].masks[made[c].in_frame(f), f, None] for c in range(2) for f in range(FRAMES)]
    outputs = TrajectoryOutputs(
        # The start state comes before the layers whose queries the clip decoder sees.
        frame=[
            predict(
                [
                    [frame_query(layer, c, f, n) for n in range(len(shown[c][f]))]
                    for c in range(2)
                    for f in range(FRAMES)
                ],
                5,
                frame_masks,
            )
            for layer in range(-1, LAYERS)
        ],
        clip=[
            predict(
                [
                    [clip_query(layer + shift, c, n) for n in range(len(SHOWN[c]))]
                    for layer in range(LAYERS)
                    for c in range(2)
                ],
                3,
                [made[c].masks for _ in range(LAYERS) for c in range(2)],
            )
            for shift in (1, 0)
        ],
        frame_embeddings=torch.randn(LAYERS, 2, FRAMES, 5, CHANNELS),
        clip_embeddings=torch.randn(LAYERS, 2, 3, CHANNELS),
    )
    pools = []
    for layer in range(LAYERS):
        for c, clip in enumerate(SHOWN):
            pool = [
                (outputs.clip_embeddings[layer, c, clip_query(layer, c, n)], number) for n, number in enumerate(clip)
            ]
            for f in range(FRAMES):
                for n, number in enumerate(shown[c][f]):
                    pool.append((outputs.frame_embeddings[layer, c, f, frame_query(layer, c, f, n)], number))
            pools.append(pool)
    return outputs, pools


def grid(rows, points, device):
    """Fake point sampler: one regular grid for all."""
    step = torch.arange(points, device=device) + 0.5
    return torch.stack((step / points, (step * 0.618).frac()), dim=-1).expand(rows, -1, -1)


def test_the_loss_is_the_mean_over_the_pairs_of_matched_embeddings():
    outputs, pools = matched_outputs()
    assert [len(pool) for pool in pools] == [5, 2] * LAYERS
    losses = compute_losses(outputs, targets(), CONFIG, grid)
    assert losses["loss_clip_sim"].item() == pytest.approx(slow_similarity(pools), rel=1e-5)


def test_the_loss_is_part_of_the_total_with_its_weight():
    outputs, pools = matched_outputs()
    losses = compute_losses(outputs, targets(), CONFIG, grid)
    totals = {weight: total_loss(losses, replace(CONFIG, sim_weight=weight)).item() for weight in (0.0, 1.0, 3.0)}
    similarity = slow_similarity(pools)
    assert totals[1.0] - totals[0.0] == pytest.approx(similarity, rel=1e-4)
    assert totals[3.0] - totals[0.0] == pytest.approx(3 * similarity, rel=1e-4)
    assert total_loss(losses, CONFIG).item() == totals[1.0]


class FakeNetwork:
    """Network whose answers are given; it projects embeddings of frames by 2, of the clip by 3."""

    vita_module = SimpleNamespace(sim_embed_frame=lambda tokens: 2 * tokens, sim_embed_clip=lambda queries: 3 * queries)

    def __init__(self, tokens, queries, order):
        self.tokens, self.queries, self.order = tokens, queries, order

    def read(self, start, prompts):
        return torch.zeros(len(prompts), 1)

    def encode(self, video, read):
        return self.tokens, None

    def mask_features(self, fine):
        return fine

    def layers(self, encoded, sentence):
        """One layer; query ``order[s][n]`` is sure of object n, the last channel of maps is 1 everywhere."""
        logits, masks = torch.zeros(len(self.order), 3, 2), torch.zeros(len(self.order), 3, 3)
        logits[..., NO_OBJECT] = SURE
        masks[..., 2] = -SURE
        for row, chosen in enumerate(self.order):
            for number, query in chosen.items():
                logits[row, query] = torch.eye(2)[OBJECT] * SURE
                masks[row, query, number] = 2 * SURE
        yield self.queries, logits, masks


def test_on_tracks_a_sentence_pools_its_queries_and_the_tokens_of_its_objects():
    torch.manual_seed(1)
    labels = torch.tensor([[[1, 2, 0]], [[1, 2, 0]]], dtype=torch.uint8)
    fine = torch.stack((labels == 1, labels == 2, torch.ones_like(labels)), 1).float()  # (t, c, h, w)
    present = torch.tensor([[1, 1, 1, 1], [0, 1, 0, 1]], dtype=torch.bool)  # (t, k)
    video = TrackedVideo(present[..., None].float().expand(-1, -1, CHANNELS), fine, torch.zeros(4, 1))
    # Tracks 0 and 3 follow object 1, track 1 object 0, and track 2 none.
    clip = TrackedClip("v", video, labels, torch.tensor([2, 1, 0, 2], dtype=torch.uint8), ())
    referred, order = ((1,), (0, 1), ()), ({1: 2}, {0: 1, 1: 0}, {})
    points = torch.stack(torch.meshgrid(torch.arange(2), torch.arange(1), torch.arange(3), indexing="ij")).flatten(1)
    prompts = tuple(TextPrompt(str(number), "words") for number in range(3))
    tokens, queries = torch.randn(3, 2, 4, CHANNELS), torch.randn(3, 3, CHANNELS)
    network = FakeNetwork(tokens, queries, order)
    losses = clip_losses(network, None, [PromptedClip(clip, prompts, referred, points)], CONFIG, "cpu")

    follows = {0: 1, 1: 0, 3: 1}
    pools = []
    for row in range(3):
        pool = [(3 * queries[row, query], number) for number, query in order[row].items()]
        for track, number in follows.items():
            if number in referred[row]:
                pool += [(2 * tokens[row, frame, track], number) for frame in range(2) if present[frame, track]]
        pools.append(pool)
    assert [len(pool) for pool in pools] == [4, 7, 0]
    assert losses["loss_clip_sim"].item() == pytest.approx(slow_similarity(pools), rel=1e-5)
    others = {name: value for name, value in losses.items() if name not in ("loss", "loss_clip_sim")}
    assert losses["loss"].item() == pytest.approx(total_loss(others, CONFIG).item() + slow_similarity(pools), rel=1e-5)
