"""Boxes to masks as a ``Method``: the boxes of a tracker, each identity followed through the video by SAM 2."""

from collections.abc import Iterator, Sequence

import numpy as np

from baselines.boxes_to_masks.options import Options
from baselines.layers.inference.mask_propagation import MaskPropagator, Seed, open_sam2
from mevis_bench.records import MaskPrediction, MethodConfig, Prompt, TrackPrediction, Video
from mevis_bench.records.method import StoredPredictions


class BoxesToMasks:
    """SAM 2 with stored tracks.

    Args:
        propagator: SAM 2.
        tracks: The tracks; ``None``: a box in the middle of every frame answers everything.
        options: Options of the variant.
    """

    def __init__(self, propagator: MaskPropagator, tracks: StoredPredictions | None, options: Options) -> None:
        self.propagator, self.tracks, self.options = propagator, tracks, options
        self.network = propagator.network  # the harness counts the parameters of this attribute

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Yield the masks of every expression's tracks, one object per identity; empty where there is no box.

        Raises:
            DataError: There are no tracks of an expression, or they do not fit the video.
        """
        for prompt in prompts:
            tracks = middle_box(video) if self.tracks is None else self.tracks.read(video, prompt.id, TrackPrediction)
            seeds = seeds_of(tracks, video)
            boxed: dict[int, list[int]] = {}
            for seed in seeds:
                boxed.setdefault(seed.identity, []).append(seed.frame)
            if self.options.prompts == "first":
                seeds = [seed for seed in seeds if seed.frame == boxed[seed.identity][0]]
            masks = self.propagator.propagate(video, seeds)
            if self.options.frames == "boxed":
                masks.keep_frames(boxed)
            yield masks.prediction(float(bool(seeds)), 0.0)

    def close(self) -> None:
        """No-op."""


def middle_box(video: Video) -> TrackPrediction:
    """Return one identity with a box of half the video's width and height in the middle of every frame."""
    box = np.array([video.width, video.height, 3 * video.width, 3 * video.height]) / 4
    return TrackPrediction.from_boxes([np.tile(box, (len(video), 1))], [np.ones(len(video), bool)])


def seeds_of(tracks: TrackPrediction, video: Video) -> list[Seed]:
    """Return one seed per box, by identity, then by frame; identities are numbered in ascending order.

    Boxes are cut at the border of the video; what is empty then has no seed.
    """
    limits = [video.width, video.height, video.width, video.height]
    boxes = np.clip(tracks.boxes, 0, limits)
    visible = (boxes[:, 2:] > boxes[:, :2]).all(1)
    numbers = np.unique(tracks.ids[visible], return_inverse=True)[1]
    found = zip(numbers.tolist(), tracks.frames[visible].tolist(), boxes[visible], strict=True)
    return [Seed.of_box(number, frame, box) for number, frame, box in sorted(found, key=lambda item: item[:2])]


def load(config: MethodConfig[Options]) -> BoxesToMasks:
    """Load SAM 2 and open the tracks, or build SAM 2 with seeded random weights.

    Raises:
        DataError: The folder is not SAM 2's, or there are no predictions.
        MethodError: The device has too little memory.
    """
    options, weights = config.options, config.weights
    tracks = None if weights is None else config.open_predictions(weights["tracks"])
    folder = None if weights is None else weights["tracker"]
    return BoxesToMasks(open_sam2(folder, options.size, config.seed, options.precision, config.device), tracks, options)
