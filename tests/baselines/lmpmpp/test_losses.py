import math

import torch

from baselines.lmpmpp.losses import (
    LOSS_WEIGHTS,
    mask_bce,
    mask_dice,
    optimal_assignment,
    pairwise_bce,
    pairwise_dice,
    temporal_contrastive_loss,
    total_loss,
)


def written_out_equation_1(anchors, tokens, positives, negatives, tau):
    def cosine(x, y):
        return sum(a * b for a, b in zip(x, y, strict=True)) / math.sqrt(sum(a * a for a in x) * sum(b * b for b in y))

    losses = []
    for i, anchor in enumerate(anchors.tolist()):
        P = [t for j, t in enumerate(tokens.tolist()) if positives[i, j]]
        N = [t for j, t in enumerate(tokens.tolist()) if negatives[i, j]]
        if not P:
            continue
        total = sum(math.exp(cosine(anchor, t) / tau) for t in P + N)
        losses.append(-sum(math.log(math.exp(cosine(anchor, t) / tau) / total) for t in P) / len(P))
    return sum(losses) / len(losses)


def test_equation_1_is_what_the_paper_writes():
    torch.manual_seed(0)
    anchors, tokens = torch.randn(5, 6), torch.randn(9, 6)
    positives = torch.rand(5, 9) < 0.3
    positives[4] = False
    negatives = (torch.rand(5, 9) < 0.5) & ~positives
    ours = temporal_contrastive_loss(anchors, tokens, positives, negatives, 0.2)
    expected = written_out_equation_1(anchors, tokens, positives, negatives, 0.2)
    assert math.isclose(ours.item(), expected, rel_tol=1e-5)


def test_equation_1_without_any_positive_is_zero_and_has_a_gradient():
    anchors = torch.randn(3, 4, requires_grad=True)
    none = torch.zeros(3, 2, dtype=torch.bool)
    loss = temporal_contrastive_loss(anchors, torch.randn(2, 4), none, none)
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(anchors.grad).all()


def test_equation_1_prefers_the_ordered_token_to_the_shuffled_one():
    anchor = torch.tensor([[1.0, 0.0]])
    yes, no = torch.tensor([[True, False]]), torch.tensor([[False, True]])
    right = temporal_contrastive_loss(anchor, torch.tensor([[1.0, 0.1], [0.0, 1.0]]), yes, no)
    wrong = temporal_contrastive_loss(anchor, torch.tensor([[0.0, 1.0], [1.0, 0.1]]), yes, no)
    assert right < wrong


def test_equation_2_weighs_as_the_paper_does():
    parts = {name: torch.tensor(1.0) for name in ("txt", "bce", "dice", "con")}
    assert LOSS_WEIGHTS == {"txt": 1.0, "bce": 2.0, "dice": 0.5, "con": 0.3}
    torch.testing.assert_close(total_loss(parts), torch.tensor(3.8))


def test_pairwise_losses_are_those_of_single_masks():
    torch.manual_seed(1)
    logits, targets = torch.randn(3, 40), (torch.rand(4, 40) < 0.3).float()
    for pairwise, single in ((pairwise_bce, mask_bce), (pairwise_dice, mask_dice)):
        table = pairwise(logits, targets)
        for i in range(3):
            for j in range(4):
                torch.testing.assert_close(table[i, j], single(logits[i : i + 1], targets[j : j + 1])[0])


def test_cheapest_order_agrees_with_the_hungarian_method():
    from scipy.optimize import linear_sum_assignment

    torch.manual_seed(2)
    cost = torch.rand(20, 4, 4)
    for table, order in zip(cost, optimal_assignment(cost), strict=True):
        assert order.tolist() == linear_sum_assignment(table.numpy())[1].tolist()
