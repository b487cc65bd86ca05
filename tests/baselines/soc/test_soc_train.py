"""SOC overfits two clips and resumes to the same bytes; its assignment and losses against loops."""

from dataclasses import replace
from itertools import permutations

import pytest
import torch

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES
from baselines.layers.nn.text_encoder import build_roberta
from baselines.mttr.losses import build_targets
from baselines.soc.config import SIZES
from baselines.soc.losses import LayerOutputs, ObjectTargets, compute_losses, match, predict_layers
from baselines.soc.model import Soc
from tests.baselines.overfit import Case, assert_overfits, assert_resumes

TINY = replace(LANGUAGE_QUERIES_SIZES["mini"], channels=32, depth=1, feedforward=32, queries=4)
CASE = Case(
    "soc",
    ("steps=260", "batch_size=2", "sentences=null", "num_frames=3", "scales=[64]", "max_size=96", "augment=false",
     "lr=2e-3", "lr_backbone=2e-3", "lr_text_encoder=2e-3", "lr_linear_proj_mult=0.3"),
    {"short": 64, "longest": 96},
    variant="scratch",
)  # fmt: skip


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(SIZES, "mini", TINY)


@pytest.mark.usefixtures("tiny")
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_clips_are_overfitted(tmp_path):
    assert_overfits(CASE, tmp_path)


@pytest.mark.usefixtures("tiny")
def test_a_stopped_training_gives_the_same_bytes(tmp_path):
    assert_resumes(replace(CASE, settings=(*CASE.settings, "augment=true", "sentences=1")), tmp_path)


def target():
    masks = torch.zeros(2, 3, 16, 32)
    masks[:, 0, 4:12, :12] = 1
    masks[:, 1, 4:12, 18:] = 1
    masks[0, 2, :4, 12:16] = 1
    return ObjectTargets.of(build_targets(masks, torch.tensor([True, False, False])))


def random_layer(seed):
    generator = torch.Generator().manual_seed(seed)
    return LayerOutputs(
        torch.randn(2, 4, 1, generator=generator),
        torch.rand(2, 4, 4, generator=generator) * 0.5 + 0.2,
        torch.randn(2, 4, 4, 8, generator=generator),
        torch.randn(4, generator=generator),
    )


def overlap(box, other):
    """Generalized IoU of two boxes cx, cy, w, h."""
    (ax, ay, aw, ah), (bx, by, bw, bh) = box.tolist(), other.tolist()
    wide = min(ax + aw / 2, bx + bw / 2) - max(ax - aw / 2, bx - bw / 2)
    high = min(ay + ah / 2, by + bh / 2) - max(ay - ah / 2, by - bh / 2)
    both = max(0, wide) * max(0, high)
    union = aw * ah + bw * bh - both
    hull = (max(ax + aw / 2, bx + bw / 2) - min(ax - aw / 2, bx - bw / 2)) * (
        max(ay + ah / 2, by + bh / 2) - min(ay - ah / 2, by - bh / 2)
    )
    return both / union - (hull - union) / hull


def reference_cost(layer, aim, query, item):
    masks = torch.nn.functional.interpolate(layer.masks, size=(16, 32), mode="bilinear", align_corners=False).sigmoid()
    cost, shown = 0.0, 0.0
    for frame in range(2):
        p, t = masks[frame, query], aim.objects.masks[frame, item]
        cost -= 5 * ((2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)).item() / 2
        cost += 2 * (layer.boxes[frame, query] - aim.boxes[frame, item]).abs().sum().item() / 2
        cost -= 2 * overlap(layer.boxes[frame, query], aim.boxes[frame, item]) / 2
        if t.any():
            x = layer.logits[frame, query, 0].sigmoid()
            shown += (0.25 * (1 - x) ** 2 * -x.log() - 0.75 * x**2 * -(1 - x).log()).item()
    return cost + 2 * shown / max(1, int(aim.objects.masks[:, item].flatten(1).any(1).sum()))


def test_queries_are_assigned_to_objects_at_least_cost():
    aim = target()
    for seed in range(5):
        layer = random_layer(seed)
        costs = [[reference_cost(layer, aim, query, item) for item in range(3)] for query in range(4)]
        best = min(permutations(range(4), 3), key=lambda rows: sum(costs[row][item] for item, row in enumerate(rows)))
        queries, objects = match(layer, aim)
        assert dict(zip(objects.tolist(), queries.tolist(), strict=True)) == dict(enumerate(best))


def test_losses_of_a_layer_by_loops():
    layer, aim = random_layer(0), target()
    losses = compute_losses([[layer]], [aim])
    queries, objects = match(layer, aim)
    row = {int(item): int(query) for query, item in zip(queries, objects, strict=True)}
    masks = torch.nn.functional.interpolate(layer.masks, size=(16, 32), mode="bilinear", align_corners=False).sigmoid()
    expected = dict.fromkeys(("loss_ce", "loss_mask", "loss_dice", "loss_bbox", "loss_giou"), 0.0)
    for frame in range(2):
        for query in range(4):
            x = layer.logits[frame, query, 0].sigmoid()
            term = 0.25 * (1 - x) ** 2 * -x.log() if query == row[0] else 0.75 * x**2 * -(1 - x).log()
            expected["loss_ce"] += term.item() / 6
        for item, query in row.items():
            p, t = masks[frame, query], aim.objects.masks[frame, item]
            focal = torch.where(t > 0, 0.25 * (1 - p) ** 2 * -p.log(), 0.75 * p**2 * -(1 - p).log())
            expected["loss_mask"] += focal.mean().item() / 6
            expected["loss_dice"] += (1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)).item() / 6
            expected["loss_bbox"] += (layer.boxes[frame, query] - aim.boxes[frame, item]).abs().sum().item() / 6
            expected["loss_giou"] += (1 - overlap(layer.boxes[frame, query], aim.boxes[frame, item])) / 6
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value, rel=1e-4), name
    likeness = layer.likeness.softmax(0)[row[0]]
    assert losses["loss_contrastive"].item() == pytest.approx(-likeness.log().item(), rel=1e-5)


def test_a_sentence_without_object_has_no_contrast():
    none = ObjectTargets.of(build_targets(torch.zeros(2, 1, 16, 32), torch.tensor([True])))
    losses = compute_losses([[random_layer(0), random_layer(1)]], [none])
    assert losses["loss_contrastive"].item() == losses["loss_bbox"].item() == 0
    assert losses["loss_ce_0"] > 0


def test_every_part_that_only_training_reads_learns():
    torch.manual_seed(0)
    config = replace(TINY, depth=2)
    network = Soc("resnet-mini", TextReference(build_roberta(config.text), config.channels), config)
    clip = network.encode(torch.randn(2, 3, 32, 64), (16, 32))
    layers = predict_layers(network, clip, network.read(torch.tensor([[0, 5, 9, 2]])))
    assert [layer.logits.shape for layer in layers] == [(2, 4, 1)] * 2
    losses = compute_losses([layers], [target()])
    (losses["loss_contrastive"] + losses["loss_ce_0"]).backward()
    assert network.lvf.multihead_attn.in_proj_weight.grad.abs().sum() > 0
    assert network.queries.class_embed[0].weight.grad.abs().sum() > 0
