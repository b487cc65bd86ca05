"""Verification of scores: the same predictions scored a second time with independent code."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mevis_bench.runs.score import ScoringResult
from mevis_bench.tasks.references import ReferenceSample

NUM_VERIFIED_SAMPLES = 20
"""Samples that ``--verify`` scores again, evenly spread."""


@dataclass(frozen=True, slots=True)
class Verification:
    """Differences of two ways of scoring.

    Attributes:
        samples: Number of samples that were scored twice.
        by: The code that scored them the second time.
        differences: Largest absolute difference of each metric; infinite where only one side is defined.
        agrees: Whether every difference is within its tolerance.
    """

    samples: int
    by: str
    differences: Mapping[str, float]
    agrees: bool


def verify(result: ScoringResult, num_samples: int | None) -> Verification:
    """Score again and compare. Samples that count as zero are left out.

    Args:
        result: Output of scoring.
        num_samples: Number of samples, evenly spread; ``None``: all. A metric that depends on the whole split
            (CIDEr) is always verified on all samples.

    Raises:
        UsageError: The package that scores the second time is not installed.
    """
    reference = result.plan.task.reference
    values = {score.sample: score.values for score in result.scores}
    samples = [
        ReferenceSample(ground_truth, job.frames, job.source, job.options)
        for job in result.plan.jobs()
        for ground_truth in job.ground_truths
        if ground_truth.sample not in result.errors
    ]
    if num_samples is not None and not reference.needs_all:
        evenly = np.linspace(0, len(samples) - 1, min(num_samples, len(samples)))
        samples = [samples[index] for index in sorted({round(position) for position in evenly})]
    differences: dict[str, float] = {}
    for sample, second in reference.score(samples).items():
        for name, value in second.items():
            first = values[sample][name]
            if first is None and value is None:
                continue
            difference = float("inf") if first is None or value is None else abs(first - value)
            differences[name] = max(differences.get(name, 0.0), difference)
    agrees = all(value <= reference.tolerances.get(name, 0.0) for name, value in differences.items())
    return Verification(len(samples), reference.title, differences, agrees)
