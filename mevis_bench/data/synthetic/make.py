"""Writer of generated splits in the layout of MeViSv2.

::

    OUT/<split>/JPEGImages/<video>/<frame>.jpg
    OUT/<split>/meta_expressions.json     {"videos": {video: {"expressions": {id: {...}}, "vid_id", "frames"}}}; in
                                          worlds after the first one, "world" precedes "videos"
    OUT/<split>/mask_dict.json            {anno_id: [COCO RLE or null, one per frame]}
    OUT/<split>/audio/<video>/<expression>.<voice>.ogg

Every expression has MeViS's ``exp``, ``obj_id``, ``anno_id`` and, with speech, ``audio`` (a path in the split). Keys
that real data does not have: ``kind`` (``single``, ``multi``, ``no_target``), ``form`` (see
``expressions.Sentence``), ``reasoning``, and in order pairs ``order_pair`` (id of the expression of the same video that
differs only in the order of two moves).
"""

import itertools
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mevis_bench.data.synthetic.expressions import RELATIONS, Annotator, Sentence, noun_sentences
from mevis_bench.data.synthetic.facts import Claim, Facts
from mevis_bench.data.synthetic.grammar import Realizer
from mevis_bench.data.synthetic.motion import LENGTH
from mevis_bench.data.synthetic.plan import OPPOSITE_ORDERS, Plan, make_plan
from mevis_bench.data.synthetic.render import Footage, render
from mevis_bench.data.synthetic.resampling import resample
from mevis_bench.data.synthetic.speech import VOICES, Utterance, require_voices, synthesize
from mevis_bench.data.synthetic.sprites import KINDS, SpriteKind
from mevis_bench.data.synthetic.world import WORLDS, World, find_world
from mevis_bench.files.atomic import atomic_path
from mevis_bench.files.names import validate_name
from mevis_bench.records import UsageError

Speech = Literal["none", "one", "all"]

SPLITS = 4
"""Random splits of a video's objects into two kinds that are tried."""

VOICES_OF: dict[Speech, tuple[str, ...]] = {"none": (), "one": VOICES, "all": VOICES}
"""Voices by ``--speech``: none; one voice per sentence, by rotation; all voices for every sentence."""


@dataclass(frozen=True, slots=True, eq=False)
class GeneratedVideo:
    """One generated video.

    Attributes:
        plan: Objects and camera, one row per frame.
        kinds: Kind of every object.
        footage: Rendered frames and masks.
        sentences: What the annotators wrote.
    """

    plan: Plan
    kinds: tuple[SpriteKind, ...]
    footage: Footage
    sentences: tuple[Sentence, ...]


def make_mini(
    split: str,
    videos: int,
    seed: int,
    out: Path,
    speech: Speech = "none",
    annotators: int = 1,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
    spoken_videos: int | None = None,
    opposite_orders: float = OPPOSITE_ORDERS,
    world: int = 1,
) -> Path:
    """Generate a split of mini.

    A video depends on the split's name, the seed and its own number alone, so splits never share a video and a longer
    split begins with the videos of a shorter one.

    Args:
        split: Name of the split, a folder of ``out``.
        videos: Number of videos, >= 1.
        seed: Non-negative integer.
        out: Parent of the split's folder.
        speech: Voices of synthesized speech; requires flite and festival.
        annotators: Annotators per video, about eleven sentences each; >= 1.
        progress: Called with (``videos`` or ``sentences``, done, total).
        spoken_videos: Number of videos with speech, the first ones; ``None``: all.
        opposite_orders: Share of videos in which two objects make the same two moves in opposite order, 0..1.
        world: Version of the generated data, see ``WORLDS``.

    Returns:
        The split's folder.

    Raises:
        DataError: ``split`` is not a valid name.
        UsageError: The folder is not empty, a number is out of range, or a voice is not installed.
    """
    version = find_world(world)
    final = _checked_folder(split, videos, seed, out)
    if annotators < 1:
        raise UsageError(f"expected at least one annotator, got {annotators}")
    if not 0 <= opposite_orders <= 1:
        raise UsageError(f"expected a share of videos with opposite orders between 0 and 1, got {opposite_orders}")
    require_voices(VOICES_OF[speech])
    with atomic_path(final) as root:
        root.mkdir()
        meta: dict[str, dict[str, Any]] = {}
        masks: dict[str, list[dict[str, object] | None]] = {}
        for index in range(videos):
            video = make_video(split, seed, index, annotators, opposite_orders, version)
            name = f"{index:05d}"
            _write_frames(video.footage, root / "JPEGImages" / name, version.jpeg_quality)
            first_id = len(masks)
            masks.update({str(first_id + i): track for i, track in enumerate(_encode(video.footage))})
            meta[name] = {
                "expressions": _expressions(video.sentences, first_id),
                "vid_id": index,
                "frames": [f"{t:05d}" for t in range(len(video.footage.frames))],
            }
            progress("videos", index + 1, videos)
        if speech != "none":
            spoken = dict(itertools.islice(meta.items(), spoken_videos))
            utterances = _utterances(spoken, root, VOICES_OF[speech], one=speech == "one")
            synthesize(utterances, lambda done, total: progress("sentences", done, total))
        (root / "mask_dict.json").write_text(json.dumps(masks, separators=(",", ":")))
        stated = {} if world == 1 else {"world": world}
        (root / "meta_expressions.json").write_text(json.dumps(stated | {"videos": meta}, indent=1))
    return final


