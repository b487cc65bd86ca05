"""Estimate of the remaining time."""

import pytest

from mevis_bench.cli import progress
from mevis_bench.cli.progress import Bar, duration


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_loading_time_is_excluded_from_the_estimate(clock, capsys) -> None:
    with Bar("samples") as bar:
        bar.begin("run", total=11)
        clock[0] += 60  # loading
        bar.advance(seconds=2.0)
        assert "1/11 samples  20 s left  0.5/s" in capsys.readouterr().err


def test_samples_of_earlier_calls_are_excluded_from_the_estimate(clock, capsys) -> None:
    with Bar("samples") as bar:
        bar.begin("run", total=110, done=100)
        clock[0] += 15
        bar.advance(seconds=3.0)
        assert "101/110 samples  27 s left  0.33/s" in capsys.readouterr().err


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.6, "1:00 min"), (187, "3:07 min"), (7500, "2:05 h")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
