"""Beam searches of captioners: by log-probability per length (VAST), and plain (NarrativeBridge's CEN)."""

from collections.abc import Callable

from torch import Tensor

NextLogits = Callable[[list[list[int]]], Tensor]
"""Logits of the next token, ``(k, v)``, for k beginnings of equal length."""


def beam_search(
    next_logits: NextLogits,
    *,
    begin: int,
    end: int,
    beams: int,
    length_penalty: float,
    max_new_tokens: int,
) -> list[int]:
    """Search the sentence of the highest log-probability per length, as transformers 4.33 did.

    Args:
        next_logits: Of at least ``2 * beams`` tokens.
        begin: First token.
        end: Last token.
        beams: Beginnings that are kept; 1: greedy.
        length_penalty: A log-probability is divided by length ** ``length_penalty``; the length counts the begin token
            and not the end token.
        max_new_tokens: Upper bound of the tokens after the begin token.

    Returns:
        Tokens after the begin token, with the end token if it was generated.
    """
    alive: list[tuple[float, list[int]]] = [(0.0, [begin])]
    finished: list[tuple[float, list[int]]] = []

    def finish(total: float, tokens: list[int], *, ended: bool) -> None:
        finished.append((total / len(tokens) ** length_penalty, [*tokens, end] if ended else tokens))
        finished.sort(key=lambda item: -item[0])
        del finished[beams:]

    for _ in range(max_new_tokens):
        scores = next_logits([tokens for _, tokens in alive]).float().log_softmax(-1)
        totals = scores + scores.new_tensor([total for total, _ in alive])[:, None]
        values, places = totals.flatten().topk(2 * beams)
        following: list[tuple[float, list[int]]] = []
        for rank, (total, place) in enumerate(zip(values.tolist(), places.tolist(), strict=True)):
            row, token = divmod(place, scores.shape[-1])
            tokens = alive[row][1]
            if token != end:
                following.append((total, [*tokens, token]))
            elif rank < beams:  # an end among the worse half of the candidates does not count
                finish(total, tokens, ended=True)
            if len(following) == beams:
                break
        best_possible = values[0].item() / (len(alive[0][1]) + 1) ** length_penalty
        greedy_end = beams == 1 and finished
        if greedy_end or (len(finished) == beams and finished[-1][0] >= best_possible):
            return finished[0][1][1:]
        alive = following
    for total, tokens in alive:
        finish(total, tokens, ended=False)
    return finished[0][1][1:]


def plain_beam_search(
    next_logits: NextLogits, *, begin: int, end: int, beams: int, max_new_tokens: int
) -> list[tuple[float, list[int]]]:
    """Search the sentence of the highest log-probability, as UniVL does.

    The search stops when the best sentence ends. Another one that has ended is not set aside: it grows beyond its end.

    Args:
        next_logits: Of at least ``beams`` tokens.
        begin: First token.
        end: Last token.
        beams: Sentences that are kept; 1: greedy.
        max_new_tokens: Upper bound of the tokens after the begin token.

    Returns:
        Log-probability and tokens after the begin token of every kept sentence, best first, not cut at its end.
    """
    alive: list[tuple[float, list[int]]] = [(0.0, [begin])]
    for _ in range(max_new_tokens):
        scores = next_logits([tokens for _, tokens in alive]).float().log_softmax(-1)
        totals = scores + scores.new_tensor([total for total, _ in alive])[:, None]
        values, places = totals.flatten().topk(beams)
        rows = [divmod(place, scores.shape[-1]) for place in places.tolist()]
        alive = [(total, [*alive[row][1], token]) for total, (row, token) in zip(values.tolist(), rows, strict=True)]
        if alive[0][1][-1] == end:
            break
    return [(total, tokens[1:]) for total, tokens in alive]
