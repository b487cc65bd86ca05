"""World 2: nouns count, lengths vary, objects sway while they move, and every sprite stands out from its background."""

import re
from dataclasses import replace

import numpy as np
import pytest

from mevis_bench.data.synthetic import GeneratedVideo, make_video
from mevis_bench.data.synthetic.expressions import Annotator, Sentence, all_claims
from mevis_bench.data.synthetic.facts import Facts
from mevis_bench.data.synthetic.grammar import NUMBERS, Realizer
from mevis_bench.data.synthetic.motion import LENGTH
from mevis_bench.data.synthetic.plan import Plan, make_plan
from mevis_bench.data.synthetic.poses import SQUEEZE, TILT, draw_poses
from mevis_bench.data.synthetic.resampling import resample
from mevis_bench.data.synthetic.sprites import KINDS
from mevis_bench.data.synthetic.surfaces import LUMA, draw_surface
from mevis_bench.data.synthetic.world import WORLDS

WORLD = WORLDS[2]
NOUNS = {word: kind for kind in KINDS for word in (kind.noun, kind.plural)}


@pytest.fixture(scope="module")
def videos() -> list[GeneratedVideo]:
    return [make_video("check2", 5, index, world=WORLD) for index in range(50)]


def members(video: GeneratedVideo, noun: str) -> tuple[int, ...]:
    return tuple(i for i, kind in enumerate(video.kinds) if kind.noun == noun)


def named(sentence: Sentence) -> set[str]:
    return {NOUNS[word].noun for word in re.findall("[a-z]+", sentence.text.lower()) if word in NOUNS}


def test_about_half_of_the_videos_show_two_kinds(videos: list[GeneratedVideo]) -> None:
    shown = [len(set(video.kinds)) for video in videos]
    assert set(shown) == {1, 2}
    assert 0.3 <= np.mean(np.array(shown) == 2) <= 0.7


def test_lengths_vary_within_their_bounds(videos: list[GeneratedVideo]) -> None:
    lengths = [len(video.footage.frames) for video in videos]
    assert min(lengths) >= 16
    assert max(lengths) <= 48
    assert len(set(lengths)) > 15
    for video in videos:
        assert len(video.plan.camera) == len(video.footage.masks) == len(video.footage.frames)
        visible = video.footage.masks.sum(axis=(2, 3))
        assert np.all((visible > 0).sum(axis=0) >= 5 / 16 * len(visible))


def test_every_sentence_names_one_kind_and_means_objects_of_it(videos: list[GeneratedVideo]) -> None:
    for video in videos:
        for sentence in video.sentences:
            (noun,) = named(sentence)
            assert set(sentence.targets) <= set(members(video, noun)), sentence.text


def test_nouns_and_numbers_are_true(videos: list[GeneratedVideo]) -> None:
    seen = {("noun", True): 0, ("noun", False): 0, ("count", True): 0, ("count", False): 0}
    number_of = {word: number for number, word in NUMBERS.items()}
    for video in videos:
        for sentence in video.sentences:
            (noun,) = named(sentence)
            if sentence.form == "noun":
                assert sentence.targets == members(video, noun)
                assert len(set(video.kinds)) == 2
            elif sentence.form == "count":
                (stated,) = [number_of[word] for word in sentence.text.lower().split() if word in number_of]
                motion = re.fullmatch(r"the (group of )?\w+ \w+( in the video)?", sentence.text.lower()) is None
                assert not sentence.targets or len(sentence.targets) == stated
                assert motion or sentence.targets == (
                    members(video, noun) if len(members(video, noun)) == stated else ()
                )
            else:
                continue
            seen[sentence.form, bool(sentence.targets)] += 1
    assert min(seen.values()) >= 4, seen


def test_every_grade_of_sentences_occurs_with_and_without_targets(videos: list[GeneratedVideo]) -> None:
    for forms in (("noun",), ("whole", "start", "end"), ("order",), ("relation",), ("count",)):
        found = {bool(s.targets) for video in videos for s in video.sentences if s.form in forms}
        assert found == {True, False}, forms


def two_kinds(seed: int) -> tuple[Plan, Facts, Facts]:
    rng = np.random.default_rng([3, seed])
    plan = make_plan(rng)
    order = [int(i) for i in rng.permutation(len(plan.tracks))]
    return plan, Facts(plan, sorted(order[2:])), Facts(plan, sorted(order[:2]))


