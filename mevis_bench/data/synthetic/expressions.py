"""Expressions of a video: true claims about one or several objects, and deceptive ones about none.

Where a video shows two kinds of objects, an annotator describes those of one kind, and claims are about these alone:
"the car that moves left" is the car that does, whatever the birds do.
"""

from collections.abc import Sequence
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

COUNTED = 0.6
"""Chance of a sentence that states the right number of its targets, in worlds with numbers."""

BORROWED = 0.6
"""Chance that a deceptive sentence says of one kind what is true of the other one."""

NOUN_ONLY, NUMBER_ONLY, ABSENT_NOUN = 0.6, 0.4, 0.3
"""Chances, in a video of two kinds, of a sentence that is only the noun of each kind, only its noun and a number (half
of them wrong), and only the noun of a kind that is absent."""

CHANCES = {"whole": 2.0, "order": 2.6, "start": 0.9, "end": 0.9, "event": 1.3, "relation": 3.0, "extreme": 1.4}
"""Sampling weight of each form of claim that a video allows."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One expression of a video.

    Attributes:
        text: The sentence.
        targets: Indices of the objects it refers to, ascending; empty: no target.
        form: The claim's form, ``either`` for two claims joined by "and", ``count`` for a stated number, right or
            wrong, ``noun`` for all objects of a kind.
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
    """Writes the sentences about the objects of one kind.

    Args:
        facts: Facts of these objects.
        realizer: Words for them.
        rng: Random generator.
        others: Facts of the objects of the other kind, which deceptive sentences borrow; ``None``: there is one kind.
        numbers: Whether some sentences state the right number of their targets.
    """

    def __init__(
        self,
        facts: Facts,
        realizer: Realizer,
        rng: np.random.Generator,
        *,
        others: Facts | None = None,
        numbers: bool = False,
    ) -> None:
        self.rng = rng
        self.realizer = realizer
        self.facts = facts
        self.others = others
        self.numbers = numbers
        targets_by_claim = {claim: facts.targets(claim) for claim in all_claims()}
        self.true = {
            claim: targets for claim, targets in targets_by_claim.items()
            if targets and (len(targets) == 1) <= (claim.what[0] not in PLURAL_ONLY)
            and not self._holds_of_all(claim, targets)
        }  # fmt: skip
        self.false = {claim for claim, targets in targets_by_claim.items() if targets == ()}
        self.used: dict[Claim, int] = {}
        self.texts: set[str] = set()

    def _holds_of_all(self, claim: Claim, targets: tuple[int, ...]) -> bool:
        """Return whether a claim is true of every object of the video, so that it tells nothing apart."""
        return targets == self.facts.members and (
            self.others is None or self.others.targets(claim) == self.others.members
        )

    def write(self) -> list[Sentence]:
        """Return about eleven sentences: some 60 % about one object, 25 % about several, the rest about none.

        Where there are two kinds, return about half as many.
        """
        sentences = self._order_pair()
        singles = int(self.rng.choice([6, 7] if self.others is None else [3, 4]))
        several = int(self.rng.choice([2, 3] if self.others is None else [0, 1], p=[0.25, 0.75]))
        without_target = int(self.rng.choice([1, 2])) if self.others is None else 1
        for _ in range(singles - len(sentences)):
            sentences += self._true_claim(many=False)
        for _ in range(several):
            sentences += self._either() if self.rng.random() < 0.25 else self._true_claim(many=True) or self._either()
        for _ in range(without_target):
            sentences += self._borrowed() or self._deceptive()
        if self.numbers and self.rng.random() < COUNTED:
            sentences += self._counted()
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

    def _borrowed(self) -> list[Sentence]:
        """Return, with chance ``BORROWED``, what is true of the other kind and of none of this one."""
        if self.others is None or self.rng.random() > BORROWED:
            return []
        there = {claim: self.others.targets(claim) for claim in all_claims() if claim in self.false}
        claim = self._choose([claim for claim, targets in there.items() if targets])
        if claim is None:
            return []
        plural = claim.what[0] in PLURAL_ONLY
        number = min(len(there[claim] or ()), len(self.facts.members))
        return self._sentence(claim, (), max(number, 2) if plural else number)

    def _counted(self) -> list[Sentence]:
        """Return a sentence that states how many objects it is true of; empty if there is no group."""
        claim = self._choose([c for c, targets in self.true.items() if len(targets) > 1 and self._countable(c)])
        if claim is None:
            return []
        text = self.realizer.realize(claim, len(self.true[claim]), counted=True)
        if text.lower() in self.texts:
            return []
        self.texts.add(text.lower())
        return [Sentence(text, self.true[claim], "count", True)]

    def _deceptive(self) -> list[Sentence]:
        """Return a true claim changed in one respect so that it holds for no object; empty if there is none."""
        sources = [claim for claim in self.true if claim.form != "extreme"]
        for _ in range(20 if sources else 0):
            source = self._choose(sources)
            assert source is not None
            number = len(self.true[source])
            if number > 1 and number + 1 in NUMBERS and self._countable(source) and self.rng.random() < 0.15:
                return self._wrong_number(source, number)
            variants = [claim for claim in self.false if _differs_in_one(source, claim)]
            variants.sort(key=lambda claim: claim.what)
            if variants:
                claim = variants[self.rng.integers(len(variants))]
                plural = claim.what[0] in PLURAL_ONLY
                return self._sentence(claim, (), max(number, 2) if plural else number)
        return []

    def _countable(self, claim: Claim) -> bool:
        """Return whether the words of a claim can state a number; without ``numbers``, orders are taken to do so."""
        return claim.form != "order" or not self.numbers

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


def noun_sentences(
    realizers: Sequence[Realizer], facts: Sequence[Facts], absent: Realizer, rng: np.random.Generator
) -> list[Sentence]:
    """Return sentences that are only a noun, or a noun and a number, for a video of two kinds.

    Args:
        realizers: Words for each kind.
        facts: Facts of the objects of each kind.
        absent: Words for a kind that is not in the video.
        rng: Random generator.
    """
    sentences = []
    for realizer, of_kind in zip(realizers, facts, strict=True):
        number = len(of_kind.members)
        if rng.random() < NOUN_ONLY:
            sentences.append(Sentence(realizer.noun(number), of_kind.members, "noun", False))
        if number > 1 and rng.random() < NUMBER_ONLY:
            stated = number if rng.random() < 0.5 else number + 1
            targets = of_kind.members if stated == number else ()
            sentences.append(Sentence(realizer.noun(stated, counted=True), targets, "count", True))
    if rng.random() < ABSENT_NOUN:
        sentences.append(Sentence(absent.noun(int(rng.integers(1, 3))), (), "noun", False))
    return sentences


def _differs_in_one(source: Claim, claim: Claim) -> bool:
    """Return whether two claims differ in one respect: one argument, or the order of two."""
    if source.form != claim.form:
        return False
    if source.form == "order" and claim.what == source.what[::-1]:
        return True
    return sum(a != b for a, b in zip(source.what, claim.what, strict=True)) == 1
