"""Writer of generated splits in the layout of MeViSv2.

::

    OUT/<split>/JPEGImages/<video>/<frame>.jpg
    OUT/<split>/meta_expressions.json     {"videos": {video: {"expressions": {id: {...}}, "vid_id", "frames"}}}
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

from mevis_bench.data.synthetic.expressions import Annotator, Sentence
from mevis_bench.data.synthetic.facts import Facts
from mevis_bench.data.synthetic.grammar import Realizer
from mevis_bench.data.synthetic.motion import LENGTH
from mevis_bench.data.synthetic.plan import OPPOSITE_ORDERS, Plan, make_plan
from mevis_bench.data.synthetic.render import Footage, render
from mevis_bench.data.synthetic.speech import VOICES, Utterance, require_voices, synthesize
from mevis_bench.data.synthetic.sprites import KINDS
from mevis_bench.files.atomic import atomic_path
from mevis_bench.files.names import validate_name
from mevis_bench.records import UsageError

JPEG_QUALITY = 85

Speech = Literal["none", "one", "all"]

VOICES_OF: dict[Speech, tuple[str, ...]] = {"none": (), "one": VOICES, "all": VOICES}
"""Voices by ``--speech``: none; one voice per sentence, by rotation; all voices for every sentence."""


@dataclass(frozen=True, slots=True, eq=False)
class GeneratedVideo:
    """One generated video: plan, rendered frames and masks, and sentences."""

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
        videos: Number of videos, >= 1.
        seed: Non-negative integer.
        out: Parent of the split's folder.
        speech: Voices of synthesized speech; requires flite and festival.
        annotators: Annotators per video, about eleven sentences each; >= 1.
        progress: Called with (``videos`` or ``sentences``, done, total).
        spoken_videos: Number of videos with speech, the first ones; ``None``: all.
        opposite_orders: Share of videos in which two objects make the same two moves in opposite order, 0..1.

    Returns:
        The split's folder.

    Raises:
        DataError: ``split`` is not a valid name.
        UsageError: The folder is not empty, a number is out of range, or a voice is not installed.
    """
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
            video = make_video(split, seed, index, annotators, opposite_orders)
            name = f"{index:05d}"
            _write_frames(video.footage, root / "JPEGImages" / name)
            first_id = len(masks)
            masks.update({str(first_id + i): track for i, track in enumerate(_encode(video.footage))})
            meta[name] = {
                "expressions": _expressions(video.sentences, first_id),
                "vid_id": index,
                "frames": [f"{t:05d}" for t in range(LENGTH)],
            }
            progress("videos", index + 1, videos)
        if speech != "none":
            spoken = dict(itertools.islice(meta.items(), spoken_videos))
            utterances = _utterances(spoken, root, VOICES_OF[speech], one=speech == "one")
            synthesize(utterances, lambda done, total: progress("sentences", done, total))
        (root / "mask_dict.json").write_text(json.dumps(masks, separators=(",", ":")))
        (root / "meta_expressions.json").write_text(json.dumps({"videos": meta}, indent=1))
    return final


def make_video(
    split: str, seed: int, index: int, annotators: int = 1, opposite_orders: float = OPPOSITE_ORDERS
) -> GeneratedVideo:
    """Generate video ``index`` of a split; resampled until all objects are visible and there are enough sentences.

    Frames and the first annotator's sentences do not depend on the number of annotators.
    """
    key = (zlib.crc32(split.encode()), seed, index)
    rng = np.random.default_rng(key)
    while True:
        kind = KINDS[rng.integers(len(KINDS))]
        plan = make_plan(rng, opposite_orders)
        facts = Facts(plan)
        sentences = Annotator(facts, Realizer(kind, rng), rng).write()
        if len(sentences) < 9:
            continue
        footage = render(plan, kind, rng)
        if _all_visible(footage):
            break
    for annotator in range(1, annotators):
        rng = np.random.default_rng((*key, annotator))
        sentences = _append(sentences, Annotator(facts, Realizer(kind, rng), rng).write())
    return GeneratedVideo(plan, footage, tuple(sentences))


def _append(sentences: list[Sentence], more: list[Sentence]) -> list[Sentence]:
    """Return the sentences followed by another annotator's, with updated partners."""
    start = len(sentences)
    return sentences + [replace(s, partner=None if s.partner is None else s.partner + start) for s in more]


def _all_visible(footage: Footage) -> bool:
    """Return whether every object is mostly unoccluded in all but a few of its frames."""
    visible = footage.masks.sum(axis=(2, 3))
    occluded = (visible < 0.5 * footage.unoccluded).sum(axis=0)
    return bool(np.all(occluded <= 4)) and bool(np.all((visible > 0).sum(axis=0) >= 5))


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


def _write_frames(footage: Footage, folder: Path) -> None:
    folder.mkdir(parents=True)
    for t, frame in enumerate(footage.frames):
        frame.save(folder / f"{t:05d}.jpg", quality=JPEG_QUALITY)


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
