"""The sentences of mini are English, varied, and of the promised kinds."""

import re
from collections import Counter

import numpy as np
import pytest

from mevis_bench.data.synthetic.expressions import Annotator, Sentence, all_claims
from mevis_bench.data.synthetic.facts import Facts
from mevis_bench.data.synthetic.grammar import ORDERS, VERBS, Realizer, conjugate
from mevis_bench.data.synthetic.plan import make_plan
from mevis_bench.data.synthetic.sprites import KINDS, SpriteKind

BIRD = next(kind for kind in KINDS if kind.noun == "bird")


@pytest.fixture(scope="module")
def written() -> list[tuple[SpriteKind, list[Sentence]]]:
    """Sentences of 150 videos, nothing drawn."""
    videos = []
    for index in range(150):
        rng = np.random.default_rng([5, index])
        kind = KINDS[rng.integers(len(KINDS))]
        videos.append((kind, Annotator(Facts(make_plan(rng)), Realizer(kind, rng), rng).write()))
    return videos


def test_the_kinds_have_the_promised_shares(written: list[tuple[SpriteKind, list[Sentence]]]) -> None:
    kinds = Counter(min(len(sentence.targets), 2) for _, sentences in written for sentence in sentences)
    total = sum(kinds.values())
    assert kinds[1] / total == pytest.approx(0.60, abs=0.04)
    assert kinds[2] / total == pytest.approx(0.25, abs=0.04)
    assert 0.10 <= kinds[0] / total <= 0.18
    assert total / len(written) > 10


def test_reasoning_and_order_are_common_enough(written: list[tuple[SpriteKind, list[Sentence]]]) -> None:
    sentences = [sentence for _, video in written for sentence in video]
    assert np.mean([sentence.reasoning for sentence in sentences]) > 0.08
    assert np.mean([any(one.partner is not None for one in video) for _, video in written]) > 0.5


def test_every_form_also_occurs_without_target(written: list[tuple[SpriteKind, list[Sentence]]]) -> None:
    """The wording alone must not give away that there is no target."""
    shares = {}
    for form in ("whole", "order", "start", "end", "event", "relation"):
        of_form = [sentence for _, video in written for sentence in video if sentence.form == form]
        shares[form] = np.mean([not sentence.targets for sentence in of_form])
    assert all(0.03 < share < 0.5 for share in shares.values()), shares


def test_no_sentence_comes_twice_in_a_video_and_wording_varies(
    written: list[tuple[SpriteKind, list[Sentence]]],
) -> None:
    for _, video in written:
        texts = [sentence.text.lower() for sentence in video]
        assert len(set(texts)) == len(texts)
    texts = [sentence.text.lower().replace(kind.noun, "N") for kind, video in written for sentence in video]
    assert len(set(texts)) > 0.8 * len(texts)


def test_number_agrees(written: list[tuple[SpriteKind, list[Sentence]]]) -> None:
    third = "|".join(forms[0] for forms in VERBS.values()) + "|is|does"
    base = "|".join(VERBS) + "|are|do"
    for kind, video in written:
        for sentence in video:
            text = sentence.text.lower()
            assert "  " not in text
            assert not re.search(r"[{}]", text)
            if kind.noun == kind.plural:
                continue
            assert not re.search(rf"\b({kind.plural}) (that|which)( first| initially)? ({third})\b", text), text
            assert not re.search(rf"\b({kind.noun}|one) (that|which)( first| initially)? ({base})\b", text), text
            assert not re.search(rf"\b(all|both|two|three|four|five)( the)? {kind.noun}\b", text), text
            if len(sentence.targets) > 1 and sentence.form != "either":
                assert re.search(rf"\b{kind.plural}\b", text), text
            if len(sentence.targets) == 1:
                assert re.search(rf"\b{kind.noun}\b", text), text


@pytest.mark.parametrize("number", [1, 2])
def test_every_claim_can_be_realized(number: int) -> None:
    for claim in all_claims():
        if claim.form == "extreme" and number > 1:
            continue
        texts = {Realizer(BIRD, np.random.default_rng(seed)).realize(claim, number).lower() for seed in range(20)}
        assert len(texts) >= 2, claim
        assert all(("birds" in text) == (number > 1) for text in texts), texts


def test_a_wrong_number_is_always_stated() -> None:
    claim = next(claim for claim in all_claims() if claim.what == ("left", ""))
    for seed in range(20):
        text = Realizer(BIRD, np.random.default_rng(seed)).realize(claim, 3, counted=True)
        assert text.lower().startswith("the three birds ")


def test_verbs_are_inflected() -> None:
    verb = conjugate("move left")
    assert (verb.singular, verb.plural, verb.ing) == ("moves left", "move left", "moving left")
    both = conjugate("leave the frame and then return")
    assert both.singular == "leaves the frame and then returns"
    assert both.ing == "leaving the frame and then returning"
    passive = conjugate("be followed by another fish")
    assert (passive.singular, passive.plural) == ("is followed by another fish", "are followed by another fish")


def test_some_frames_name_the_later_move_first() -> None:
    realizer = Realizer(BIRD, np.random.default_rng(0))
    left, up = conjugate("move left"), conjugate("move up")
    texts = {
        realizer.order(left, up, frame, 1).lower().removeprefix("the only ").removeprefix("the ") for frame in ORDERS
    }
    assert {"bird that moves up after moving left", "bird that first moves left and then moves up"} <= texts
    assert len(texts) == len(ORDERS)


def test_a_pair_differs_only_in_order() -> None:
    for seed in range(30):
        forward, backward = Realizer(BIRD, np.random.default_rng(seed)).order_pair("left", "still")
        assert len(forward.split()) == len(backward.split())
        assert forward != backward
        assert ("only" in forward, forward[0]) == ("only" in backward, backward[0])
