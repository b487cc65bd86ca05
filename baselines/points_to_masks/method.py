"""Points to masks as a ``Method``: a vision-language model's answers in points, followed through the video by SAM 2.

The second stage of lmms-eval's ``rvos_*`` tasks: each object's points are added as the video reaches their frames.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from baselines.layers.inference.mask_propagation import MaskPropagator, Seed, open_sam2
from baselines.points_to_masks.options import Options
from mevis_bench.records import DataError, MaskPrediction, MethodConfig, PointPrediction, Prompt, TextPrompt, Video
from mevis_bench.records.method import StoredPredictions
from mevis_bench.records.point_answer import PointAnswer, find_answer, read_point_answers
from mevis_bench.records.prediction import Points


class PointsToMasks:
    """SAM 2 with answers in points.

    Args:
        propagator: SAM 2.
        answers: A file's answers, or a run's; ``None``: a point in the middle of the first frame answers everything.
        options: Options of the variant.
    """

    def __init__(
        self,
        propagator: MaskPropagator,
        answers: tuple[PointAnswer, ...] | StoredPredictions | None,
        options: Options,
    ) -> None:
        self.propagator, self.answers, self.options = propagator, answers, options
        self.network = propagator.network  # the harness counts the parameters of this attribute

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Yield the masks of every expression's answer, objects kept apart; empty for an answer without points.

        Raises:
            TypeError: A prompt is not a sentence.
            DataError: There is no answer to an expression, or it is not in points.
        """
        for prompt in prompts:
            if not isinstance(prompt, TextPrompt):
                raise TypeError(f"points to masks requires sentences, got {type(prompt).__name__}")
            seeds = seeds_of(self._points(video, prompt), video, self.options)
            masks = self.propagator.propagate(video, seeds)
            yield masks.prediction(float(bool(seeds)), 0.0)

    def close(self) -> None:
        """No-op."""

    def _points(self, video: Video, prompt: TextPrompt) -> Points:
        if self.answers is None:
            return {0: {"0": (video.width / 2, video.height / 2)}}
        if not isinstance(self.answers, tuple):
            return self.answers.read(video, prompt.id, PointPrediction).by_frame()
        answer = find_answer(self.answers, video.id, prompt.id, prompt.text)
        if answer is None:
            raise DataError(
                "the file of answers has none to this expression",
                location=f"{video.id}/{prompt.id}",
                hint=f"Expected a record with video '{video.id}' and expression '{prompt.text}'.",
            )
        return answer.points


def seeds_of(points: Points, video: Video, options: Options) -> list[Seed]:
    """Return one seed per object and frame with points; objects are numbered in the order of their names.

    Frames and points outside of the video are moved to its border, as in lmms-eval.
    """
    names = sorted({name for named in points.values() for name in named})
    seeds: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for frame, named in sorted(points.items()):
        inside = min(frame, len(video) - 1)
        for name, (x, y) in named.items():
            place = min(max(x, 0.0), video.width - 1.0), min(max(y, 0.0), video.height - 1.0)
            seeds.setdefault((names.index(name), inside), []).append(place)
    first: Mapping[int, int] = dict(sorted(seeds, reverse=True))
    return [
        Seed.of_points(number, frame, np.array(places))
        for (number, frame), places in sorted(seeds.items())
        if options.prompts == "all" or frame == first[number]
    ]


def load(config: MethodConfig[Options]) -> PointsToMasks:
    """Load SAM 2 and the answers, or build SAM 2 with seeded random weights.

    Raises:
        DataError: The folder is not SAM 2's, or there are no answers.
        MethodError: The device has too little memory.
    """
    options = config.options
    folder = None if config.weights is None else config.weights["tracker"]
    propagator = open_sam2(folder, options.size, config.seed, options.precision, config.device)
    return PointsToMasks(propagator, _answers(config), options)


def _answers(config: MethodConfig[Options]) -> tuple[PointAnswer, ...] | StoredPredictions | None:
    if config.weights is None:
        return None
    path = config.weights["answers"]
    return read_point_answers(path) if path.suffix.lower() == ".json" else config.open_predictions(path)
