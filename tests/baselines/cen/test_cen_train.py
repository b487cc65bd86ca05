"""CEN's loss, and a training that learns and writes weights that load."""

import pytest
import torch
from transformers import CLIPVisionConfig

from baselines.cen.config import CenConfig
from baselines.cen.losses import compute_loss
from baselines.cen.model import CenCaptioner
from baselines.layers.inputs.bert_vocabulary import BEGIN, END
from baselines.layers.training.caption_targets import build_targets
from tests.baselines.overfit import assert_resumes
from tests.baselines.tiny_trainings import caption_case

CASE = caption_case("cen")


def test_the_loss_is_the_mean_over_next_words_without_padding() -> None:
    targets = build_targets([[3], []], 10)  # begin 3 end; begin end padding
    logits = torch.randn(2, 3, 110, generator=torch.Generator().manual_seed(0))
    logs = logits.log_softmax(-1)
    expected = -(logs[0, 0, 3] + logs[0, 1, END] + logs[1, 0, END]) / 3
    assert compute_loss(logits, targets).item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_tiny_network_learns_a_caption() -> None:
    torch.manual_seed(0)
    clip = CLIPVisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=16, patch_size=8,
        projection_dim=16,
    )  # fmt: skip
    network = CenCaptioner(
        CenConfig(clip, width=32, heads=2, feedforward=32, depth=1, decoder_depth=1, words=320)
    ).train()
    frames, targets = torch.randn(1, 2, 3, 16, 16), build_targets([[300, 301, 302]], 40)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(40):
        loss = compute_loss(network.cen(targets.ids, targets.present, network.encode(frames)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    words = [BEGIN]
    memory = network.eval().encode(frames)
    for _ in range(4):
        ids = torch.tensor([words])
        words.append(int(network.cen(ids, torch.ones_like(ids), memory)[0, -1].argmax()))
    assert words == [BEGIN, 300, 301, 302, END]


def test_a_training_writes_weights_that_load(tmp_path) -> None:
    weights = CASE.train(tmp_path / "out", "steps=2")
    assert weights.name == "cen_scratch.safetensors"
    captions = CASE.captions(weights)
    assert len(captions) == 4
    assert all(len(caption.split()) <= 3 for caption in captions)


def test_a_stopped_training_gives_the_same_bytes(tmp_path) -> None:
    assert_resumes(CASE, tmp_path)
