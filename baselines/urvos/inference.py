"""URVOS's two passes: every frame by the sentence alone, then outwards from the most confident frame with memory.

Seo et al., ECCV 2020, section 3.4 as far as described; confidence, memory size and memory updates are
ours (README.md). Axes: t frames, h rows and w columns of the network's input.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from baselines.urvos.model import Frames, Memory, Sentence, Urvos

SMALLEST = 0.001
"""Share of a frame that must be foreground for the frame to be confident at all."""
FRAMES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class PassOptions:
    """Options of inference.

    Attributes:
        anchor: ``auto``: the most confident frame; ``first``: frame 0.
        memory_every: Every n-th frame stays in memory.
        memory_frames: Most remembered frames, anchor and previous frame included; the oldest others leave.
        stages: 1: the sentence alone; 2: both passes.
        abstain: Predict "no target" if no frame is confident; the paper's method always predicts a mask.
    """

    anchor: str
    memory_every: int
    memory_frames: int
    stages: int
    abstain: bool


class EncodedVideo(Protocol):
    """Access to a video's encoded frames."""

    def __len__(self) -> int: ...

    def encoded(self, first: int, stop: int) -> Frames:
        """Frames ``first`` to ``stop - 1``, encoded."""
        ...


def frame_confidence(soft: Tensor) -> Tensor:
    """Confidence of each of ``(t, h, w)`` probabilities: the foreground's mean, 0 where it is smaller than 0.1 %."""
    foreground = soft > 0.5
    size = foreground.sum((1, 2))
    mean = (soft * foreground).sum((1, 2)) / size.clamp(min=1)
    return torch.where(size < SMALLEST * soft[0].numel(), torch.zeros_like(mean), mean)


def anchor_frame(soft: Tensor) -> int:
    """The most confident frame, the earliest of equals; where none is confident: the one with the most probability."""
    confidence = frame_confidence(soft)
    if not confidence.any():
        confidence = soft.mean((1, 2))
    return int((confidence == confidence.max()).nonzero()[0])


def segment(model: Urvos, video: EncodedVideo, sentence: Sentence, options: PassOptions) -> tuple[Tensor, float]:
    """Segment the object of one sentence in a video.

    Returns:
        Probabilities ``(t, h, w)`` on the CPU, and the anchor's confidence after the first pass.
    """
    soft = torch.cat(
        [
            probability(model(video.encoded(first, min(first + FRAMES_AT_ONCE, len(video))), sentence, None)).cpu()
            for first in range(0, len(video), FRAMES_AT_ONCE)
        ]
    )
    confidence = frame_confidence(soft)
    score = float(confidence.max())
    if options.abstain and score == 0.0:
        return torch.zeros_like(soft), score
    if options.stages == 1:
        return soft, score
    anchor = anchor_frame(soft) if options.anchor == "auto" else 0
    for order in (range(anchor + 1, len(video)), range(anchor - 1, -1, -1)):
        for index, mask in propagate(model, video, sentence, options, anchor, soft[anchor], order):
            soft[index] = mask
    return soft, score


def propagate(
    model: Urvos,
    video: EncodedVideo,
    sentence: Sentence,
    options: PassOptions,
    anchor: int,
    mask: Tensor,
    order: range,
) -> Iterator[tuple[int, Tensor]]:
    """Propagate the anchor's probabilities ``mask`` ``(h, w)`` through the frames of ``order``.

    Yields:
        Frame and its probabilities ``(h, w)``.
    """
    first = video.encoded(anchor, anchor + 1)
    bank = MemoryBank(model.remember(first, mask[None].to(first.cells.device)), options)
    for step, index in enumerate(order, 1):
        frame = video.encoded(index, index + 1)
        mask = probability(model(frame, sentence, bank.cells()))
        yield index, mask[0].cpu()
        if step < len(order):
            bank.add(model.remember(frame, mask), step)


class MemoryBank:
    """Memory of the anchor, the previous frame, and every ``memory_every``-th frame before it."""

    def __init__(self, anchor: Memory, options: PassOptions) -> None:
        self.anchor, self.options = anchor, options
        self.periodic: list[Memory] = []
        self.previous: list[Memory] = []

    def add(self, frame: Memory, step: int) -> None:
        """Add a frame, the ``step``-th after the anchor (from 1)."""
        if step % self.options.memory_every == 0:
            self.periodic.append(frame)
            self.previous = []
        else:
            self.previous = [frame]
        room = self.options.memory_frames - 1 - len(self.previous)
        self.periodic = self.periodic[-room:] if room > 0 else []

    def cells(self) -> Memory:
        """Cells of all frames in memory."""
        return Memory.concatenate([self.anchor, *self.periodic, *self.previous])


def probability(logits: Tensor) -> Tensor:
    """Probability of target from logits ``(b, 2, h, w)``: ``(b, h, w)``."""
    return logits.float().softmax(1)[:, 1]
