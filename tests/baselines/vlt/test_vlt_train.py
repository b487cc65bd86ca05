"""VLT's loss and targets, and a training that overfits two clips."""

import json
import math

import pytest
import torch

from baselines.layers.inputs.word_vectors import SeededVectors
from baselines.layers.training.clip_sampling import read_clip
from baselines.vlt.config import VltConfig
from baselines.vlt.letterbox import Letterbox
from baselines.vlt.losses import compute_loss
from baselines.vlt.model import Vlt
from baselines.vlt.train import clip_loss
from mevis_bench.data.registry import open_dataset
from tests.baselines.overfit import Case, assert_resumes, write_two_clips

CASE = Case("vlt", ("batch_size=2", "sentences=null", "num_frames=2", "lr=2e-3"), {}, variant="scratch")


def test_the_loss_is_a_sum_over_pixels_and_a_mean_over_frames() -> None:
    logits = torch.tensor([[[0.0, 2.0]], [[-1.0, 0.0]]])
    targets = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])

    def one(logit: float, target: float) -> float:
        probability = 1 / (1 + math.exp(-logit))
        return -math.log(probability if target else 1 - probability)

    expected = (one(0, 1) + one(2, 0) + one(-1, 0) + one(0, 1)) / 2
    assert compute_loss(logits, targets).item() == pytest.approx(expected, rel=1e-6)


def test_targets_lie_where_the_frame_does() -> None:
    masks = torch.zeros(1, 50, 100, dtype=torch.bool)
    masks[:, :, 50:] = True
    targets = Letterbox(50, 100, 96).targets(masks)
    assert targets.shape == (1, 48, 48)
    assert targets[0, 12:36, 24:].all()
    assert targets.sum() == 24 * 24


def test_a_batch_has_the_losses_of_its_sentences(tmp_path) -> None:
    """In evaluation mode, where batch norms keep pairs apart; frames are shared, sentences are not."""
    data = open_dataset(write_two_clips(tmp_path / "clips"), "clips")
    torch.manual_seed(0)
    config = VltConfig(
        stem=2, blocks=(1, 1, 1, 1, 1), width=16, heads=2, depth=1, queries=4, side=64, temporal_feedforward=16
    )
    network = Vlt(config, temporal_context=True).eval()
    clips = [read_clip(data, video_id, [0, 2], data.expressions(video_id)) for video_id in data.video_ids]
    alone = [
        read_clip(data, video_id, [0, 2], [expression])
        for video_id in data.video_ids
        for expression in data.expressions(video_id)
    ]
    with torch.no_grad():
        together = clip_loss(network, clips, SeededVectors(0), "cpu")
        parts = torch.stack([clip_loss(network, [clip], SeededVectors(0), "cpu") for clip in alone])
    torch.testing.assert_close(together, parts.mean(), rtol=1e-4, atol=1e-3)
    assert len(set(parts.tolist())) == len(parts)


def test_the_loss_of_two_clips_falls(tmp_path) -> None:
    weights = CASE.train(tmp_path / "out", "steps=10")
    assert weights.name == "vlt_scratch.safetensors"
    (curve,) = (weights.parent / "curves").glob("*.json")
    losses = [point["loss"] for point in json.loads(curve.read_text())["losses"]]
    assert sum(losses[-3:]) < 0.7 * sum(losses[:3]), losses
    assert 0 <= CASE.score(weights)["J"] <= 1


def test_a_stopped_training_gives_the_same_bytes(tmp_path) -> None:
    assert_resumes(CASE, tmp_path)
