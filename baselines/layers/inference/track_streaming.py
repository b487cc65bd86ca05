"""``Method`` of track-query models (TransRMOT, TempRMOT): one pass over a video for all of its sentences.

Each frame is decoded and encoded once; from the fusion on, every sentence has a separate pass and separate tracks. Only
live tracks are kept between frames, so memory is bounded by ``TrackRules.max_tracks``, whatever the video's length.
Behind a start, which tracks the whole video first, the frames of one sentence follow those of another.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from baselines.layers.checkpoints.detector_checkpoint import load_detector
from baselines.layers.inference.encoders import Encoders
from baselines.layers.inference.prompted_model import ClipStart
from baselines.layers.inputs.resize import IMAGENET_MEAN, IMAGENET_STD
from baselines.layers.nn.deformable_transformer import EncodedLevels
from baselines.layers.nn.referring_detector import ReferringDetector, Words
from baselines.layers.nn.text_encoder import Tokenizer
from baselines.layers.nn.track_queries import NO_TRACK, Detections, LifeCycle, TrackQueries, TrackRules
from baselines.layers.options import StreamOptions
from mevis_bench.records import MethodConfig, Prompt, TextPrompt, TrackPrediction, Video

FRAMES_AT_ONCE = 16
"""Frames of one sentence that are encoded together behind a start."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Result of one frame for one sentence.

    Attributes:
        queries: All queries of the frame, fresh ones first, with their identities after the frame.
        detections: Their predictions, same rows.
        tracks: State that the model passes to the next frame.
    """

    queries: TrackQueries
    detections: Detections
    tracks: Any


class TrackingDetector(ReferringDetector, ABC):
    """Detector that passes tracks from frame to frame."""

    @abstractmethod
    def step(self, encoded: EncodedLevels, tracks: Any, life: LifeCycle) -> Step:
        """Process one frame; ``tracks`` are the last step's, ``None`` in the first frame."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackBoxes:
    """Boxes of one frame: ids int64 ``(n,)``, boxes ``(n, 4)`` as x0, y0, x1, y1 in pixels, scores and refers 0..1."""

    ids: Tensor
    boxes: Tensor
    scores: Tensor
    refers: Tensor

    def __getitem__(self, rows: Tensor) -> "TrackBoxes":
        return TrackBoxes(self.ids[rows], self.boxes[rows], self.scores[rows], self.refers[rows])


def live_tracks(step: Step, height: int, width: int) -> TrackBoxes:
    """Return the tracks that are alive after a frame, at the original frame's size."""
    alive = step.queries.ids != NO_TRACK
    detections = step.detections[alive]
    (cx, cy, w, h) = detections.boxes.unbind(-1)
    corners = torch.stack((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), dim=-1)
    size = corners.new_tensor((width, height, width, height))
    return TrackBoxes(step.queries.ids[alive], corners * size, detections.scores, detections.refers.sigmoid())


def confident_tracks(live: TrackBoxes, rules: TrackRules) -> TrackBoxes:
    """Select confident, large and referred tracks; decided per frame, without a vote over the track."""
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


def sentence_ids(model: ReferringDetector, tokenizer: Tokenizer, text: str) -> Tensor:
    """Token ids of a sentence, int64 ``(1, n)``, cut to those that the text encoder has positions for."""
    return torch.tensor([tokenizer.encode(text).ids[: model.config.text.max_positions - 2]])


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Options of a variant.

    Attributes:
        rules: When tracks start, end and are output.
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


class SentenceTracks:
    """Tracks of one sentence in one video, frame by frame.

    Args:
        model: The model.
        words: The sentence.
        video: The video.
        rules: When tracks start, end and are output.
    """

    def __init__(self, model: TrackingDetector, words: Words, video: Video, rules: TrackRules) -> None:
        self._model, self._words, self._video, self._rules = model, words, video, rules
        self._life = LifeCycle(rules)
        self._tracks: Any = None
        self._boxes: list[TrackBoxes] = []

    def advance(self, levels: list[Tensor]) -> None:
        """Take the maps of ``see`` of one or more frames, in the order of the video."""
        encoded = self._model.encode(levels, self._words)
        for frame in range(len(levels[0])):
            step = self._model.step(encoded[frame : frame + 1], self._tracks, self._life)
            self._tracks = step.tracks
            live = live_tracks(step, self._video.height, self._video.width)
            self._boxes.append(confident_tracks(live, self._rules))

    def prediction(self) -> TrackPrediction:
        """Join the boxes of all frames so far."""
        return _prediction(self._boxes)