def make_video(
    split: str,
    seed: int,
    index: int,
    annotators: int = 1,
    opposite_orders: float = OPPOSITE_ORDERS,
    world: World = WORLDS[1],
) -> GeneratedVideo:
    """Generate video ``index`` of a split; resampled until all objects are visible and there are enough sentences.

    Frames and the first annotator's sentences do not depend on the number of annotators.
    """
    key = (zlib.crc32(split.encode()), seed, index)
    rng = np.random.default_rng(key)
    while True:
        kinds = _draw_kinds(world, rng)
        planned = make_plan(rng, opposite_orders)
        facts = [Facts(planned)] if len(kinds) == 1 else _split(planned, rng)
        sentences = _annotate(kinds, facts, world, rng)
        if len(sentences) < 9:
            continue
        low, high = world.frames
        plan = planned if low == high else resample(planned, int(rng.integers(low, high + 1)))
        cast = tuple(kinds[k] for i in range(len(plan.tracks)) for k in range(len(kinds)) if i in facts[k].members)
        footage = render(plan, cast, world, rng)
        if _all_visible(footage):
            break
    for annotator in range(1, annotators):
        rng = np.random.default_rng((*key, annotator))
        sentences = _append(sentences, _annotate(kinds, facts, world, rng))
    return GeneratedVideo(plan, cast, footage, tuple(sentences))


def _draw_kinds(world: World, rng: np.random.Generator) -> list[SpriteKind]:
    """Return the one or two kinds of a video."""
    kind = KINDS[rng.integers(len(KINDS))]
    if not world.two_kinds or rng.random() >= world.two_kinds:
        return [kind]
    return [kind, _another_kind([kind], rng)]


def _another_kind(kinds: Sequence[SpriteKind], rng: np.random.Generator) -> SpriteKind:
    rest = [kind for kind in KINDS if kind not in kinds]
    return rest[rng.integers(len(rest))]


def _split(plan: Plan, rng: np.random.Generator) -> list[Facts]:
    """Return the facts of the objects of each of two kinds; the second one has half of them, rounded down.

    Of a few random splits, the first one in which objects of one kind are related is taken, else the last one.
    """
    half = len(plan.tracks) // 2
    for _ in range(SPLITS):
        order = [int(i) for i in rng.permutation(len(plan.tracks))]
        facts = [Facts(plan, sorted(order[half:])), Facts(plan, sorted(order[:half]))]
        if any(of_kind.targets(Claim("relation", (name,))) for of_kind in facts for name in RELATIONS):
            break
    return facts


