"""Estimate of the remaining time."""

import io

import pytest
from rich.console import Console

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


def test_a_terminal_shows_no_bar_before_its_first_stage_and_no_values_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    monkeypatch.setattr(progress, "err", lambda: console)
    assert isinstance(console.file, io.StringIO)
    with Bar("samples"):
        pass
    assert "0/?" not in console.file.getvalue()
    with Bar("samples") as bar:
        bar.begin("first", total=1)
        bar.advance(2.0, "scoring")
        bar.begin("second", total=3)
    text = console.file.getvalue()
    shown = text[text.rindex("second") - len("✓ ") :]
    assert "0/3" in shown
    assert not any(text in shown for text in ("scoring", "0.5/s", "✓"))
