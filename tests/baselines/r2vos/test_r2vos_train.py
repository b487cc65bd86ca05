"""R2-VOS overfits two clips and resumes to the same bytes; relations and agreement of sentences by hand."""

from dataclasses import replace

import pytest
import torch

from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES
from baselines.r2vos.config import SIZES
from baselines.r2vos.losses import AgreementOutputs, agreement_losses, angles, distances
from tests.baselines.overfit import Case, assert_overfits, assert_resumes

TINY = replace(LANGUAGE_QUERIES_SIZES["mini"], channels=32, depth=1, feedforward=32, queries=2)
CASE = Case(
    "r2vos",
    ("steps=260", "batch_size=2", "sentences=null", "num_frames=3", "scales=[64]", "max_size=96", "augment=false",
     "lr=2e-3", "lr_backbone=2e-3", "lr_text_encoder=2e-3", "lr_linear_proj_mult=0.3"),
    {"short": 64},
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


def outputs(sentences, pseudo, logits):
    rows = zip(sentences, pseudo, logits, strict=True)
    return [AgreementOutputs(None, *(torch.tensor(part, requires_grad=True) for part in row)) for row in rows]


def test_relations_by_hand():
    triangle = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    expected = torch.tensor([[0.0, 3.0, 4.0], [3.0, 0.0, 5.0], [4.0, 5.0, 0.0]]) / 4
    torch.testing.assert_close(distances(triangle), expected, atol=1e-5, rtol=1e-5)
    cosines = angles(triangle)
    assert cosines[0, 1, 2].item() == pytest.approx(0, abs=1e-6)  # the right angle
    assert cosines[1, 0, 2].item() == pytest.approx(3 / 5)
    assert cosines[2, 0, 1].item() == pytest.approx(4 / 5)
    assert cosines[0, 0, 1].item() == 0


def test_what_was_read_back_may_be_turned_and_scaled():
    sentences = [[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]]
    turned = [[5.0, 5.0], [5.0, 11.0], [-3.0, 5.0]]
    losses = agreement_losses(outputs(sentences, turned, [0.0, 0.0, 0.0]), torch.tensor([True] * 3))
    assert losses["loss_distance"].item() == pytest.approx(0, abs=1e-6)
    assert losses["loss_angle"].item() == pytest.approx(0, abs=1e-6)
    assert losses["loss_foreign"].item() == 0
    assert losses["loss_agreement"].item() == pytest.approx(0.6931, abs=1e-4)
    shrunk = [[5.0, 5.0], [5.0, 11.0], [5.0, 5.5]]
    assert agreement_losses(outputs(sentences, shrunk, [0.0] * 3), torch.tensor([True] * 3))["loss_distance"] > 0.01


def test_foreign_sentences_are_held_apart_and_disagree():
    # Distances of the two foreign pairs: 0.3 and 0.1, so 0.5 - 0.2 is missing.
    rows = outputs([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [1.3, 0.0], [0.0, 1.1]], [-9.0, 9.0, -9.0])
    losses = agreement_losses(rows, torch.tensor([True, False, False]))
    assert losses["loss_foreign"].item() == pytest.approx(0.3)
    assert losses["loss_agreement"].item() == pytest.approx(9 / 3, abs=1e-3)  # the last one claims to agree
    assert losses["loss_distance"].item() == losses["loss_angle"].item() == 0


def test_the_sentence_is_the_teacher_of_relations_only():
    sentences = [[0.0, 0.1], [1.0, 0.0], [3.0, 3.0], [0.0, 1.0]]
    pseudo = [[0.0, 0.0], [2.0, 1.0], [1.0, 3.0], [0.0, 1.1]]
    rows = outputs(sentences, pseudo, [0.0] * 4)
    losses = agreement_losses(rows, torch.tensor([True, True, True, False]))
    (losses["loss_distance"] + losses["loss_angle"]).backward(retain_graph=True)
    assert all(row.sentence.grad is None for row in rows)
    assert [bool(row.pseudo.grad.any()) for row in rows] == [True, True, True, False]
    losses["loss_foreign"].backward()
    assert [bool(row.sentence.grad.any()) for row in rows] == [False, False, False, True]
