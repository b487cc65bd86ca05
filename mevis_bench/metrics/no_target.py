"""N-acc. and T-acc.: is "no target" said when, and only when, there is none (the paper, section 5)."""

from mevis_bench.metrics.aggregation import Values


def target_accuracy(has_target: bool, predicted_empty: bool) -> Values:
    """Return the sample's share in N-acc. (samples without a target) or in T-acc. (samples with one), 0 or 1."""
    if has_target:
        return {"N-acc": None, "T-acc": float(not predicted_empty)}
    return {"N-acc": float(predicted_empty), "T-acc": None}
