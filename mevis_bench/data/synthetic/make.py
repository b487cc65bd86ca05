"""Writes a generated split to disk in the layout of MeViSv2.

::

    OUT/<split>/JPEGImages/<video>/<frame>.jpg
    OUT/<split>/meta_expressions.json     {"videos": {video: {"expressions": {id: {...}}, "vid_id", "frames"}}}
    OUT/<split>/mask_dict.json            {anno_id: [COCO RLE or null, one per frame]}
    OUT/<split>/audio/<video>/<expression>.<voice>.ogg

Every expression has MeViS's ``exp``, ``obj_id``, ``anno_id`` and, where it is spoken, ``audio`` (a path in the split).
These keys are ours, and real data lacks them: ``kind`` (``single``, ``multi``, ``no_target``), ``form`` (what it speaks
about, see ``expressions.Sentence``), ``reasoning``, and in order pairs ``order_pair`` (id of the expression of the same
video that differs only in the order of two moves).
"""

import itertools
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mevis_bench.data.synthetic.expressions import Annotator, Sentence
from mevis_bench.data.synthetic.facts import Facts
from mevis_bench.data.synthetic.grammar import Speaker
from mevis_bench.data.synthetic.motion import LENGTH
from mevis_bench.data.synthetic.plan import OPPOSITE_ORDERS, Plan, make_plan
from mevis_bench.data.synthetic.render import Footage, draw
from mevis_bench.data.synthetic.speech import VOICES, Utterance, require_voices, speak
from mevis_bench.data.synthetic.sprites import KINDS
from mevis_bench.files.atomic import atomic_path
from mevis_bench.files.names import validate_name
from mevis_bench.records import UsageError

JPEG_QUALITY = 85

Speech = Literal["none", "one", "all"]

VOICES_OF: dict[Speech, tuple[str, ...]] = {"none": (), "one": VOICES, "all": VOICES}
"""Who speaks: nobody; each sentence one of the voices, by rotation; every voice each sentence."""


@dataclass(frozen=True, slots=True, eq=False)
class MadeVideo:
    """One generated video: what happens, what is seen of it, and what is said."""

    plan: Plan
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
) -> Path:
    """Generate a split of mini.

    A video depends on the split's name, the seed and its own number alone, so splits never share a video and a longer
    split begins with the videos of a shorter one.

    Args:
        split: Name of the split, a folder of ``out``.
        videos: How many, >= 1.
        seed: Any non-negative integer.
        out: Where the split's folder is made.
        speech: Whether the sentences are spoken; needs flite and festival.
        annotators: How many write about each video, some eleven sentences each; >= 1.
        progress: Called with (``videos`` or ``sentences``, done, in all).
        spoken_videos: With speech, the sentences of so many videos are spoken, the first ones; ``None``: of all.
        opposite_orders: Share of videos in which two objects make the same two moves in opposite order, 0..1. With 0
            there is hardly ever a rival who could be told by that order alone.

    Returns:
        The split's folder.

    Raises:
        DataError: ``split`` is not a valid name.
        UsageError: The folder is not empty, a number is out of range, or a voice is not installed.
    """
    final = _checked_folder(split, videos, seed, out)
    if annotators < 1:
        raise UsageError(f"a video needs at least one annotator, not {annotators}")
    if not 0 <= opposite_orders <= 1:
        raise UsageError(f"the share of videos with opposite orders lies between 0 and 1, not at {opposite_orders}")
    require_voices(VOICES_OF[speech])
    with atomic_path(final) as root:
        root.mkdir()
        meta: dict[str, dict[str, Any]] = {}
        masks: dict[str, list[dict[str, object] | None]] = {}
        for index in range(videos):
            made = make_video(split, seed, index, annotators, opposite_orders)
            name = f"{index:05d}"
            _write_frames(made.footage, root / "JPEGImages" / name)
            first_id = len(masks)
            masks.update({str(first_id + i): track for i, track in enumerate(_encode(made.footage))})
            meta[name] = {
                "expressions": _expressions(made.sentences, first_id),
                "vid_id": index,
                "frames": [f"{t:05d}" for t in range(LENGTH)],
            }
            progress("videos", index + 1, videos)
        if speech != "none":
            spoken = dict(itertools.islice(meta.items(), spoken_videos))
            utterances = _utterances(spoken, root, VOICES_OF[speech], one=speech == "one")
            speak(utterances, lambda done, total: progress("sentences", done, total))
        (root / "mask_dict.json").write_text(json.dumps(masks, separators=(",", ":")))
        (root / "meta_expressions.json").write_text(json.dumps({"videos": meta}, indent=1))
    return final


