import torch

from baselines.dshmp.losses import DsHmpLossConfig, contrastive_loss, loss_weights
from baselines.dshmp.memory_bank import ExpressionContrast, MemoryBank, draw_negatives


def test_random_rows_fill_the_room_before_those_of_the_same_video():
    positives, others = torch.tensor([5, 11, 2]), torch.tensor([8, 7])
    chosen = draw_negatives(positives, others, rows=30, samples=12, generator=torch.Generator().manual_seed(0))
    assert chosen[-2:].tolist() == [8, 7]
    random = chosen[:-2].tolist()
    assert len(random) == len(set(random)) == 7
    assert not set(random) & {5, 11, 2, 7, 8}
    again = draw_negatives(positives, others, rows=30, samples=12, generator=torch.Generator().manual_seed(1))
    assert again.tolist() != chosen.tolist()


def test_a_long_list_of_the_same_video_is_cut_at_the_room():
    others = torch.arange(10, 20)
    assert draw_negatives(torch.tensor([0, 1]), others, rows=100, samples=6).tolist() == [10, 11, 12, 13]


def test_a_small_bank_gives_fewer_negatives():
    assert sorted(draw_negatives(torch.tensor([0]), torch.tensor([1]), rows=4, samples=100).tolist()) == [1, 2, 3]


def test_an_update_keeps_a_tenth_of_the_row_and_leaves_the_others():
    bank = MemoryBank(3, 2)
    bank.features.copy_(torch.tensor([[1.0, 1.0], [10.0, 20.0], [3.0, 3.0]]))
    bank.update(torch.tensor([1]), torch.tensor([[1.0, -1.0]]), 0.1)
    torch.testing.assert_close(bank.features, torch.tensor([[1.0, 1.0], [1.9, 1.1], [3.0, 3.0]]))
    bank.update(torch.empty(0, dtype=torch.int64), torch.empty(0, 2), 0.1)
    torch.testing.assert_close(bank.features[1], torch.tensor([1.9, 1.1]))


def test_the_contrastive_loss_by_hand():
    features = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    contrast = ExpressionContrast(0, torch.tensor([0]), torch.tensor([1]))
    anchor = torch.tensor([1.0, 0.0], requires_grad=True)
    loss = contrastive_loss(anchor, contrast, features)
    # Dot products 1 and 0: log(e + 1) - 1 = 0.3132617; cosines 1 and 0 equal the labels.
    torch.testing.assert_close(loss, torch.tensor(2 * 0.3132617))
    swapped = contrastive_loss(torch.tensor([0.0, 1.0]), contrast, features)
    # Dot products 0 and 1: log(1 + e) - 0 = 1.3132617; both cosines are off by 1.
    torch.testing.assert_close(swapped, torch.tensor(2 * 1.3132617 + 1))


def test_positives_are_averaged_in_the_contrastive_loss():
    features = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    contrast = ExpressionContrast(0, torch.tensor([0, 1]), torch.tensor([2]))
    loss = contrastive_loss(torch.tensor([1.0, 0.0]), contrast, features)
    # Z = e^0 + (e + e) / 2: two equal positives cost as much as one.
    torch.testing.assert_close(loss, torch.tensor(2 * 0.3132617))


def test_the_contrastive_weight_grows_over_2000_iterations():
    weights = [loss_weights(DsHmpLossConfig(), iteration)["loss_con_sim"] for iteration in (0, 1000, 2000, 50000)]
    assert weights == [0.0, 0.15, 0.3, 0.3]
