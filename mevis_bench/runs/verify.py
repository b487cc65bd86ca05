"""Scoring a second time with other code: dense masks and slow functions, TrackEval, pycocoevalcap as it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mevis_bench.masks.tracks import to_tracks
from mevis_bench.metrics.aggregation import Values
from mevis_bench.metrics.captions import NOTHING, one_line
from mevis_bench.metrics.dense_reference import reference_scores
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.records import CaptionPrediction, GroundTruth, TrackPrediction, UsageError
from mevis_bench.runs.score import ScoringResult
from mevis_bench.runs.scoring_plan import ScoringJob
from mevis_bench.store.dense_masks import decode_rle, read_dense
from mevis_bench.store.prediction_source import LoadedMasks

SOME = 20
"""Samples that ``--verify`` looks at, spread evenly."""

TOLERANCES: Mapping[str, float] = {"J": 0.0, "F": 0.0, "HOTA": 1e-12, "DetA": 1e-12, "AssA": 1e-12, "LocA": 1e-12}
"""Largest difference that is no fault; METEOR and CIDEr have to be equal."""


@dataclass(frozen=True, slots=True)
class Verification:
    """How far two ways of scoring are apart.

    Attributes:
        samples: How many samples were scored twice.
        by: What scored them the second time.
        differences: Largest difference of each metric.
    """

    samples: int
    by: str
    differences: Mapping[str, float]

    @property
    def agrees(self) -> bool:
        """Whether every difference is within its tolerance."""
        return all(value <= TOLERANCES.get(name, 0.0) for name, value in self.differences.items())


def verify(scored: ScoringResult, some: int | None) -> Verification:
    """Score again and compare. Samples that count as zero are left out.

    Args:
        scored: What scoring gave.
        some: How many samples to take, evenly spread; ``None``: all. Captions are always taken all, because CIDEr
            depends on the set.

    Raises:
        UsageError: The package that scores the second time is not installed.
    """
    task = scored.assignment.task.name
    values = {score.sample: score.values for score in scored.scores}
    jobs = scored.assignment.jobs()
    pairs = [
        (job, ground_truth)
        for job in jobs
        for ground_truth in job.ground_truths
        if ground_truth.sample not in scored.faults
    ]
    if some is not None and task != "rmeg":
        pairs = [pairs[k] for k in sorted({round(k) for k in np.linspace(0, len(pairs) - 1, min(some, len(pairs)))})]
    by, again = _REFERENCES[task]
    differences: dict[str, float] = {}
    for sample, second in again(pairs).items():
        for name, value in second.items():
            first = values[sample][name]
            apart = float("inf") if first is None or value is None else abs(first - value)
            differences[name] = max(differences.get(name, 0.0), apart)
    return Verification(len(pairs), by, differences)


Pairs = Sequence[tuple[ScoringJob, GroundTruth]]


def _masks_again(pairs: Pairs) -> dict[str, Values]:
    scores: dict[str, Values] = {}
    for job, ground_truth in pairs:
        prediction = read_dense(job.source, ground_truth.expression.id, job.clip)
        target = np.zeros_like(prediction)
        for masks in ground_truth.objects:
            target |= decode_rle(masks, ground_truth.height, ground_truth.width)
        j, f = reference_scores(prediction, target)
        if job.rules.protocol == "mevis_v2" and not ground_truth.objects:
            j = f = float(job.rules.is_empty_prediction(int(prediction.sum()), None, ground_truth.sample))
        scores[ground_truth.sample] = {"J": j, "F": f}
    return scores


def _tracks_again(pairs: Pairs) -> dict[str, Values]:
    hota = _imported("trackeval.metrics.hota", "trackeval").HOTA()
    scores: dict[str, Values] = {}
    for job, ground_truth in pairs:
        answer = job.source.read(ground_truth.expression.id, job.clip)
        if isinstance(answer, LoadedMasks):
            raise UsageError("--verify scores tracks again, not masks", location=ground_truth.sample)
        assert isinstance(answer, TrackPrediction)
        objects = TargetCache().target(ground_truth).objects.values()
        fields = hota.eval_sequence(_trackeval_data(to_tracks(list(objects)), answer, ground_truth.length))
        scores[ground_truth.sample] = {name: float(np.mean(fields[name])) for name in ("HOTA", "DetA", "AssA", "LocA")}
    return scores


def _trackeval_data(ground_truth: TrackPrediction, prediction: TrackPrediction, length: int) -> dict[str, Any]:
    """Arrange one sequence as TrackEval's metrics take it."""
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


def _captions_again(pairs: Pairs) -> dict[str, Values]:
    """Score captions again; what pycocoevalcap can't take (line breaks, no word at all) is put right before."""
    tokenizer = _imported("pycocoevalcap.tokenizer.ptbtokenizer", "pycocoevalcap").PTBTokenizer()
    said: dict[str, list[dict[str, str]]] = {}
    true: dict[str, list[dict[str, str]]] = {}
    for job, ground_truth in pairs:
        answer = job.source.read(ground_truth.expression.id, job.clip)
        assert isinstance(answer, CaptionPrediction)
        references = ground_truth.references if job.rules.references == "all" else (ground_truth.expression.text,)
        said[ground_truth.sample] = [{"caption": one_line(answer.text) or NOTHING}]
        true[ground_truth.sample] = [{"caption": one_line(text)} for text in references]
    said_tokens, true_tokens = tokenizer.tokenize(said), tokenizer.tokenize(true)
    meteor = _imported("pycocoevalcap.meteor.meteor", "pycocoevalcap").Meteor()
    _, meteors = meteor.compute_score(true_tokens, said_tokens)
    _, ciders = _imported("pycocoevalcap.cider.cider", "pycocoevalcap").Cider().compute_score(true_tokens, said_tokens)
    return {
        sample: {"METEOR": float(each), "CIDEr": float(cider)}
        for sample, each, cider in zip(true_tokens, meteors, ciders, strict=True)
    }


def _imported(module: str, package: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(
            f"--verify needs {package}: {error}", hint="pip install 'mevis-bench[verify,rmeg]' brings it."
        ) from error


_REFERENCES: Mapping[str, tuple[str, Callable[[Pairs], dict[str, Values]]]] = {
    "rvos": ("dense masks, Pillow, pycocotools and SciPy", _masks_again),
    "avos": ("dense masks, Pillow, pycocotools and SciPy", _masks_again),
    "rmot": ("TrackEval", _tracks_again),
    "rmeg": ("pycocoevalcap as it is", _captions_again),
}
