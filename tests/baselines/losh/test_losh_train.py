"""LoSh overfits two clips and resumes to the same bytes; its assignment, overlap and shortened sentences by hand."""

from dataclasses import replace

import pytest
import torch

from baselines.layers.inputs.word_tagger import RuleTagger
from baselines.losh.losses import LoshLossConfig, compute_losses, overlaps, total_loss
from baselines.losh.train import shortened
from baselines.mttr import losses as mttr
from baselines.mttr.losses import MttrOutputs, build_targets
from tests.baselines.overfit import assert_overfits, assert_resumes
from tests.baselines.tiny_trainings import shrink_networks, window_case

CASE = window_case("losh", "steps=90", variant="scratch")
CONFIG = LoshLossConfig()


@pytest.fixture
def tiny(monkeypatch):
    shrink_networks(monkeypatch)


@pytest.mark.usefixtures("tiny")
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_clips_are_overfitted(tmp_path):
    assert_overfits(CASE, tmp_path)


@pytest.mark.usefixtures("tiny")
def test_a_stopped_training_gives_the_same_bytes(tmp_path):
    assert_resumes(replace(CASE, settings=(*CASE.settings, "horizontal_flip=true", "sentences=1")), tmp_path)


def logit(*probabilities):
    return torch.tensor(probabilities).logit()


def test_overlap_counts_probabilities_above_one_half():
    long = logit(0.8, 0.6, 0.4, 0.9).view(1, 1, 2, 2)
    short = logit(0.9, 0.3, 0.9, 0.6).view(1, 1, 2, 2)
    # Inside: 0.8 * 0.9 + 0.9 * 0.6; the long mask has 0.8 + 0.6 + 0.9.
    assert overlaps(long, short).item() == pytest.approx((0.72 + 0.54 + 1) / (2.3 + 1))
    two = torch.cat((long, -long.abs()))
    assert overlaps(two, torch.cat((short, short))).item() == pytest.approx(((2.26 / 3.3) + 1) / 2)


def random_outputs(generator):
    masks = torch.randn(2, 1, 4, 8, 16, generator=generator)
    return MttrOutputs(masks, torch.randn(2, 1, 4, 2, generator=generator))


def target():
    masks = torch.zeros(2, 2, 8, 16)
    masks[:, 0, 2:6, :6] = 1
    masks[:, 1, 2:6, 9:] = 1
    return build_targets(masks, torch.tensor([True, False]))


def test_both_forms_share_one_assignment_and_their_losses_add():
    generator = torch.Generator().manual_seed(3)
    objects = target()
    for _ in range(10):
        long, short = random_outputs(generator), random_outputs(generator)
        costs = [mttr.matching_costs(form, [objects], CONFIG)[0] for form in (long, short)]
        share = overlaps(long.pred_masks[:, 0], short.pred_masks[:, 0])
        cost = costs[0] + costs[1] - 0.8 * share[:, None]
        best = min(
            ((a, b) for a in range(4) for b in range(4) if a != b),
            key=lambda pair: float(cost[pair[0], 0] + cost[pair[1], 1]),
        )
        indices = [(torch.tensor(best), torch.tensor([0, 1]))]
        parts = [mttr.layer_losses(form, [objects], indices, CONFIG) for form in (long, short)]
        losses = compute_losses(long, short, [objects], CONFIG)
        for name, value in parts[0].items():
            assert losses[name].item() == pytest.approx((value + parts[1][name]).item(), rel=1e-5)
        assert losses["loss_intersection"].item() == pytest.approx(1 - share[list(best)].mean().item(), rel=1e-5)
        expected = sum(mttr.loss_weights(CONFIG)[name] * losses[name] for name in parts[0])
        expected += 0.8 * losses["loss_intersection"]
        assert total_loss(losses, CONFIG).item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_clip_without_objects_has_no_overlap():
    generator = torch.Generator().manual_seed(3)
    none = build_targets(torch.zeros(2, 0, 8, 16), torch.zeros(0, dtype=torch.bool))
    losses = compute_losses(random_outputs(generator), random_outputs(generator), [none], CONFIG)
    assert losses["loss_intersection"].item() == 0
    assert total_loss(losses, CONFIG).isfinite()


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("the bird flying away slowly", "the bird"),
        ("the two dogs", "the two dogs"),
        ("walking man", "walking man"),
        ("the small cat that sits", "the small cat that"),
    ],
)
def test_a_sentence_is_shortened_before_its_first_verb_or_adverb(text, short):
    assert shortened(text, RuleTagger()) == short
