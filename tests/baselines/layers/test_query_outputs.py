import torch

from baselines.layers.inference.query_outputs import QueryOutputs, best_query, query_masks


def test_the_best_query_is_best_on_average_over_probabilities():
    # Query 0 has the highest logit and the highest mean logit; query 1 the highest mean probability.
    logits = torch.tensor([[20.0, 1.0], [-3.0, 1.0], [-3.0, 1.0]])
    index, score = best_query(logits)
    assert index == 1
    assert score == torch.tensor(1.0).sigmoid().item()


def test_masks_are_scaled_before_they_are_cut():
    masks = torch.full((20, 2, 2, 2), -1.0)
    masks[:, 1, :, 0] = 3.0
    answer = QueryOutputs(torch.zeros(20, 2), torch.zeros(20, 2, 1), masks)
    drawn = query_masks(answer, 1, (4, 8))
    assert drawn.shape == (20, 4, 8)
    # Columns of the scaled logits: 3, 3, 2.5, 1.5, 0.5, -0.5, -1, -1.
    assert drawn[0, 0].tolist() == [True] * 5 + [False] * 3
    assert (drawn == drawn[0, 0]).all()
    assert not query_masks(answer, 0, (4, 8)).any()


def test_a_logit_of_zero_is_no_target():
    answer = QueryOutputs(torch.zeros(1, 1), torch.zeros(1, 1, 1), torch.zeros(1, 1, 3, 3))
    assert not query_masks(answer, 0, (3, 3)).any()