def test_a_claim_about_one_kind_is_not_judged_on_the_other_one() -> None:
    """Objects of the other kind may do whatever they like; the noun-blind judge comes to other results."""
    other_result = claims = 0
    for seed in range(60):
        plan, own, others = two_kinds(seed)
        elsewhere = make_plan(np.random.default_rng([4, seed])).tracks
        tracks = [elsewhere[i % 3] if i in others.members else track for i, track in enumerate(plan.tracks)]
        changed = Facts(Plan(tuple(tracks), plan.camera), own.members)
        for claim in all_claims():
            assert changed.evaluate(claim) == own.evaluate(claim)
            assert set(own.targets(claim) or ()) <= set(own.members)
        annotator = Annotator(own, Realizer(KINDS[0], np.random.default_rng(seed)), np.random.default_rng(seed))
        blind = Facts(plan)
        for claim, targets in annotator.true.items():
            claims += 1
            other_result += blind.targets(claim) != targets
    assert other_result / claims > 0.3


def test_no_claim_is_true_of_everything_in_the_video() -> None:
    for seed in range(60):
        plan, own, others = two_kinds(seed)
        rng = np.random.default_rng(seed)
        annotator = Annotator(own, Realizer(KINDS[0], rng, two_kinds=True), rng, others=others)
        for claim, targets in annotator.true.items():
            assert len(targets + (others.targets(claim) or ())) < len(plan.tracks)


def test_among_two_kinds_the_other_objects_have_a_noun(videos: list[GeneratedVideo]) -> None:
    checked = 0
    for video in videos:
        for sentence in video.sentences if len(set(video.kinds)) == 2 else ():
            for found in re.finditer(r"(?<!each )\b(another|others?|rest)\b(.*)", sentence.text):
                assert named(replace(sentence, text=found[2])), sentence.text
                checked += 1
    assert checked >= 5


@pytest.mark.parametrize("frames", [17, 32, 48])
def test_resampling_keeps_the_planned_moments_and_overshoots_none(frames: int) -> None:
    for seed in range(20):
        plan = make_plan(np.random.default_rng(seed))
        shown = resample(plan, frames)
        times = np.linspace(0, LENGTH - 1, frames)
        before, after = np.floor(times).astype(int), np.ceil(times).astype(int)
        for planned, track in zip(plan.tracks, shown.tracks, strict=True):
            for name in ("center", "diameter"):
                old, new = getattr(planned, name), getattr(track, name)
                low, high = np.minimum(old[before], old[after]), np.maximum(old[before], old[after])
                assert np.all((new >= low - 1e-9) & (new <= high + 1e-9))
            assert np.allclose(track.image, track.center - shown.camera)
            assert track.phases[0][0] == 0
            assert track.phases[-1][1] == frames - 1
    plan = make_plan(np.random.default_rng(0))
    assert resample(plan, LENGTH) is plan


def test_what_stays_still_keeps_its_pose_and_what_moves_sways() -> None:
    still = moving = 0
    for seed in range(40):
        for track in resample(make_plan(np.random.default_rng(seed)), 40).tracks:
            poses = draw_poses(track, np.random.default_rng(seed))
            assert np.abs(poses[:, 0]).max() <= TILT + np.radians(14)
            assert np.abs(np.log(poses[:, 1])).max() <= SQUEEZE + 0.12
            length = np.linalg.norm(np.diff(track.center, axis=0), axis=1).sum()
            if length == 0 and np.ptp(track.diameter) == 0:
                assert np.ptp(poses, axis=0).max() == 0
                still += 1
            elif length > 60:
                assert np.ptp(poses[:, 0]) > np.radians(3)
                moving += 1
    assert still >= 3
    assert moving >= 40


@pytest.mark.parametrize("light", [True, False])
def test_the_luminance_of_surfaces_keeps_to_its_band(light: bool) -> None:
    for seed in range(40):
        luma = np.asarray(draw_surface(light, np.random.default_rng(seed))) / 255 @ LUMA
        assert (0.72 < luma.mean() < 0.85) if light else (0.28 < luma.mean() < 0.40)
        assert 0.02 < luma.std() < 0.11
        assert np.quantile(luma, 0.02) > 0.5 if light else np.quantile(luma, 0.98) < 0.6


def test_objects_have_their_own_colors(videos: list[GeneratedVideo]) -> None:
    different = compared = 0
    for video in videos:
        frame, masks = np.asarray(video.footage.frames[0]).astype(float), video.footage.masks[0]
        colors = [frame[mask].mean(axis=0) for mask in masks if mask.sum() > 200]
        for color in colors[1:]:
            compared += 1
            different += np.abs(color - colors[0]).max() > 12
    assert different / compared > 0.85


def test_it_is_deterministic_and_not_world_1() -> None:
    one, again = (make_video("x", 2, 3, annotators=2, world=WORLD) for _ in range(2))
    assert one.sentences == again.sentences
    assert np.array_equal(one.footage.masks, again.footage.masks)
    assert all(np.array_equal(a, b) for a, b in zip(one.footage.frames, again.footage.frames, strict=True))
    assert make_video("x", 2, 3).sentences != one.sentences[: len(make_video("x", 2, 3).sentences)]
