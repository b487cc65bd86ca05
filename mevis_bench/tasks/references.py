"""Second scorers of ``score --verify``: dense masks and slow functions, TrackEval, and pycocoevalcap unchanged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mevis_bench.metrics.aggregation import Values
from mevis_bench.metrics.captions import EMPTY_CAPTION, one_line
from mevis_bench.metrics.dense_reference import reference_scores
from mevis_bench.metrics.multi_object import true_tracks
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.records import CaptionPrediction, GroundTruth, TrackPrediction, UsageError
from mevis_bench.store.dense_masks import decode_rle, read_dense
from mevis_bench.store.prediction_source import FrameSpec, LoadedMasks, LoadedPrediction, PredictionSource


@dataclass(frozen=True, slots=True)
class ReferenceSample:
    """One sample to score again.

    Attributes:
        ground_truth: Its ground truth.
        frames: The video's frames.
        source: The predictions.
        options: Options of scoring.
    """

    ground_truth: GroundTruth
    frames: FrameSpec
    source: PredictionSource
    options: ScoringOptions

    def prediction(self) -> LoadedPrediction:
        """Read the prediction."""
        return self.source.read(self.ground_truth.expression.id, self.frames)


@dataclass(frozen=True, slots=True)
class ReferenceScorer:
    """A second way of scoring a task's predictions.

    Attributes:
        title: The code that scores.
        score: Returns the values of every sample by ``<video>/<expression>``. Raises ``UsageError`` where a package
            is not installed.
        tolerances: Largest allowed difference by metric; 0 for every metric not named.
        needs_all: Whether a sample's values depend on the whole split, so that a subset cannot be verified.
    """

    title: str
    score: Callable[[Sequence[ReferenceSample]], Mapping[str, Values]]
    tolerances: Mapping[str, float]
    needs_all: bool = False


def _rescore_masks(samples: Sequence[ReferenceSample]) -> dict[str, Values]:
    scores: dict[str, Values] = {}
    for sample in samples:
        ground_truth, options = sample.ground_truth, sample.options
        if options.rules.measure != "regions":
            raise UsageError(
                f"protocol {options.rules.name} has no second scorer; the tests have slow ones",
                location="--verify",
            )
        prediction = read_dense(sample.source, ground_truth.expression.id, sample.frames)
        target = np.zeros_like(prediction)
        for masks in ground_truth.objects:
            target |= decode_rle(masks, ground_truth.height, ground_truth.width)
        j, f = reference_scores(prediction, target, options.rules.boundary_tolerance)
        credit = options.rules.no_target == "credit" and not ground_truth.objects
        zero = options.empty_on_target == "zero" and bool(ground_truth.objects)
        if credit or zero:
            stored = sample.prediction()
            target_score = stored.target_score if isinstance(stored, LoadedMasks) else None
            empty = options.is_empty_prediction(int(prediction.sum()), target_score, ground_truth.sample)
            if credit:
                j = f = float(empty)
            elif empty:
                j = f = 0.0
        scores[ground_truth.sample] = {"J": j, "F": f}
    return scores


_HOTA = ("HOTA", "DetA", "AssA", "LocA")
_CLEAR = ("MOTA", "MOTP", "IDSW", "IDF1")


def _rescore_tracks(samples: Sequence[ReferenceSample]) -> dict[str, Values]:
    quiet = {"PRINT_CONFIG": False}
    hota = _imported("trackeval.metrics.hota", "trackeval").HOTA()
    clear = _imported("trackeval.metrics.clear", "trackeval").CLEAR(quiet)
    identity = _imported("trackeval.metrics.identity", "trackeval").Identity(quiet)
    scores: dict[str, Values] = {}
    for sample in samples:
        ground_truth, prediction = sample.ground_truth, sample.prediction()
        if not isinstance(prediction, TrackPrediction):
            raise UsageError("--verify scores tracks again, not masks", location=ground_truth.sample)
        if not np.allclose(hota.array_labels, sample.options.rules.hota_thresholds, rtol=0, atol=1e-12):
            raise UsageError(
                f"TrackEval does not have the thresholds of protocol {sample.options.rules.name}",
                location="--verify",
            )
        true = true_tracks(ground_truth, TargetCache(), sample.options)
        data = _trackeval_data(true, prediction, ground_truth.length)
        fields = hota.eval_sequence(data)
        values: dict[str, float | None] = {name: float(np.mean(fields[name])) for name in _HOTA}
        # combined: of a single sequence without true boxes TrackEval leaves MOTA at 0
        fields = {k: v for metric in (clear, identity) for k, v in _combined(metric, data).items()}
        boxes = data["num_gt_dets"] + data["num_tracker_dets"]
        values |= {name: float(fields[name]) if boxes else None for name in _CLEAR}
        scores[ground_truth.sample] = values
    return scores


def _combined(metric: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of one sequence as TrackEval's COMBINED has them."""
    fields: dict[str, Any] = metric.combine_sequences({"one": metric.eval_sequence(data)})
    return fields


