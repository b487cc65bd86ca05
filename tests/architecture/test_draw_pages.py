"""Nights of the pictures are around the results, with one step of one method."""

from mevis_bench.reports.history_page import trends
from mevis_bench.schemas.history import HistoryEntry, Point
from scripts.draw_pages import NIGHTS, nights


def test_the_nights_are_around_the_results_with_one_step_of_lmpmpp() -> None:
    points = {"J&F": {"all": Point(0.5, 0.4, 0.6)}}
    entries = [HistoryEntry(f"rvos/{name}:mini/valid_u", "c", "", points) for name in ("lmpmpp", "empty")]
    drawn = nights(entries)
    by_name = {trend.label: trend for trend in trends(drawn)}
    assert all(len(trend.values) == NIGHTS for trend in by_name.values())
    assert len(by_name["lmpmpp:mini"].steps) == 1
    assert by_name["empty:mini"].steps == ()
    assert all(abs(trend.values[-1] - 0.5) < 0.01 for trend in by_name.values())
    assert len({entry.commit for entry in drawn}) == NIGHTS
