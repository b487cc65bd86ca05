"""Direction and format of a metric."""

from mevis_bench.metrics.metric import Metric

UP = Metric("J", "up", "nowhere")
DOWN = Metric("IDSW", "down", "nowhere", higher_is_better=False, unit="raw")


def test_direction() -> None:
    assert (UP.best([0.25, 0.5]), DOWN.best([3.0, 2.0])) == (0.5, 2.0)
    assert (UP.improvement(0.25, 0.5), DOWN.improvement(3.0, 2.0)) == (0.25, 1.0)


def test_format() -> None:
    assert (UP.format(0.5), DOWN.format(0.5), UP.format(None)) == ("50.0", "0.5", "-")