def _trackeval_data(ground_truth: TrackPrediction, prediction: TrackPrediction, length: int) -> dict[str, Any]:
    """Return one sequence in the form that TrackEval's metrics take."""
    overlaps = _imported("trackeval.datasets._base_dataset", "trackeval")._BaseDataset._calculate_box_ious
    data: dict[str, Any] = {"num_timesteps": length}
    boxes = []
    for side, tracks in (("gt", ground_truth), ("tracker", prediction)):
        names, ids = np.unique(tracks.ids, return_inverse=True)
        data |= {f"num_{side}_ids": len(names), f"num_{side}_dets": len(ids)}
        data[f"{side}_ids"] = [ids[tracks.frames == t] for t in range(length)]
        boxes.append([tracks.boxes[tracks.frames == t] for t in range(length)])
    data["similarity_scores"] = [overlaps(a, b, box_format="x0y0x1y1") for a, b in zip(*boxes, strict=True)]
    return data


def _rescore_captions(samples: Sequence[ReferenceSample]) -> dict[str, Values]:
    """Score captions again; text that pycocoevalcap cannot take (line breaks, no word at all) is fixed before."""
    tokenizer = _imported("pycocoevalcap.tokenizer.ptbtokenizer", "pycocoevalcap").PTBTokenizer()
    predicted: dict[str, list[dict[str, str]]] = {}
    true: dict[str, list[dict[str, str]]] = {}
    for sample in samples:
        ground_truth, prediction = sample.ground_truth, sample.prediction()
        assert isinstance(prediction, CaptionPrediction)
        all_references = sample.options.references == "all"
        references = ground_truth.references if all_references else (ground_truth.expression.text,)
        predicted[ground_truth.sample] = [{"caption": one_line(prediction.text) or EMPTY_CAPTION}]
        true[ground_truth.sample] = [{"caption": one_line(text)} for text in references]
    predicted_tokens, true_tokens = tokenizer.tokenize(predicted), tokenizer.tokenize(true)
    meteor = _imported("pycocoevalcap.meteor.meteor", "pycocoevalcap").Meteor()
    _, meteors = meteor.compute_score(true_tokens, predicted_tokens)
    cider = _imported("pycocoevalcap.cider.cider", "pycocoevalcap").Cider()
    _, ciders = cider.compute_score(true_tokens, predicted_tokens)
    scores: dict[str, Values] = {
        sample: {"METEOR": float(meteor_score), "CIDEr": float(cider_score)}
        for sample, meteor_score, cider_score in zip(true_tokens, meteors, ciders, strict=True)
    }
    if len(scores) == 1:  # CIDEr of one sample is 0 whatever the caption, which this harness calls undefined
        return {sample: {"METEOR": values["METEOR"]} for sample, values in scores.items()}
    return scores


def _imported(module: str, package: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(
            f"--verify needs {package}: {error}", hint="Install it with pip install 'mevis-bench[verify,rmeg]'."
        ) from error


MASK_REFERENCE = ReferenceScorer("dense masks, Pillow, pycocotools and SciPy", _rescore_masks, {})
TRACK_REFERENCE = ReferenceScorer("TrackEval", _rescore_tracks, dict.fromkeys((*_HOTA, "MOTA", "MOTP", "IDF1"), 1e-12))
CAPTION_REFERENCE = ReferenceScorer("pycocoevalcap, unchanged", _rescore_captions, {}, needs_all=True)
