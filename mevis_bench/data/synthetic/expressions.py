"""Expressions of a video: true claims about one or several objects, and deceptive ones about none."""

from dataclasses import dataclass

import numpy as np

from mevis_bench.data.synthetic.facts import Claim, Facts
from mevis_bench.data.synthetic.grammar import NUMBERS, Realizer
from mevis_bench.data.synthetic.motion import HEADINGS

PHASE_MOVES = ("left", "right", "up", "down", "still", "circle", "hop", "near", "far")
WHOLE_MOVES = (*HEADINGS, "still", "moving", "circle", "zigzag", "hop", "near", "far")
RELATIONS = ("follow", "followed", "overtake", "overtaken", "meet", "together")
EXTREMES = ("farthest", "fastest", "last_start", "first_stop", "end_left", "end_right", "end_top", "end_bottom")
PLURAL_ONLY = ("meet", "together")

CHANCES = {"whole": 2.0, "order": 2.6, "start": 0.9, "end": 0.9, "event": 1.3, "relation": 3.0, "extreme": 1.4}
"""Sampling weight of each form of claim that a video allows."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One expression of a video.

    Attributes:
        text: The sentence.
        targets: Indices of the objects it refers to, ascending; empty: no target.
        form: The claim's form, ``either`` for two claims joined by "and", ``count`` for a wrong number.
        reasoning: Whether it requires comparing or relating several objects.
        partner: Position of the sentence that differs only in the order of the moves; ``None``: it has no partner.
    """

    text: str
    targets: tuple[int, ...]
    form: str
    reasoning: bool
    partner: int | None = None


def all_claims() -> tuple[Claim, ...]:
    """Return every claim that the grammar can express."""
    claims = [Claim("whole", (move, "")) for move in WHOLE_MOVES]
    claims += [Claim("whole", (move, pace)) for move in (*HEADINGS, "moving") for pace in ("fast", "slow")]
    claims += [Claim("order", (a, b)) for a in PHASE_MOVES for b in PHASE_MOVES if a != b]
    claims += [Claim(form, (move,)) for form in ("start", "end") for move in PHASE_MOVES]
    claims += [Claim("event", (name,)) for name in ("leave", "return", "enter", "turn_back", "stay_in")]
    claims += [Claim("relation", (name,)) for name in RELATIONS]
    claims += [Claim("extreme", (name,)) for name in EXTREMES]
    return tuple(claims)


