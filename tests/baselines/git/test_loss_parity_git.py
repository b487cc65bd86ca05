"""GIT's training loss against a loop over tokens."""

import math

import pytest
import torch
from transformers import GitForCausalLM

from baselines.git.losses import LossConfig, caption_logits, compute_losses, total_loss
from baselines.git.network import build
from baselines.layers.inputs.bert_vocabulary import BEGIN, END, PADDING
from baselines.layers.training.caption_targets import CaptionTargets, build_targets

WORDS = 200
CAPTIONS = [[17, 4, 9], [50, 60, 70, 80, 90], []]


def looped(logits: torch.Tensor, captions: list[list[int]], smoothing: float) -> float:
    """The same loss, token by token and word by word in double precision."""
    sums, count = 0.0, 0
    for row, caption in zip(logits.double().tolist(), captions, strict=True):
        for place, right in enumerate([*caption, END]):
            scores = row[place]
            log_sum = math.log(sum(math.exp(score) for score in scores))
            for word, score in enumerate(scores):
                expected = 1 - smoothing if word == right else smoothing / (len(scores) - 1)
                if expected > 0:
                    sums += expected * (math.log(expected) - (score - log_sum))
            count += 1
    return sums / count


@pytest.mark.parametrize("smoothing", [0.1, 0.3, 0.0])
def test_loss_parity_with_a_loop_over_tokens(smoothing: float) -> None:
    torch.manual_seed(0)
    config = LossConfig(label_smoothing=smoothing)
    targets = build_targets(CAPTIONS, config.max_text_len)
    logits = torch.randn(*targets.ids.shape, WORDS)
    loss = compute_losses(logits, targets, config)["loss_caption"]
    assert loss.item() == pytest.approx(looped(logits, CAPTIONS, smoothing), rel=1e-5)


def test_loss_parity_of_gradients_with_smoothed_cross_entropy() -> None:
    """torch spreads the mass over all words, the target included: a factor v / (v - 1) in the smoothing."""
    torch.manual_seed(0)
    targets = build_targets(CAPTIONS, LossConfig().max_text_len)
    logits = torch.randn(*targets.ids.shape, WORDS, requires_grad=True)
    compute_losses(logits, targets, LossConfig())["loss_caption"].backward()
    ours, logits.grad = logits.grad, None
    predicted = targets.predicted[:, 1:]
    torch.nn.functional.cross_entropy(
        logits[:, :-1][predicted], targets.ids[:, 1:][predicted], label_smoothing=0.1 * WORDS / (WORDS - 1)
    ).backward()
    torch.testing.assert_close(ours, logits.grad, rtol=1e-4, atol=1e-7)
    assert ours[2, 1:].eq(0).all()  # after the end token of the empty caption


def test_a_prediction_equal_to_the_smoothed_target_has_no_loss() -> None:
    targets = CaptionTargets(torch.tensor([[BEGIN, 7]]), torch.tensor([[False, True]]))
    probabilities = torch.full((1, 2, WORDS), 0.1 / (WORDS - 1))
    probabilities[0, 0, 7] = 0.9
    losses = compute_losses(probabilities.log(), targets, LossConfig())
    assert losses["loss_caption"].item() == pytest.approx(0.0, abs=1e-6)


def test_the_loss_is_weighted() -> None:
    assert total_loss({"loss_caption": torch.tensor(2.0)}, LossConfig(caption_loss_coef=3.0)).item() == 6.0
    assert total_loss({"loss_caption": torch.tensor(2.0)}, LossConfig()).item() == 2.0


def test_captions_are_framed_cut_and_padded() -> None:
    targets = build_targets(CAPTIONS, 4)
    assert targets.ids.tolist() == [
        [BEGIN, 17, 4, 9, END, PADDING],
        [BEGIN, 50, 60, 70, 80, END],
        [BEGIN, END, PADDING, PADDING, PADDING, PADDING],
    ]
    assert targets.predicted.long().tolist() == [[0, 1, 1, 1, 1, 0], [0, 1, 1, 1, 1, 1], [0, 1, 0, 0, 0, 0]]


@pytest.fixture(scope="module")
def mini() -> GitForCausalLM:
    torch.manual_seed(0)
    return build("mini").eval()


@torch.no_grad()
def test_padding_and_later_tokens_change_no_prediction(mini: GitForCausalLM) -> None:
    frames = torch.randn(1, 6, 3, 224, 224)
    short = torch.tensor([[BEGIN, 17, 4]])
    padded = torch.tensor([[BEGIN, 17, 4, END, PADDING]])
    first, second = caption_logits(mini, frames, short), caption_logits(mini, frames, padded)
    assert second.shape == (1, 5, mini.config.vocab_size)
    torch.testing.assert_close(first, second[:, :3], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(first, caption_logits(mini, frames + 1, short))


@torch.no_grad()
def test_loss_parity_with_the_library_without_smoothing(mini: GitForCausalLM) -> None:
    frames = torch.randn(3, 6, 3, 224, 224)
    config = LossConfig(label_smoothing=0.0)
    targets = build_targets(CAPTIONS, config.max_text_len)
    labels = targets.ids.masked_fill(~targets.predicted, -100)
    library = mini(input_ids=targets.ids, pixel_values=frames, labels=labels).loss
    ours = compute_losses(caption_logits(mini, frames, targets.ids), targets, config)["loss_caption"]
    assert ours.item() == pytest.approx(library.item(), rel=1e-5)


def test_the_mini_size_learns_a_caption() -> None:
    torch.manual_seed(0)
    network, config = build("mini").train(), LossConfig()
    frames = torch.randn(1, 6, 3, 224, 224)
    targets = build_targets([[17, 4, 9]], config.max_text_len)
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    for _ in range(15):
        loss = total_loss(compute_losses(caption_logits(network, frames, targets.ids), targets, config), config)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    logits = caption_logits(network.eval(), frames, targets.ids)
    assert logits.argmax(-1)[0, :4].tolist() == [17, 4, 9, END]