class StreamingTracker:
    """Online tracking with a track-query model.

    Args:
        model: The model, in evaluation mode, on ``device``.
        tokenizer: Tokenizer of the sentences.
        settings: Options of the variant.
        device: Device of the model.
        start: Frozen parts that track the whole video first; ``None``: the model sees the frames.
    """

    def __init__(
        self,
        model: TrackingDetector,
        tokenizer: Tokenizer,
        settings: StreamSettings,
        device: str,
        start: ClipStart | None = None,
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._settings = settings
        self._device = device
        self._start = start

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[TrackPrediction]:
        """Track the objects that each sentence refers to; every sentence starts without tracks.

        Raises:
            TypeError: A prompt is not a text.
        """
        for prompt in prompts:
            if not isinstance(prompt, TextPrompt):
                raise TypeError(f"a referring tracker requires text prompts, got {type(prompt).__name__}")
        yield from self._stream(video, prompts) if self._start is None else self._replay(self._start, video, prompts)

    def close(self) -> None:
        """Release the model."""
        del self._model

    @torch.inference_mode()
    def _stream(self, video: Video, prompts: Sequence[Prompt]) -> list[TrackPrediction]:
        """Track all sentences side by side."""
        sentences = [self._sentence(video, prompt) for prompt in prompts]
        for pixels in video.frames():
            levels = self._model.see(self._image(pixels))
            for sentence in sentences:
                sentence.advance(levels)
        return [sentence.prediction() for sentence in sentences]

    @torch.inference_mode()
    def _replay(self, start: ClipStart, video: Video, prompts: Sequence[Prompt]) -> list[TrackPrediction]:
        """Track one sentence after the other, on the maps that the start makes of the video for each of them."""
        tracked = start.track(torch.cat([self._image(pixels) for pixels in video.frames()]))
        predictions = []
        for prompt in prompts:
            sentence = self._sentence(video, prompt)
            (feature,) = start.read([prompt])
            for frames in start.prompted(tracked, feature).split(FRAMES_AT_ONCE):
                sentence.advance(self._model.see(frames))
            predictions.append(sentence.prediction())
        return predictions

    def _sentence(self, video: Video, prompt: Prompt) -> SentenceTracks:
        assert isinstance(prompt, TextPrompt)  # `predict` has refused others
        words = self._model.read(sentence_ids(self._model, self._tokenizer, prompt.text).to(self._device))
        return SentenceTracks(self._model, words, video, self._settings.rules)

    def _image(self, pixels: NDArray[np.uint8]) -> Tensor:
        return prepare_image(pixels, self._settings.short, self._settings.longest).to(self._device)


def load_tracker(
    config: MethodConfig, settings: StreamSettings, encoders: Encoders, build: Callable[[bool], TrackingDetector]
) -> StreamingTracker:
    """Load a tracker with the authors' weights, or with seeded random ones.

    Args:
        config: Arguments of ``load``.
        settings: Options of the variant.
        encoders: On which the model is built.
        build: Builds the model, with or without attention among the tracks.

    Raises:
        DataError: The checkpoint is not this model's.
    """
    model = build(False) if config.weights is None else load_detector(config.weights["model"], build)
    return StreamingTracker(model.eval().to(config.device), encoders.tokenizer, settings, config.device, encoders.start)


def _prediction(frames: Sequence[TrackBoxes]) -> TrackPrediction:
    """Join the boxes of all frames, by frame, then by identity."""
    ids = [frame.ids.cpu().numpy() for frame in frames]
    boxes = [frame.boxes.cpu().numpy() for frame in frames]
    orders = [np.argsort(frame) for frame in ids]
    return TrackPrediction(
        frames=np.repeat(np.arange(len(frames)), [len(frame) for frame in ids]),
        ids=np.concatenate([np.empty(0, np.int64), *(f[order] for f, order in zip(ids, orders, strict=True))]),
        boxes=np.concatenate(
            [np.empty((0, 4)), *(b[order] for b, order in zip(boxes, orders, strict=True))], dtype=np.float64
        ),
    )
