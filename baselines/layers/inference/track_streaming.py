"""Run a track-query model over a video, frame by frame, for all of its sentences at once.

Per frame the image is decoded and encoded once; from the fusion on, every sentence has its own pass and its own
tracks. What is kept between frames is the live tracks of each sentence, so memory does not grow with the video beyond
``TrackRules.most_tracks``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from baselines.layers.inputs.resize import IMAGENET_MEAN, IMAGENET_STD
from baselines.layers.nn.deformable_transformer import EncodedLevels
from baselines.layers.nn.referring_detector import Words
from baselines.layers.nn.text_encoder import Tokenizer
from baselines.layers.nn.track_queries import NO_TRACK, Detections, LifeCycle, TrackQueries, TrackRules
from baselines.layers.options import StreamOptions
from mevis_bench.records import TextPrompt, TrackPrediction, Video

_LONGEST_SENTENCE = 512
"""Tokens that RoBERTa has positions for."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one frame did to one sentence's tracks.

    Attributes:
        queries: Every query of the frame, fresh ones first, with the identity it has after the frame.
        detections: What the frame says about each of them, same rows.
        tracks: What the model carries into the next frame.
    """

    queries: TrackQueries
    detections: Detections
    tracks: Any


class TrackModel(Protocol):
    """What is asked of a model."""

    def see(self, image: Tensor) -> list[Tensor]:
        """Encode an image, not knowing the sentence."""
        ...

    def read(self, ids: Tensor) -> Words:
        """Encode a sentence."""
        ...

    def encode(self, levels: list[Tensor], words: Words) -> EncodedLevels:
        """Bring both together."""
        ...

    def step(self, encoded: EncodedLevels, tracks: Any, life: LifeCycle) -> Step:
        """Take one frame; ``tracks`` is the last step's, ``None`` in the first frame."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Boxes of one frame: ids int64 ``(n,)``, boxes ``(n, 4)`` as x0, y0, x1, y1 in pixels, scores and refers 0..1."""

    ids: Tensor
    boxes: Tensor
    scores: Tensor
    refers: Tensor

    def __getitem__(self, rows: Tensor) -> "Shown":
        return Shown(self.ids[rows], self.boxes[rows], self.scores[rows], self.refers[rows])


def live_tracks(step: Step, height: int, width: int) -> Shown:
    """Return the tracks that are alive after a frame, at the original frame's size."""
    alive = step.queries.ids != NO_TRACK
    found = step.detections[alive]
    (cx, cy, w, h) = found.boxes.unbind(-1)
    corners = torch.stack((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), dim=-1)
    size = corners.new_tensor((width, height, width, height))
    return Shown(step.queries.ids[alive], corners * size, found.scores, found.refers.sigmoid())


def shown_tracks(live: Shown, rules: TrackRules) -> Shown:
    """Keep what is sure, large and meant; judged in every frame anew, without a vote over the track."""
    x0, y0, x1, y1 = live.boxes.unbind(-1)
    large = (x1 - x0) * (y1 - y0) > rules.show_area
    return live[(live.scores > rules.show_score) & large & (live.refers > rules.show_refer)]


def prepare_image(pixels: NDArray[np.uint8], short: int, longest: int) -> Tensor:
    """Resize a frame ``(h, w, 3)`` as the MOTR family does and normalize it to ``(1, 3, h', w')``.

    The short side becomes ``short``, or less where the long side would exceed ``longest``; sizes are truncated. Plain
    bilinear sampling without antialiasing, rounded to whole gray levels, as OpenCV's default gives.
    """
    height, width = pixels.shape[:2]
    scale = short / min(height, width)
    if max(height, width) * scale > longest:
        scale = longest / max(height, width)
    image = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float()
    image = F.interpolate(image, size=(int(height * scale), int(width * scale)), mode="bilinear").round() / 255
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    return (image - mean[:, None, None]) / std[:, None, None]


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """A variant's options, checked.

    Attributes:
        rules: When tracks are born, dropped and shown.
        short: Short side of the resized frame, in pixels.
        longest: Upper bound of its long side.
    """

    rules: TrackRules
    short: int
    longest: int

    @classmethod
    def from_options(cls, options: StreamOptions) -> "StreamSettings":
        """Take them from a variant's options."""
        rules = TrackRules(**{field.name: getattr(options, field.name) for field in fields(TrackRules)})
        return cls(rules, options.short, options.longest)


class StreamingTracker:
    """A ``Method`` around a track-query model.

    Args:
        model: The model, in evaluation mode, on ``device``.
        tokenizer: Turns sentences into its token ids.
        settings: The variant's options.
        device: Where the model is.
    """

    def __init__(self, model: TrackModel, tokenizer: Tokenizer, settings: StreamSettings, device: str) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._settings = settings
        self._device = device

    def predict(self, video: Video, prompts: Sequence[TextPrompt]) -> Iterator[TrackPrediction]:
        """Track what each sentence means; every sentence starts without tracks."""
        yield from self._track(video, prompts)

    def close(self) -> None:
        """Let the model go."""
        del self._model

    @torch.inference_mode()
    def _track(self, video: Video, prompts: Sequence[TextPrompt]) -> list[TrackPrediction]:
        sentences = [self._model.read(self._ids(prompt.text)) for prompt in prompts]
        settings = self._settings
        lives = [LifeCycle(settings.rules) for _ in prompts]
        tracks: list[Any] = [None] * len(prompts)
        shown: list[list[Shown]] = [[] for _ in prompts]
        for pixels in video.frames():
            levels = self._model.see(prepare_image(pixels, settings.short, settings.longest).to(self._device))
            for index, words in enumerate(sentences):
                step = self._model.step(self._model.encode(levels, words), tracks[index], lives[index])
                tracks[index] = step.tracks
                shown[index].append(shown_tracks(live_tracks(step, video.height, video.width), settings.rules))
        return [_prediction(frames) for frames in shown]

    def _ids(self, text: str) -> Tensor:
        return torch.tensor([self._tokenizer.encode(text).ids[:_LONGEST_SENTENCE]], device=self._device)


def _prediction(shown: Sequence[Shown]) -> TrackPrediction:
    """Join the boxes of all frames, by frame, then by identity."""
    ids = [frame.ids.cpu().numpy() for frame in shown]
    boxes = [frame.boxes.cpu().numpy() for frame in shown]
    orders = [np.argsort(frame) for frame in ids]
    return TrackPrediction(
        frames=np.repeat(np.arange(len(shown)), [len(frame) for frame in ids]),
        ids=np.concatenate([np.empty(0, np.int64), *(f[order] for f, order in zip(ids, orders, strict=True))]),
        boxes=np.concatenate(
            [np.empty((0, 4)), *(b[order] for b, order in zip(boxes, orders, strict=True))], dtype=np.float64
        ),
    )
