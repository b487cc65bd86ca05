"""Published results of others: their numbers are consistent, runs stand beside them, never among them."""

from dataclasses import replace
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.records import DataError
from mevis_bench.reports.published import read_published, runs_beside
from mevis_bench.schemas.published_results import PublishedResults
from mevis_bench.store.score_files import read_results
from tests.fixtures.scored_runs import constant_run
from tests.paths import ROOT

PUBLISHED = ROOT / "configs" / "published"


def _table(title: str) -> PublishedResults:
    return next(table for table in read_published(PUBLISHED) if table.title.startswith(title))


def test_numbers_agree_with_each_other() -> None:
    """J&F is the mean of J and F, the final score that of J&F, N-acc and T-acc, within rounding; ranks are in order."""
    checked = 0
    for table in read_published(PUBLISHED):
        ranks = [row.rank for row in table.rows]
        assert ranks in (list(range(1, len(ranks) + 1)), [None] * len(ranks))
        for row in table.rows:
            values = row.values
            for whole, parts in {"J&F": ("J", "F"), "Final": ("J&F", "N-acc", "T-acc")}.items():
                if {whole, *parts} <= values.keys():
                    assert values[whole] == pytest.approx(sum(values[part] for part in parts) / len(parts), abs=0.01)
                    checked += 1
    assert checked >= 14


def test_winners_as_the_organizers_published_them() -> None:
    winners = {table.title[:10]: table.rows[0] for table in read_published(PUBLISHED) if table.rows[0].rank == 1}
    assert winners["LSVOS 2025"].values == {"J&F": 67.33, "J": 63.82, "F": 70.84}
    assert winners["LSVOS 2024"].values["J&F"] == 62.57
    text = _table("PVUW 2026 (5th, CVPR), MeViS-Text").rows[0]
    assert (text.values["J&F"], text.values["Final"], text.reference) == (78.97, 90.9064, "arXiv 2604.00404")


def test_a_run_stands_beside_tables_of_its_task_and_data(tmp_path: Path) -> None:
    results = read_results(constant_run(tmp_path / "run", j=0.5))
    (run,) = runs_beside(_table("LSVOS 2026 (8th, ECCV), MeViSv2-Text"), [results])
    assert run.values["J"] == pytest.approx(50)
    assert run.values["Final"] is None
    (challenge,) = runs_beside(
        _table("LSVOS 2026 (8th, ECCV), MeViSv2-Text"), [replace(results, metrics={**results.metrics, "final": 0.4})]
    )
    assert challenge.values["Final"] == pytest.approx(40)
    assert "other split (valid_u)" in run.not_comparable
    assert "scored by other code" in run.not_comparable
    assert runs_beside(_table("LSVOS 2026 (8th, ECCV), MeViSv2-Audio"), [results]) == ()
    elsewhere = replace(results, dataset={"name": "revos", "version": "1"})
    assert runs_beside(_table("LSVOS 2026 (8th, ECCV), MeViSv2-Text"), [elsewhere]) == ()
    same = replace(_table("LSVOS 2026 (8th, ECCV), MeViSv2-Text"), split="valid_u", protocol=results.protocol)
    (comparable,) = runs_beside(same, [replace(results, dataset={"name": "mevis_v2", "version": "1"})])
    assert comparable.not_comparable == ()


def test_published_numbers_never_enter_the_table_of_runs(tmp_path: Path, capsys) -> None:
    run = str(constant_run(tmp_path / "run"))
    assert main(["report", run]) == 0
    alone = capsys.readouterr().out
    assert main(["report", run, "--vs", "published"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(alone)
    beside = printed.removeprefix(alone)
    assert "published: LSVOS 2025 (7th, ICCV), RVOS track, percent" in beside
    assert "run, not comparable: " in beside
    assert "Runs are not ranked among these rows." in beside
    assert "67.3" in beside
    assert "67.3" not in alone


def test_the_former_option_works_with_a_warning(tmp_path: Path, capsys) -> None:
    assert main(["report", str(constant_run(tmp_path / "run")), "--vs-paper"]) == 0
    assert capsys.readouterr().err == "--vs-paper is deprecated and will be removed: use --vs paper.\n"


def test_an_unknown_column_is_an_error(tmp_path: Path) -> None:
    text = (PUBLISHED / "lsvos_2025_rvos.yaml").read_text().replace('"F": 70.84', '"G": 70.84')
    (tmp_path / "one.yaml").write_text(text)
    with pytest.raises(DataError, match=r"row 'key-frame compression.*': column 'G' is missing in 'columns'"):
        read_published(tmp_path)
