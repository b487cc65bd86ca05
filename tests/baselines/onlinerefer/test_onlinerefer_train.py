"""OnlineRefer overfits two clips and resumes to the same bytes; losses frame by frame."""

from dataclasses import replace

import pytest
import torch

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn import language_queries
from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES
from baselines.layers.nn.text_encoder import build_roberta
from baselines.layers.training.clip_sampling import read_clip
from baselines.layers.training.query_losses import QueryLossConfig, compute_losses
from baselines.layers.training.query_training import Predicted, sentence_targets
from baselines.onlinerefer.losses import frame_objective, predict_frames
from baselines.onlinerefer.model import OnlineRefer
from mevis_bench.data.registry import open_dataset
from tests.baselines.overfit import Case, assert_overfits, assert_resumes, write_two_clips

TINY = replace(LANGUAGE_QUERIES_SIZES["mini"], channels=32, depth=1, feedforward=32, queries=2)
CASE = Case(
    "onlinerefer",
    ("steps=260", "batch_size=2", "sentences=null", "num_frames=3", "scales=[64]", "max_size=96", "augment=false",
     "lr=4e-3", "lr_backbone=4e-3", "lr_text_encoder=4e-3", "lr_linear_proj_mult=1.0"),
    {"short": 64},
    variant="scratch",
)  # fmt: skip


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
    assert_resumes(replace(CASE, settings=(*CASE.settings, "augment=true", "sentences=1")), tmp_path)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    config = replace(TINY, depth=2, queries=3)
    return OnlineRefer("resnet-mini", TextReference(build_roberta(config.text), config.channels), config).eval()


def predict(network, frames):
    clip = network.encode(torch.randn(frames, 3, 64, 96, generator=torch.Generator().manual_seed(0)))
    return clip, predict_frames(network, clip, network.read(torch.tensor([[0, 5, 9, 2]])))


def test_frames_follow_the_query_that_the_network_prefers(network):
    clip, outputs = predict(network, 3)
    words, queries = network.read(torch.tensor([[0, 5, 9, 2]])), network.first_queries()
    for features, output in zip(clip, outputs, strict=True):
        frame = network(features, words, queries)
        torch.testing.assert_close(output.pred_logits[0, :, :, 0], frame.segmented.logits)
        torch.testing.assert_close(output.pred_masks[0], frame.segmented.masks)
        assert len(output.aux_outputs) == 1
        queries = frame.next_queries
    assert [output.pred_logits.shape[2] for output in outputs] == [3, 1, 1]


def test_losses_are_means_over_the_frames(network, tmp_path):
    split = open_dataset(write_two_clips(tmp_path / "train"), "train")
    long, short = (read_clip(split, "va", frames, split.expressions("va")) for frames in ((0, 1, 2), (1, 3)))
    predicted = [
        Predicted(predict(network, len(clip.frames))[1], clip, clip.sentences[number])
        for number, clip in enumerate((long, short))
    ]
    losses = frame_objective(predicted, "union", "cpu")
    targets = [sentence_targets(one.clip, one.sentence, "union") for one in predicted]
    alone = compute_losses(predicted[0].outputs[2], [targets[0].at(2)], QueryLossConfig())
    without = frame_objective([replace(one, outputs=one.outputs[:2]) for one in predicted], "union", "cpu")
    for name, value in alone.items():
        assert losses[name].item() == pytest.approx((2 * without[name].item() + value.item()) / 3, rel=1e-5)
    losses["loss"].backward()
    assert network.track_embed.linear1.weight.grad.abs().sum() > 0