class Annotator:
    """Writes the sentences of one video."""

    def __init__(self, facts: Facts, realizer: Realizer, rng: np.random.Generator) -> None:
        self.rng = rng
        self.realizer = realizer
        self.facts = facts
        targets_by_claim = {claim: facts.targets(claim) for claim in all_claims()}
        number = len(facts.tracks)
        self.true = {
            claim: targets for claim, targets in targets_by_claim.items()
            if targets and len(targets) < number and (len(targets) == 1) <= (claim.what[0] not in PLURAL_ONLY)
        }  # fmt: skip
        self.false = {claim for claim, targets in targets_by_claim.items() if targets == ()}
        self.used: dict[Claim, int] = {}
        self.texts: set[str] = set()

    def write(self) -> list[Sentence]:
        """Return about eleven sentences: some 60 % about one object, 25 % about several, the rest about none."""
        sentences = self._order_pair()
        singles = int(self.rng.choice([6, 7]))
        several = int(self.rng.choice([2, 3], p=[0.25, 0.75]))
        without_target = int(self.rng.choice([1, 2]))
        for _ in range(singles - len(sentences)):
            sentences += self._true_claim(many=False)
        for _ in range(several):
            sentences += self._either() if self.rng.random() < 0.25 else self._true_claim(many=True) or self._either()
        for _ in range(without_target):
            sentences += self._deceptive()
        return self._shuffled(sentences)

    def _order_pair(self) -> list[Sentence]:
        """Return A-then-B of one object and B-then-A of another in the same words; empty if there is no pair."""
        orders = [claim for claim, targets in self.true.items() if claim.form == "order" and len(targets) == 1]
        pairs = [
            claim for claim in orders if Claim("order", claim.what[::-1]) in orders and claim.what < claim.what[::-1]
        ]
        if not pairs:
            return []
        claim = pairs[self.rng.integers(len(pairs))]
        back = Claim("order", claim.what[::-1])
        texts = self.realizer.order_pair(*claim.what)
        self.texts.update(texts)
        self.used[claim] = self.used[back] = 1
        return [
            Sentence(text, self.true[order], "order", False, partner)
            for text, order, partner in zip(texts, (claim, back), (1, 0), strict=True)
        ]

    def _true_claim(self, many: bool) -> list[Sentence]:
        """Return a sentence that is true of exactly one object, or of several but not all; empty if there is none."""
        candidates = [c for c, t in self.true.items() if (len(t) > 1) == many and self.used.get(c, 0) < 2]
        claim = self._choose(candidates)
        if claim is None:
            return []
        targets = self.true[claim]
        return self._sentence(claim, targets, len(targets))

    def _choose(self, candidates: list[Claim]) -> Claim | None:
        """Return a random claim: first its form, then the claim; used claims are rarely repeated."""
        if not candidates:
            return None
        forms = sorted({claim.form for claim in candidates})
        chances = np.array([CHANCES[form] for form in forms])
        form = forms[self.rng.choice(len(forms), p=chances / chances.sum())]
        claims = [claim for claim in candidates if claim.form == form]
        weights = np.array([0.15 if self.used.get(claim) else 1.0 for claim in claims])
        return claims[self.rng.choice(len(claims), p=weights / weights.sum())]

    def _sentence(self, claim: Claim, targets: tuple[int, ...], number: int) -> list[Sentence]:
        """Return a sentence worded as none of this video yet; empty if four tries give none."""
        reasoning = claim.form in ("relation", "extreme") or claim.what[0] == "stay_in"
        for _ in range(4):
            text = self.realizer.realize(claim, number)
            if text.lower() not in self.texts:
                self.texts.add(text.lower())
                self.used[claim] = self.used.get(claim, 0) + 1
                return [Sentence(text, targets, claim.form, reasoning)]
        return []

    def _either(self) -> list[Sentence]:
        """Return a sentence that joins two claims about different single objects; empty if there are none."""
        claims = [
            claim for claim, targets in self.true.items()
            if len(targets) == 1 and claim.form in ("whole", "event", "start", "end")
        ]  # fmt: skip
        for _ in range(8 if len(claims) > 1 else 0):
            first, second = (claims[i] for i in self.rng.choice(len(claims), 2, replace=False))
            if self.true[first] == self.true[second]:
                continue
            text = self.realizer.either(first, second)
            if text.lower() not in self.texts:
                self.texts.add(text.lower())
                return [Sentence(text, tuple(sorted(self.true[first] + self.true[second])), "either", False)]
        return []

    def _deceptive(self) -> list[Sentence]:
        """Return a true claim changed in one respect so that it holds for no object; empty if there is none."""
        sources = [claim for claim in self.true if claim.form != "extreme"]
        for _ in range(20 if sources else 0):
            source = self._choose(sources)
            assert source is not None
            number = len(self.true[source])
            if number > 1 and number + 1 in NUMBERS and self.rng.random() < 0.15:
                return self._wrong_number(source, number)
            variants = [claim for claim in self.false if _differs_in_one(source, claim)]
            variants.sort(key=lambda claim: claim.what)
            if variants:
                claim = variants[self.rng.integers(len(variants))]
                plural = claim.what[0] in PLURAL_ONLY
                return self._sentence(claim, (), max(number, 2) if plural else number)
        return []

    def _wrong_number(self, source: Claim, number: int) -> list[Sentence]:
        """Return a sentence about a group of more objects than exist."""
        wrong = int(self.rng.integers(number + 1, min(5, number + 2) + 1))
        text = self.realizer.realize(source, wrong, counted=True)
        self.texts.add(text.lower())
        return [Sentence(text, (), "count", True)]

    def _shuffled(self, sentences: list[Sentence]) -> list[Sentence]:
        """Return the sentences in random order, with updated partners."""
        order = self.rng.permutation(len(sentences))
        position = {int(old): new for new, old in enumerate(order)}
        return [
            Sentence(s.text, s.targets, s.form, s.reasoning, None if s.partner is None else position[s.partner])
            for s in (sentences[i] for i in order)
        ]


def _differs_in_one(source: Claim, claim: Claim) -> bool:
    """Return whether two claims differ in one respect: one argument, or the order of two."""
    if source.form != claim.form:
        return False
    if source.form == "order" and claim.what == source.what[::-1]:
        return True
    return sum(a != b for a, b in zip(source.what, claim.what, strict=True)) == 1
