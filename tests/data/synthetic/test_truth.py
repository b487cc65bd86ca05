"""Sentences of both worlds agree with the masks."""

import re

import numpy as np
import pytest

from mevis_bench.data.synthetic import GeneratedVideo, make_video
from mevis_bench.data.synthetic.expressions import Sentence
from mevis_bench.data.synthetic.facts import Claim, Facts, all_of, measure, not_
from mevis_bench.data.synthetic.grammar import VERBS
from mevis_bench.data.synthetic.plan import HEIGHT, WIDTH, Plan, Track
from mevis_bench.data.synthetic.world import WORLDS
from tests.data.synthetic.sentence_reference import centers, goes, goes_in_order, order_of_moves, single_move

SEED = 77
LENGTH = 16


@pytest.fixture(scope="module", params=WORLDS)
def videos(request: pytest.FixtureRequest) -> list[GeneratedVideo]:
    return [make_video("check", SEED, index, world=WORLDS[request.param]) for index in range(40)]


def candidates(video: GeneratedVideo, sentence: Sentence) -> list[int]:
    """Return the objects that the sentence's noun allows, whichever it is about."""
    words = re.findall("[a-z]+", sentence.text.lower())
    return [i for i, kind in enumerate(video.kinds) if kind.noun in words or kind.plural in words]


def paths(video: GeneratedVideo) -> list[np.ndarray]:
    """Return where the masks of every object are at 16 moments, so that swaying does not lengthen its path."""
    moments = np.linspace(0, len(video.footage.frames) - 1, LENGTH).round().astype(int)
    masks, camera = video.footage.masks[moments], video.plan.camera[moments]
    return [centers(masks[:, i], camera) for i in range(len(video.kinds))]


def covered(video: GeneratedVideo, i: int) -> bool:
    """Return whether the object is partly occluded, so that its masks do not show its position."""
    visible = video.footage.masks[:, i].sum(axis=(1, 2))
    return bool(np.any(visible < 0.95 * video.footage.unoccluded[:, i])) or bool(
        video.plan.tracks[i].inside.min() < 0.95
    )


def test_sentences_about_order_agree_with_the_masks(videos: list[GeneratedVideo]) -> None:
    agreed = {True: 0, False: 0}
    for video in videos:
        found = paths(video)
        for sentence in video.sentences:
            moves = order_of_moves(sentence.text) if sentence.form == "order" else None
            for i in candidates(video, sentence):
                if moves and not covered(video, i):
                    assert goes_in_order(found[i], *moves) == (i in sentence.targets), (sentence.text, i)
                    agreed[i in sentence.targets] += 1
    assert agreed[True] >= 20
    assert agreed[False] >= 50


def test_sentences_about_one_move_agree_with_the_masks(videos: list[GeneratedVideo]) -> None:
    agreed = {True: 0, False: 0}
    for video in videos:
        found = paths(video)
        for sentence in video.sentences:
            way = single_move(sentence.text) if sentence.form == "whole" else None
            for i in candidates(video, sentence):
                if way and not covered(video, i):
                    goes_so = goes(found[i], way) and goes(found[i][:8], way)
                    assert goes_so == (i in sentence.targets), (sentence.text, i)
                    agreed[i in sentence.targets] += 1
    assert agreed[True] >= 5
    assert agreed[False] >= 10


def test_sentences_about_the_frame_agree_with_the_masks(videos: list[GeneratedVideo]) -> None:
    agreed = 0
    for video in videos:
        for sentence in video.sentences:
            if "never leave" in sentence.text or "in view the whole time" in sentence.text:
                seen = video.footage.masks.any(axis=(2, 3)).all(axis=0)
                if sentence.form == "event" and sentence.targets:
                    assert tuple(i for i in candidates(video, sentence) if seen[i]) == sentence.targets, sentence.text
                    agreed += 1
    assert agreed >= 5


def test_masks_are_the_visible_pixels(videos: list[GeneratedVideo]) -> None:
    hidden = gone = 0
    for video in videos:
        masks = video.footage.masks
        assert masks.shape == (len(video.footage.frames), len(video.plan.tracks), HEIGHT, WIDTH)
        assert masks.sum(axis=1).max() == 1
        visible = masks.sum(axis=(2, 3))
        assert np.all(visible <= video.footage.unoccluded)
        hidden += int(np.sum((visible < video.footage.unoccluded) & (visible > 0)))
        gone += int(np.sum(video.footage.unoccluded == 0))
    assert hidden > 100
    assert gone > 50


def test_masks_lie_on_the_objects(videos: list[GeneratedVideo]) -> None:
    """A mask's own pixels differ from the still scene around: shifting it off the object changes what it covers."""
    for video in videos[:10]:
        first = np.asarray(video.footage.frames[0]).astype(float)
        for i in range(len(video.plan.tracks)):
            mask = video.footage.masks[0, i]
            if mask.sum() < 200:
                continue
            ring = np.zeros_like(mask)
            ring[4:-4, 4:-4] = mask[8:, 4:-4] | mask[:-8, 4:-4] | mask[4:-4, 8:] | mask[4:-4, :-8]
            ring &= ~video.footage.masks[0].any(axis=0)
            assert np.linalg.norm(first[mask].mean(axis=0) - first[ring].mean(axis=0)) > 25


def test_the_objects_of_a_video_of_world_1_look_alike() -> None:
    """Without motion nothing decides: whole objects of one size have the same mean color."""
    compared = 0
    for video in (make_video("check", SEED, index) for index in range(40)):
        frame = np.asarray(video.footage.frames[0]).astype(float)
        same_size = [
            frame[video.footage.masks[0, i]].mean(axis=0)
            for i, track in enumerate(video.plan.tracks)
            if not covered(video, i) and np.ptp(track.diameter) == 0
        ]
        for color in same_size[1:]:
            assert np.abs(color - same_size[0]).max() < 6
            compared += 1
    assert compared > 20


