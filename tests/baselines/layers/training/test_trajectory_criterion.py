import math

import pytest
import torch

from baselines.layers.training.set_criterion import SetOutputs
from baselines.layers.training.trajectory_criterion import TrajectoryConfig, match, similarity_loss
from baselines.layers.training.trajectory_outputs import TrajectoryOutputs, join_outputs
from baselines.layers.training.trajectory_targets import TrajectoryTargets
from baselines.lmpm.losses import compute_losses, total_loss

CONFIG = TrajectoryConfig(train_num_points=64)


def objects(shown):
    """Masks ``(n, t, 8, 8)`` of objects that fill their own row where ``shown`` says so."""
    masks = torch.zeros(len(shown), len(shown[0]), 8, 8)
    for number, frames in enumerate(shown):
        for frame, here in enumerate(frames):
            masks[number, frame, number] = float(here)
    return masks


def random_outputs(seed, frames=2, clips=1):
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    return TrajectoryOutputs(
        frame=[SetOutputs(normal(clips * frames, 5, 2), normal(clips * frames, 5, 1, 4, 4)) for _ in range(4)],
        clip=[SetOutputs(normal(3 * clips, 4, 2), normal(3 * clips, 4, frames, 4, 4)) for _ in range(2)],
        frame_embeddings=normal(3, clips, frames, 5, 6),
        clip_embeddings=normal(3, clips, 4, 6),
    )


def test_targets_drop_unseen_objects_and_number_the_others():
    masks = objects([[1, 0, 1], [0, 0, 0], [0, 1, 1]])
    targets = TrajectoryTargets.from_objects(masks, torch.tensor([9, 2, 6]))
    assert targets.ids.tolist() == [[3, -1, 3], [-1, 0, 0]]
    assert torch.equal(targets.masks, masks[[0, 2]])
    assert [targets.in_frame(frame).tolist() for frame in range(3)] == [[0], [1], [0, 1]]


def test_a_union_is_one_object():
    targets = TrajectoryTargets.from_objects(objects([[1, 0, 0], [1, 1, 0]]), torch.tensor([4, 2]), "union")
    assert targets.ids.tolist() == [[0, 0, -1]]
    assert targets.masks.sum((2, 3)).tolist() == [[16, 8, 0]]


@pytest.mark.parametrize("kind", ["per_object", "union"])
def test_an_expression_without_target_has_no_objects(kind):
    for masks in (torch.zeros(0, 2, 8, 8), torch.zeros(2, 2, 8, 8)):
        targets = TrajectoryTargets.from_objects(masks, torch.arange(len(masks)), kind)
        assert targets.masks.shape == (0, 2, 8, 8)
        assert targets.ids.shape == (0, 2)


def test_without_objects_every_query_learns_no_object_only():
    outputs = random_outputs(0)
    losses = compute_losses(outputs, [TrajectoryTargets(torch.zeros(0, 2, 8, 8), torch.zeros(0, 2).long())], CONFIG)
    expected = -outputs.frame[-1].logits.log_softmax(-1)[..., 1].mean()
    torch.testing.assert_close(losses["loss_ce"], expected)
    assert all(value.item() == 0 for name, value in losses.items() if "_ce" not in name)


def test_the_similarity_loss_of_equal_and_opposite_embeddings():
    targets = TrajectoryTargets.from_objects(objects([[1], [1]]), torch.tensor([0, 1]))
    outputs = random_outputs(0, frames=1)
    indices = match(outputs, [targets], CONFIG)
    # All products 0: ln 2 for each of the (2 + 2)² pairs of each of the three layers.
    zeros = TrajectoryOutputs(outputs.frame, outputs.clip, torch.zeros(3, 1, 1, 5, 6), torch.zeros(3, 1, 4, 6))
    assert similarity_loss(zeros, [targets], indices).item() == pytest.approx(math.log(2))
    # The embeddings of object 0 are 5, those of object 1 are -5: right everywhere, or wrong in half of the pairs.
    for flipped, expected in ((1, 0.0), (-1, 12.5)):
        frame, clip = torch.zeros(3, 1, 1, 5, 1), torch.zeros(3, 1, 4, 1)
        for layer in range(3):
            queries, numbers = indices.frame[layer + 1][0]
            frame[layer, 0, 0, queries, 0] = 5.0 - 10 * numbers
            queries, numbers = indices.clip[-1][layer]
            clip[layer, 0, queries, 0] = flipped * (5.0 - 10 * numbers)
        loss = similarity_loss(TrajectoryOutputs(outputs.frame, outputs.clip, frame, clip), [targets], indices)
        assert loss.item() == pytest.approx(expected, abs=1e-4)


def spread(rows, points, device):
    """Fake point sampler: one regular grid for all."""
    step = torch.arange(points, device=device) + 0.5
    return torch.stack((step / points, (step * 0.618).frac()), dim=-1).expand(rows, -1, -1)


def test_two_clips_together_have_the_weighted_mean_of_their_losses():
    shown = [[[1, 1], [0, 1]], [[1, 0]]]
    targets = [TrajectoryTargets.from_objects(objects(each), torch.arange(len(each))) for each in shown]
    outputs = [random_outputs(seed) for seed in (0, 1)]
    joined = join_outputs(outputs)
    assert joined.frame_embeddings.shape == (3, 2, 2, 5, 6)
    together = compute_losses(joined, targets, CONFIG, spread)
    one, two = (compute_losses(out, [target], CONFIG, spread) for out, target in zip(outputs, targets, strict=True))
    # 3 and 1 (object, frame) pairs, 2 and 1 objects; pools of 5 and 2 embeddings.
    for name, (first, second) in {"loss_mask": (3, 1), "loss_vita_dice": (2, 1), "loss_clip_sim": (25, 4)}.items():
        expected = (first * one[name] + second * two[name]) / (first + second)
        torch.testing.assert_close(together[name], expected)


def test_the_total_weighs_every_layer_alike():
    names = ["loss_ce", "loss_mask_3", "loss_dice_10", "loss_vita_ce_0", "loss_vita_mask", "loss_vita_dice_1"]
    losses = {name: torch.tensor(1.0) for name in [*names, "loss_clip_sim"]}
    assert total_loss(losses, TrajectoryConfig()).item() == 2 + 5 + 5 + 2 + 5 + 5 + 1
    assert total_loss({"loss_clip_sim": torch.tensor(1.0)}, TrajectoryConfig(sim_weight=0.5)).item() == 0.5
