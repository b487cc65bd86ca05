"""SgMg overfits two clips and resumes to the same bytes; losses of patches and of refined masks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn import language_queries
from baselines.layers.nn.text_encoder import build_roberta
from baselines.layers.training.clip_augmentation import RandomTimeReversal
from baselines.layers.training.clip_sampling import read_clip
from baselines.layers.training.query_losses import QueryLossConfig, QueryTargets, compute_losses, loss_weights
from baselines.sgmg.losses import predict_layers
from baselines.sgmg.model import SgMg
from mevis_bench.data.registry import open_dataset
from tests.baselines.overfit import assert_overfits, assert_resumes, write_two_clips
from tests.baselines.tiny_trainings import QUERIES, query_case

TINY = replace(QUERIES, channels=32, feedforward=32)
CASE = query_case("sgmg", "steps=260", variant="scratch")


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(language_queries.LANGUAGE_QUERIES_SIZES, "mini", TINY)


@pytest.mark.usefixtures("tiny")
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_clips_are_overfitted(tmp_path):
    assert_overfits(CASE, tmp_path)


@pytest.mark.usefixtures("tiny")
def test_a_stopped_training_gives_the_same_bytes(tmp_path):
    assert_resumes(replace(CASE, settings=(*CASE.settings, "sentences=1", "time_reversal=0.5")), tmp_path)


def test_every_layer_is_compared_at_stride_2_and_refined_at_stride_1():
    torch.manual_seed(0)
    config = replace(TINY, depth=2)
    reference = TextReference(build_roberta(config.text), config.channels, separate=True)
    network = SgMg("resnet-mini", reference, config).eval()
    clip = network.encode(torch.randn(1, 3, 144, 160), (130, 160))
    outputs = predict_layers(network, clip, network.read(torch.tensor([[0, 5, 9, 2]])))
    masks = torch.zeros(1, 1, 130, 160)
    masks[..., 20:60, 31:90] = 1
    box = torch.tensor([[[0.4, 0.3, 0.4, 0.3]]])
    target = QueryTargets(torch.zeros(1, 1, dtype=torch.int64), box, masks, torch.ones(1, 1, dtype=torch.bool))
    losses = compute_losses(outputs, [target], QueryLossConfig())
    assert set(losses) == {f"{name}{layer}" for name in loss_weights(QueryLossConfig()) for layer in ("", "_0")}
    padded = F.pad(masks, (0, 0, 0, 14))
    values = []
    for query in range(2):
        (refine,) = outputs.refine
        full = refine(torch.tensor([query]))
        assert full.shape == (1, 1, 144, 160)
        low = outputs.pred_masks[0, :, query]
        assert low.shape == (1, 72, 80)
        pairs = ((low, padded[0, :, 1::2, 1::2]), (full[:, 0], padded[0]))
        values.append(
            [(1 - (2 * (x.sigmoid() * t).sum() + 1) / (x.sigmoid().sum() + t.sum() + 1)).item() for x, t in pairs]
        )
    found = [losses["loss_dice"].item(), losses["loss_dice_refined"].item()]
    assert any(found == pytest.approx(pair, rel=1e-4) for pair in values)
    losses["loss_dice_refined_0"].backward()
    assert network.mask_refine.conv2_1div4.weight.grad.abs().sum() > 0


def test_time_is_reversed_with_its_probability(tmp_path):
    split = open_dataset(write_two_clips(tmp_path / "train"), "train")
    clip = read_clip(split, "va", (0, 2, 3), split.expressions("va"))
    back = RandomTimeReversal(1.0)(clip, np.random.default_rng(0))
    assert back.frames == (3, 2, 0)
    assert (back.images == clip.images[::-1]).all()
    assert (back.masks[:, 0] == clip.masks[:, 2]).all()
    assert (back.boxes[:, 0] == clip.boxes[:, 2]).all()
    assert RandomTimeReversal(0.0)(clip, np.random.default_rng(0)) is clip
    rng = np.random.default_rng(0)
    turned = sum(RandomTimeReversal(0.3)(clip, rng) is not clip for _ in range(400))
    assert 90 <= turned <= 150