LEMMAS = {form: base for base, forms in VERBS.items() for form in forms}


def lemmas(text: str) -> list[str]:
    return [LEMMAS.get(word, word) for word in text.lower().replace(",", "").split()]


def test_order_pairs_differ_only_in_order(videos: list[GeneratedVideo]) -> None:
    pairs = 0
    for video in videos:
        for number, sentence in enumerate(video.sentences):
            if sentence.partner is None:
                continue
            partner = video.sentences[sentence.partner]
            assert partner.partner == number
            assert sorted(lemmas(sentence.text)) == sorted(lemmas(partner.text))
            assert lemmas(sentence.text) != lemmas(partner.text)
            assert len(sentence.targets) == len(partner.targets) == 1
            assert sentence.targets != partner.targets
            pairs += 1
    assert pairs >= 40


def track(points: np.ndarray, phases: tuple[tuple[int, int], ...] = ((0, 15),), growth: float = 1.0) -> Track:
    center = np.add(points, [128, 72])
    return Track(center, center, np.geomspace(30, 30 * growth, LENGTH), phases, np.ones(LENGTH))


def line(x: float, y: float) -> np.ndarray:
    return np.outer(np.arange(LENGTH), (x, y))


TIME = np.arange(LENGTH)
CIRCLE = 15 * np.stack([np.cos(TIME * 0.8), np.sin(TIME * 0.8)], axis=1)
HOPS = np.stack([0 * TIME, -14 * np.abs(np.sin(TIME * np.pi / 3))], axis=1)


@pytest.mark.parametrize(
    ("points", "growth", "kind"),
    [
        (line(0, 0), 1, "still"),
        (line(3, 0), 1, "straight"),
        (CIRCLE, 1, "circle"),
        (HOPS, 1, "hop"),
        (line(0, 0), 1.8, "near"),
        (line(0, 0), 0.5, "far"),
        (line(0.3, 0), 1, "unclear"),
        (line(3, 0), 1.8, "unclear"),
    ],
)
def test_a_phase_is_measured(points: np.ndarray, growth: float, kind: str) -> None:
    assert measure(track(points, growth=growth), 0, 15).kind == kind


def evaluate(claim: Claim, *tracks: Track) -> tuple[bool | None, ...]:
    return Facts(Plan(tracks, np.zeros((LENGTH, 2)))).evaluate(claim)


def test_directions_have_a_margin_that_is_ambiguous() -> None:
    claim = Claim("whole", ("left", ""))
    tracks = [track(line(*way)) for way in ((-4, 0), (-4, 0.5), (-4, 2.5), (-1, 4), (4, 0), (0, 0))]
    assert evaluate(claim, *tracks) == (True, True, None, False, False, False)


def test_speed_has_a_margin_that_is_ambiguous() -> None:
    tracks = [track(line(x, 0)) for x in (2, 5, 9)]
    assert evaluate(Claim("whole", ("right", "fast")), *tracks) == (False, False, True)
    assert evaluate(Claim("whole", ("right", "slow")), *tracks) == (True, False, False)


def test_order_is_not_its_reverse_and_not_the_whole() -> None:
    left, up = line(-4, 0)[:9], line(0, -4)[:8]
    left_up = track(np.concatenate([left, left[-1] + up[1:]]), ((0, 8), (8, 15)))
    up_left = track(np.concatenate([up, up[-1] + left[1:]]), ((0, 7), (7, 15)))
    tracks = (left_up, up_left, track(line(-4, 0)))
    assert evaluate(Claim("order", ("left", "up")), *tracks) == (True, False, False)
    assert evaluate(Claim("order", ("up", "left")), *tracks) == (False, True, False)
    assert evaluate(Claim("start", ("left",)), *tracks) == (True, False, None)
    assert evaluate(Claim("end", ("left",)), *tracks) == (False, True, None)
    assert evaluate(Claim("whole", ("left", "")), *tracks) == (None, None, True)


def test_relations_hold_between_the_right_two() -> None:
    behind, ahead = track(line(9, 0) - [60, 30]), track(line(2, 0))
    still = track(np.add(line(0, 0), [0, 40]))
    assert evaluate(Claim("relation", ("overtake",)), behind, ahead, still) == (True, False, False)
    assert evaluate(Claim("relation", ("overtaken",)), behind, ahead, still) == (False, True, False)
    leader, follower = track(line(6, 0)), track(line(6, 0) - [30, 0])
    assert evaluate(Claim("relation", ("follow",)), leader, follower, still) == (False, True, False)
    assert evaluate(Claim("relation", ("followed",)), leader, follower, still) == (True, False, False)
    one, other = track(line(3, 0) - [70, 0]), track(np.add(line(-3, 0), [70, 0]))
    assert evaluate(Claim("relation", ("meet",)), one, other, still) == (True, True, False)


def test_a_superlative_needs_a_clear_lead() -> None:
    fast, slow, near = track(line(9, 0)), track(line(3, 0)), track(line(8, 0))
    assert evaluate(Claim("extreme", ("fastest",)), slow, fast, slow) == (False, True, False)
    assert evaluate(Claim("extreme", ("fastest",)), slow, fast, near) == (None, None, None)


def test_kleene_logic() -> None:
    assert all_of(True, True) is True
    assert all_of(True, None) is None
    assert all_of(False, None) is False
    assert not_(None) is None
    assert not_(True) is False
