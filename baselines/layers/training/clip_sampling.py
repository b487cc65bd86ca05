"""Clips of a split, each with several of its sentences: the samples of a training step, axes (clip, sentence).

A unit of an epoch is a clip (a video and an anchor frame) with a group of the video's sentences. Which units a step
sees follows from the seed and the step alone, so that a resumed training and any number of processes and loader workers
see the same ones. Frames are decoded through the split's frame cache, once for all sentences of a clip.

Axes: o objects, t frames, h rows, w columns.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from baselines.layers.options import Count
from mevis_bench.records import (
    DataError,
    Expression,
    Prompt,
    Rle,
    SpeechPrompt,
    TextPrompt,
    TrainingData,
    UsageError,
    Video,
)
from mevis_bench.records.training import SamplePosition

Targets = Literal["union", "per_object"]
"""Targets of a sentence of several objects: their union, or one per object."""

NoTarget = Literal["empty", "skip"]
"""Sentences without an object in the clip: empty masks and class "none", or left out (if all are: another unit)."""

MAX_REDRAWS = 200
"""Units that are drawn in place of one without a usable sentence, before the split is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipTrainOptions:
    """Options of every training on clips.

    Attributes:
        epochs: Passes over the units of the split.
        steps: Optimizer steps; ``None``: those of ``epochs``.
        batch_size: Clips per step, over all processes.
        sentences: Upper bound of a clip's sentences that go through the network together; ``None``: all of the video.
            1 is what the authors of all these methods do.
        targets: See `Targets`.
        no_target: See `NoTarget`.
        val_videos: Videos of the validation split that are evaluated; 0: no evaluation.
        evaluate_every: Steps between two evaluations.
        save_every: Steps between two checkpoints.
        log_every: Steps between two points of the loss curve.
    """

    epochs: Count
    steps: Count | None
    batch_size: Count
    sentences: Count | None
    targets: Targets
    no_target: NoTarget
    val_videos: Annotated[int, Meta(ge=0)]
    evaluate_every: Count
    save_every: Count
    log_every: Count

    def count_steps(self, units: int) -> int:
        """Return the optimizer steps of a training on ``units`` units."""
        return self.steps or max(1, self.epochs * units // self.batch_size)


@dataclass(frozen=True, slots=True)
class ClipUnit:
    """A unit of an epoch.

    Attributes:
        video_id: The video.
        anchor: Frame from which the clip's frames are chosen.
        group: Number of the group of sentences, among those of the same video and anchor.
    """

    video_id: str
    anchor: int
    group: int


@dataclass(frozen=True, slots=True)
class ClipSentence:
    """A sentence about a clip.

    Attributes:
        expression_id: Its id in the video.
        text: The sentence; augmentation may exchange left and right.
        objects: Rows of the clip's objects that it refers to; empty: no target.
        audio: Its sound file, ``None`` where it is not spoken.
    """

    expression_id: str
    text: str
    objects: tuple[int, ...]
    audio: Path | None


@dataclass(frozen=True, slots=True, eq=False)
class SampledClip:
    """A clip with sentences, before or after augmentation.

    Attributes:
        video_id: The video.
        frames: Index of each frame in the video; frames may repeat.
        images: RGB, uint8 ``(t, h, w, 3)``.
        masks: uint8 0 or 1, ``(o, t, h, w)``, of every object that a sentence of the **video** refers to.
        boxes: float32 ``(o, t, 4)``: x0, y0, x1, y1 in pixels, from the first to the last pixel of a mask, both
            inclusive. After a crop, the part of the whole object's box inside the crop. Where an object is absent,
            x1 <= x0 or y1 <= y0, so that minimum and maximum over objects give the box of their union.
        object_ids: Annotation id of each object.
        sentences: At least one.
    """

    video_id: str
    frames: tuple[int, ...]
    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    object_ids: tuple[str, ...]
    sentences: tuple[ClipSentence, ...]

    @property
    def name(self) -> str:
        """Video, expressions and frames, for messages."""
        expressions = ",".join(sentence.expression_id for sentence in self.sentences)
        return f"{self.video_id}/{expressions} (frames {' '.join(map(str, self.frames))})"

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the frames."""
        return self.images.shape[1], self.images.shape[2]

    def at(self, frames: slice) -> "SampledClip":
        """Select frames."""
        return replace(
            self,
            frames=self.frames[frames],
            images=self.images[frames],
            masks=self.masks[:, frames],
            boxes=self.boxes[:, frames],
        )

    def shows(self, sentence: ClipSentence) -> bool:
        """Whether a frame shows an object of the sentence."""
        return bool(self.masks[list(sentence.objects)].any())


class ClipIndex:
    """The units of a split in the order in which a training visits them; every epoch is shuffled separately.

    Args:
        data: The split.
        seed: Seed of the training.
        sentences: Upper bound of a unit's sentences; ``None``: all of the video.
        anchors: Anchor frames of a video of a given length.
        spoken: Whether only spoken sentences are used.
        no_target: See `NoTarget`; ``skip`` leaves out sentences without a target from the start.

    Raises:
        UsageError: No sentence of the split can be used.
    """

    def __init__(
        self,
        data: TrainingData,
        seed: int,
        sentences: int | None,
        anchors: Callable[[int], Sequence[int]],
        *,
        no_target: NoTarget,
        spoken: bool = False,
    ) -> None:
        self.data, self.no_target = data, no_target
        self._seed, self._spoken = seed, spoken
        self._units: list[ClipUnit] = []
        self._size = sentences
        self._orders: dict[int, NDArray[np.int64]] = {}
        for video_id in data.video_ids:
            count = len(self._usable(video_id))
            if count:
                groups = -(-count // (sentences or count))
                chosen = anchors(len(data.video(video_id)))
                self._units += [ClipUnit(video_id, anchor, group) for anchor in chosen for group in range(groups)]
        if not self._units:
            if spoken:
                raise UsageError("the split has no speech", hint="MeViSv2's splits have speech, MeViS v1's do not.")
            raise UsageError("no sentence of the split has a target", hint="Set no_target=empty.")

    def __len__(self) -> int:
        return len(self._units)

    def at(self, number: int) -> tuple[ClipUnit, tuple[Expression, ...]]:
        """Return the unit at a place of the training, with its sentences.

        Args:
            number: 0, 1, ... over all epochs.
        """
        epoch, place = divmod(number, len(self._units))
        if epoch not in self._orders:
            order = np.random.default_rng((self._seed, _UNITS, epoch)).permutation(len(self._units))
            self._orders = {old: kept for old, kept in self._orders.items() if old == epoch - 1} | {epoch: order}
        return self._with_sentences(self._units[int(self._orders[epoch][place])], epoch)

    def draw(self, rng: np.random.Generator) -> tuple[ClipUnit, tuple[Expression, ...]]:
        """Draw any unit, in place of one without a usable sentence."""
        return self._with_sentences(self._units[int(rng.integers(len(self._units)))], int(rng.integers(2**31)))

    def _usable(self, video_id: str) -> list[Expression]:
        return [
            expression
            for expression in self.data.expressions(video_id)
            if (expression.annotation_ids or self.no_target == "empty")
            and (not self._spoken or self.data.audio(video_id, expression.id) is not None)
        ]

    def _with_sentences(self, unit: ClipUnit, epoch: int) -> tuple[ClipUnit, tuple[Expression, ...]]:
        """Divide the video's sentences into groups, in another way in every epoch and for every anchor."""
        usable = self._usable(unit.video_id)
        size = self._size or len(usable)
        rng = np.random.default_rng((self._seed, _GROUPS, epoch, unit.anchor, zlib.crc32(unit.video_id.encode())))
        order = rng.permutation(len(usable)) if size < len(usable) else np.arange(len(usable))
        return unit, tuple(usable[place] for place in order[unit.group * size :][:size])


_UNITS, _GROUPS = 1, 2
"""Purposes of random generators, so that no two share a seed."""

FrameChoice = Callable[[int, int, np.random.Generator], Sequence[int]]
"""Chooses a clip's frames from a video's length and the anchor."""

Augmentation = Callable[[SampledClip, np.random.Generator], SampledClip]


@dataclass(frozen=True, slots=True, eq=False)
class ClipSampler:
    """Draws the samples of a stage; ``sample`` of :class:`mevis_bench.records.training.TrainingStage`.

    Attributes:
        index: The units.
        batch_size: Clips per step, over all processes.
        choose_frames: Chooses a clip's frames.
        augment: Changes a clip, all of its frames and sentences alike.
    """

    index: ClipIndex
    batch_size: int
    choose_frames: FrameChoice
    augment: Augmentation

    def __call__(self, rng: np.random.Generator, position: SamplePosition) -> SampledClip:
        """Draw a sample.

        Raises:
            DataError: With ``no_target: skip``, no clip shows an object of its sentences.
        """
        unit, expressions = self.index.at(position.step * self.batch_size + position.index)
        for _ in range(MAX_REDRAWS):
            clip = self._draw(unit, expressions, rng)
            if clip.sentences:
                return clip
            unit, expressions = self.index.draw(rng)
        raise DataError(
            f"none of {MAX_REDRAWS} clips shows an object of its sentences",
            location=f"video {unit.video_id}",
            hint="Check the masks, or set no_target=empty.",
        )

    def frames(self, video: Video, anchor: int, rng: np.random.Generator) -> Sequence[int]:
        """Choose the frames of a clip; a subclass may use more of the video than its length."""
        return self.choose_frames(len(video), anchor, rng)

    def _draw(self, unit: ClipUnit, expressions: Sequence[Expression], rng: np.random.Generator) -> SampledClip:
        data = self.index.data
        frames = self.frames(data.video(unit.video_id), unit.anchor, rng)
        clip = self.augment(read_clip(data, unit.video_id, frames, expressions), rng)
        if self.index.no_target == "empty":
            return clip
        return replace(clip, sentences=tuple(sentence for sentence in clip.sentences if clip.shows(sentence)))


def read_clip(
    data: TrainingData, video_id: str, frames: Sequence[int], expressions: Sequence[Expression]
) -> SampledClip:
    """Read frames of a video, the masks of all of its objects, and some of its sentences."""
    video = data.video(video_id)
    tracks = _tracks(data, video_id)
    masks = np.zeros((len(tracks), len(frames), video.height, video.width), np.uint8)
    for row, track in enumerate(tracks.values()):
        for place, frame in enumerate(frames):
            rle = track[frame]
            if rle is not None:
                masks[row, place] = rle.decode(f"video {video_id}, frame {frame}")
    rows = {annotation_id: row for row, annotation_id in enumerate(tracks)}
    sentences = tuple(
        ClipSentence(
            expression.id,
            expression.text,
            tuple(rows[annotation_id] for annotation_id in expression.annotation_ids or ()),
            data.audio(video_id, expression.id),
        )
        for expression in expressions
    )
    images = np.stack([video.frame(frame) for frame in frames])
    return SampledClip(video_id, tuple(frames), images, masks, mask_extents(masks), tuple(tracks), sentences)


def _tracks(data: TrainingData, video_id: str) -> dict[str, tuple[Rle | None, ...]]:
    """Masks of every object that a sentence of the video refers to, by annotation id, in order of first mention."""
    return {
        annotation_id: track
        for truth in data.ground_truths(video_id)
        for annotation_id, track in zip(truth.expression.annotation_ids or (), truth.objects, strict=True)
    }


def mask_extents(masks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Boxes of masks ``(..., h, w)`` as in ``SampledClip.boxes``: ``(..., 4)``; of an empty one ``w, h, 0, 0``."""
    height, width = masks.shape[-2:]
    extents = []
    for axis, length in ((-2, width), (-1, height)):
        line = np.asarray(masks.any(axis))
        some = line.any(-1)
        first = np.where(some, line.argmax(-1), length)
        extents.append((first, np.where(some, length - 1 - line[..., ::-1].argmax(-1), 0)))
    (left, right), (top, bottom) = extents
    return np.stack((left, top, right, bottom), -1).astype(np.float32)


def clip_sentences(clips: Sequence[SampledClip]) -> Iterator[tuple[int, SampledClip, ClipSentence]]:
    """Yield the (clip, sentence) axis of a micro-batch in order: number of the clip, the clip, the sentence."""
    for number, clip in enumerate(clips):
        for sentence in clip.sentences:
            yield number, clip, sentence


def sentence_prompt(sentence: ClipSentence, *, spoken: bool) -> Prompt:
    """A sentence as the method gets it."""
    if spoken:
        assert sentence.audio is not None  # the sampler draws spoken sentences only
        return SpeechPrompt(sentence.expression_id, sentence.audio)
    return TextPrompt(sentence.expression_id, sentence.text)
