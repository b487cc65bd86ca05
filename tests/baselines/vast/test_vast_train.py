"""VAST's masked words, and a training that learns and writes weights that load."""

import pytest
import torch

from baselines.layers.inputs.bert_vocabulary import BEGIN, END, MASK, PADDING
from baselines.layers.training.caption_targets import build_targets
from baselines.vast.config import VastConfig
from baselines.vast.losses import FIRST_WORD, LEFT_OUT, LossConfig, compute_losses, mask_words, total_loss
from baselines.vast.model import Vast
from tests.baselines.overfit import assert_resumes
from tests.baselines.tiny_trainings import caption_case

CASE = caption_case("vast")
CAPTIONS = [list(range(200, 230)), [300, 301], []]


def test_words_are_picked_masked_and_replaced_at_the_authors_rates() -> None:
    torch.manual_seed(0)
    targets = build_targets(CAPTIONS * 300, 40)
    ids, labels = mask_words(targets, 0.6, 1024)
    picked = labels != LEFT_OUT
    assert picked.any(1).all()
    assert not (picked & ~targets.predicted).any()
    assert torch.equal(labels[picked], targets.ids[picked])
    assert torch.equal(ids[~picked], targets.ids[~picked])
    long = picked[::3][:, 1:32].float().mean().item()
    assert long == pytest.approx(0.6, abs=0.02)
    changed = ids[picked]
    assert (changed == MASK).float().mean().item() == pytest.approx(0.8, abs=0.02)
    assert (changed == labels[picked]).float().mean().item() == pytest.approx(0.1, abs=0.015)
    others = changed[(changed != MASK) & (changed != labels[picked])]
    assert others.min() >= FIRST_WORD
    assert others.max() < 1024
    assert labels[2::3].max() == END  # of an empty caption the end is predicted
    assert not ((ids == BEGIN) & (targets.ids != BEGIN)).any()


def test_the_loss_is_the_mean_over_picked_words() -> None:
    logits, labels = torch.zeros(1, 4, 8), torch.tensor([[LEFT_OUT, 3, LEFT_OUT, 5]])
    logits[0, 3, 5] = 2.0
    even, sure = torch.zeros(8), logits[0, 3]
    expected = -(even.log_softmax(0)[3] + sure.log_softmax(0)[5]) / 2
    losses = compute_losses(logits, labels)
    assert losses["loss_caption"].item() == pytest.approx(expected.item())
    assert total_loss(losses, LossConfig(caption_loss_coef=3.0)).item() == pytest.approx(3 * expected.item())


def test_a_tiny_network_learns_a_caption() -> None:
    torch.manual_seed(0)
    network = Vast(
        VastConfig(
            image_size=16, patch_size=8, vision_width=16, vision_depth=1, vision_heads=2, vision_feedforward=16,
            frames=2, width=32, depth=1, heads=2, feedforward=32, words=320, positions=16,
        )
    ).train()  # fmt: skip
    frames, targets = torch.randn(1, 2, 3, 16, 16), build_targets([[300, 301, 302]], 40)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(60):
        ids, labels = mask_words(targets, 0.6, 320)
        loss = compute_losses(network(ids, targets.present, network.encode(frames)), labels)["loss_caption"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    words = [BEGIN]
    video = network.eval().encode(frames)
    for _ in range(4):
        ids = torch.tensor([[*words, MASK]])
        words.append(int(network(ids, ids != PADDING, video)[0, -1].argmax()))
    assert words == [BEGIN, 300, 301, 302, END]


def test_a_training_writes_weights_that_load(tmp_path) -> None:
    weights = CASE.train(tmp_path / "out", "steps=2")
    assert weights.name == "vast_scratch.safetensors"
    captions = CASE.captions(weights)
    assert len(captions) == 4
    assert all(len(caption.split()) <= 3 for caption in captions)


def test_a_stopped_training_gives_the_same_bytes(tmp_path) -> None:
    assert_resumes(CASE, tmp_path)
