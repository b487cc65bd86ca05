"""N-acc. and T-acc.: is "no target" predicted where, and only where, there is none (the paper, section 5)."""

from mevis_bench.metrics.aggregation import Values
from mevis_bench.metrics.metric import Metric

N_ACC = Metric(
    name="N-acc",
    meaning='Share of the samples without a target that are predicted as "no target".',
    source="the paper, section 5",
    undefined="no selected sample is without a target",
    paper_name="N-acc",
    mean_of_samples=True,
)
T_ACC = Metric(
    name="T-acc",
    meaning='Share of the samples with a target that are not predicted as "no target".',
    source="the paper, section 5",
    undefined="no selected sample has a target",
    paper_name="T-acc",
    mean_of_samples=True,
)


def target_accuracy(has_target: bool, predicted_empty: bool) -> Values:
    """Return the sample's share in N-acc. (samples without a target) or in T-acc. (samples with one), 0 or 1."""
    if has_target:
        return {"N-acc": None, "T-acc": float(not predicted_empty)}
    return {"N-acc": float(predicted_empty), "T-acc": None}
