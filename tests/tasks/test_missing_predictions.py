"""A sample without a prediction has the worst values, and is wrong about whether there is a target."""

from mevis_bench.metrics.multi_object import score_missing_tracks
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.segmentation import score_missing_masks
from mevis_bench.metrics.targets import TargetCache
from mevis_bench.tasks import find_task
from tests.tasks.small_samples import ground_truths


def test_masks() -> None:
    with_target, without_target = ground_truths(find_task("rvos"))[0], ground_truths(find_task("rvos"))[3]
    zero = {"J": 0.0, "F": 0.0, "J&F": 0.0}
    values = score_missing_masks(with_target, TargetCache(), ScoringOptions()).values
    assert values == {**zero, "N-acc": None, "T-acc": 0.0}
    values = score_missing_masks(without_target, TargetCache(), ScoringOptions()).values
    assert values == {**zero, "N-acc": 0.0, "T-acc": None}


def test_tracks() -> None:
    with_target, without_target = ground_truths(find_task("rmot"))[0], ground_truths(find_task("rmot"))[3]
    for truth, accuracy in ((with_target, "T-acc"), (without_target, "N-acc")):
        values = score_missing_tracks(truth, TargetCache(), ScoringOptions()).values
        assert (values["HOTA*"], values[accuracy]) == (0.0, 0.0)