def _annotate(
    kinds: Sequence[SpriteKind], facts: Sequence[Facts], world: World, rng: np.random.Generator
) -> list[Sentence]:
    """Return the sentences of one annotator."""
    two_kinds = len(kinds) == 2
    realizers = [Realizer(kind, rng, two_kinds=two_kinds) for kind in kinds]
    sentences: list[Sentence] = []
    for own, others, realizer in zip(facts, reversed(facts), realizers, strict=True):
        annotator = Annotator(own, realizer, rng, others=others if two_kinds else None, numbers=world.numbers)
        sentences = _append(sentences, annotator.write())
    if two_kinds:
        absent = Realizer(_another_kind(kinds, rng), rng)
        sentences += noun_sentences(realizers, facts, absent, rng)
    return sentences


def _append(sentences: list[Sentence], more: list[Sentence]) -> list[Sentence]:
    """Return the sentences followed by another annotator's, with updated partners."""
    start = len(sentences)
    return sentences + [replace(s, partner=None if s.partner is None else s.partner + start) for s in more]


def _all_visible(footage: Footage) -> bool:
    """Return whether every object is seen in 5 of 16 frames or more, and mostly hidden in 4 or fewer."""
    share = len(footage.frames) / LENGTH
    visible = footage.masks.sum(axis=(2, 3))
    occluded = (visible < 0.5 * footage.unoccluded).sum(axis=0)
    return bool(np.all(occluded <= 4 * share)) and bool(np.all((visible > 0).sum(axis=0) >= 5 * share))


def _checked_folder(split: str, videos: int, seed: int, out: Path) -> Path:
    validate_name(split, "split name", "--split")
    if videos < 1:
        raise UsageError(f"expected at least one video, got {videos}")
    if seed < 0:
        raise UsageError(f"expected a non-negative seed, got {seed}")
    root = out / split
    if root.exists() and any(root.iterdir()):
        raise UsageError(
            "the folder is not empty", location=str(root), hint="Choose another --out, or delete the folder."
        )
    return root


def _write_frames(footage: Footage, folder: Path, quality: int) -> None:
    folder.mkdir(parents=True)
    for t, frame in enumerate(footage.frames):
        frame.save(folder / f"{t:05d}.jpg", quality=quality)


def _encode(footage: Footage) -> list[list[dict[str, object] | None]]:
    """Return one COCO RLE per object and frame, ``None`` where the object is not visible."""
    from pycocotools import mask as coco

    t, n, h, w = footage.masks.shape
    stack = np.asfortranarray(footage.masks.reshape(t * n, h, w).transpose(1, 2, 0).astype(np.uint8))
    rles = [{"size": [h, w], "counts": rle["counts"].decode()} for rle in coco.encode(stack)]
    return [[rles[k * n + i] if footage.masks[k, i].any() else None for k in range(t)] for i in range(n)]


def _utterances(meta: Mapping[str, dict[str, Any]], root: Path, voices: Sequence[str], *, one: bool) -> list[Utterance]:
    """Return the sentences to synthesize, and set the ``audio`` of every expression."""
    utterances = []
    turn = 0
    for video_id, video in meta.items():
        for expression_id, entry in video["expressions"].items():
            default = voices[turn % len(voices)]
            entry["audio"] = f"audio/{video_id}/{expression_id}.{default}.ogg"
            for voice in (default,) if one else voices:
                path = root / f"audio/{video_id}/{expression_id}.{voice}.ogg"
                utterances.append(Utterance(entry["exp"], voice, path))
            turn += 1
    return utterances


def _expressions(sentences: tuple[Sentence, ...], first_id: int) -> dict[str, dict[str, object]]:
    entries: dict[str, dict[str, object]] = {}
    for number, sentence in enumerate(sentences):
        entry: dict[str, object] = {
            "exp": sentence.text,
            "obj_id": list(sentence.targets),
            "anno_id": [first_id + i for i in sentence.targets],
            "kind": ("no_target", "single", "multi")[min(len(sentence.targets), 2)],
            "form": sentence.form,
            "reasoning": sentence.reasoning,
        }
        if sentence.partner is not None:
            entry["order_pair"] = str(sentence.partner)
        entries[str(number)] = entry
    return entries
