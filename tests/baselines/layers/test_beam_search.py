"""Beam searches against all sentences of a small language."""

from itertools import product
from math import log

import pytest
import torch

from baselines.layers.inference.beam_search import beam_search, plain_beam_search

BEGIN, END = 0, 1


def markov(beginnings: list[list[int]]) -> torch.Tensor:
    """Logits of the next of five tokens from the last two; sentences differ in length and in probability."""
    rows = []
    for tokens in beginnings:
        generator = torch.Generator().manual_seed(10 * tokens[-1] + len(tokens))
        rows.append(torch.randn(5, generator=generator) * 1.5)
    return torch.stack(rows)


def every_sentence(longest: int, length_penalty: float) -> list[tuple[float, list[int]]]:
    """All sentences of up to ``longest`` tokens by score, best first."""
    found = []
    for length in range(1, longest + 1):
        for tokens in product(range(5), repeat=length):
            if END in tokens[:-1] or (tokens[-1] != END and length < longest):
                continue
            beginnings = [[BEGIN, *tokens[:place]] for place in range(length)]
            logs = [markov([past]).log_softmax(-1)[0, token] for past, token in zip(beginnings, tokens, strict=True)]
            words = length + (tokens[-1] != END)  # begin is counted, end is not
            found.append((float(sum(logs)) / words**length_penalty, list(tokens)))
    return sorted(found, reverse=True)


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 2.0])
def test_a_wide_beam_search_is_exhaustive(length_penalty: float) -> None:
    wide = {"begin": BEGIN, "end": END, "length_penalty": length_penalty, "max_new_tokens": 3}

    # 64 beginnings of two words without an end: nothing is pruned.
    def padded(beginnings: list[list[int]]) -> torch.Tensor:
        return torch.cat((markov(beginnings), torch.full((len(beginnings), 200), -60.0)), 1)

    assert beam_search(padded, beams=100, **wide) == every_sentence(3, length_penalty)[0][1]


def test_greedy_takes_the_best_word_each_time() -> None:
    tokens: list[int] = [BEGIN]
    while len(tokens) < 6 and tokens[-1] != END:
        tokens.append(int(markov([tokens])[0].argmax()))
    found = beam_search(markov, begin=BEGIN, end=END, beams=1, length_penalty=0.6, max_new_tokens=5)
    assert found == tokens[1:]


def test_beams_compare_log_probabilities_per_length() -> None:
    """After 2 the sentence ends surely; ending at once has a higher probability but a lower one per length."""

    def logits(beginnings: list[list[int]]) -> torch.Tensor:
        first = [1e-9, 0.4, 0.35, 0.25]
        return torch.tensor(
            [[log(p) for p in (first if len(b) == 1 else [1e-9, 1 - 3e-9, 1e-9, 1e-9])] for b in beginnings]
        )

    common = {"begin": BEGIN, "end": END, "beams": 2, "max_new_tokens": 3}
    assert beam_search(logits, length_penalty=0.0, **common) == [END]
    # log 0.35 / 2 > log 0.4 / 1
    assert beam_search(logits, length_penalty=1.0, **common) == [2, END]


def test_a_plain_search_takes_the_shorter_sentence_and_lets_the_others_grow() -> None:
    """END is the second best first word: it grows beyond its end until the best one ends."""

    def logits(beginnings: list[list[int]]) -> torch.Tensor:
        table = {BEGIN: [1e-9, 0.4, 0.6, 1e-9], END: [0.3, 0.1, 0.3, 0.3], 2: [0.1, 0.85, 0.04, 0.01]}
        return torch.tensor([[log(p) for p in table[tokens[-1]]] for tokens in beginnings])

    best, other = plain_beam_search(logits, begin=BEGIN, end=END, beams=2, max_new_tokens=5)
    assert best == (pytest.approx(log(0.6 * 0.85)), [2, END])
    assert other == (pytest.approx(log(0.4 * 0.3)), [END, 0])
    assert plain_beam_search(logits, begin=BEGIN, end=END, beams=1, max_new_tokens=1) == [
        (pytest.approx(log(0.6)), [2])
    ]