def make_video(
    split: str, seed: int, index: int, annotators: int = 1, opposite_orders: float = OPPOSITE_ORDERS
) -> MadeVideo:
    """Generate video ``index`` of a split; draws again until everybody can be seen and enough can be said.

    What is seen, and what the first annotator says, does not depend on how many there are.
    """
    key = (zlib.crc32(split.encode()), seed, index)
    rng = np.random.default_rng(key)
    while True:
        kind = KINDS[rng.integers(len(KINDS))]
        plan = make_plan(rng, opposite_orders)
        facts = Facts(plan)
        sentences = Annotator(facts, Speaker(kind, rng), rng).write()
        if len(sentences) < 9:
            continue
        footage = draw(plan, kind, rng)
        if _all_seen(footage):
            break
    for another in range(1, annotators):
        rng = np.random.default_rng((*key, another))
        sentences = _joined(sentences, Annotator(facts, Speaker(kind, rng), rng).write())
    return MadeVideo(plan, footage, tuple(sentences))


def _joined(sentences: list[Sentence], more: list[Sentence]) -> list[Sentence]:
    """Append another annotator's sentences; partners keep pointing at each other."""
    start = len(sentences)
    return sentences + [replace(s, partner=None if s.partner is None else s.partner + start) for s in more]


def _all_seen(footage: Footage) -> bool:
    """Tell whether every object is mostly uncovered in all but a few of the frames that hold it."""
    visible = footage.masks.sum(axis=(2, 3))
    covered = (visible < 0.5 * footage.whole).sum(axis=0)
    return bool(np.all(covered <= 4)) and bool(np.all((visible > 0).sum(axis=0) >= 5))


def _checked_folder(split: str, videos: int, seed: int, out: Path) -> Path:
    validate_name(split, "split name", "--split")
    if videos < 1:
        raise UsageError(f"a split needs at least one video, not {videos}")
    if seed < 0:
        raise UsageError(f"a seed can't be negative: {seed}")
    root = out / split
    if root.exists() and any(root.iterdir()):
        raise UsageError(
            "the folder is not empty", location=str(root), hint="Choose another --out, or delete it first."
        )
    return root


def _write_frames(footage: Footage, folder: Path) -> None:
    folder.mkdir(parents=True)
    for t, frame in enumerate(footage.frames):
        frame.save(folder / f"{t:05d}.jpg", quality=JPEG_QUALITY)


def _encode(footage: Footage) -> list[list[dict[str, object] | None]]:
    """Return for every object one COCO RLE per frame, ``None`` where nothing of it is visible."""
    from pycocotools import mask as coco

    t, n, h, w = footage.masks.shape
    stack = np.asfortranarray(footage.masks.reshape(t * n, h, w).transpose(1, 2, 0).astype(np.uint8))
    rles = [{"size": [h, w], "counts": rle["counts"].decode()} for rle in coco.encode(stack)]
    return [[rles[k * n + i] if footage.masks[k, i].any() else None for k in range(t)] for i in range(n)]


def _utterances(meta: Mapping[str, dict[str, Any]], root: Path, voices: Sequence[str], *, one: bool) -> list[Utterance]:
    """Plan who says what, and enter into every expression the file that is its ``audio``."""
    utterances = []
    turn = 0
    for video_id, video in meta.items():
        for expression_id, entry in video["expressions"].items():
            chosen = voices[turn % len(voices)]
            entry["audio"] = f"audio/{video_id}/{expression_id}.{chosen}.ogg"
            for voice in (chosen,) if one else voices:
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
