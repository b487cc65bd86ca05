"""``report``, ``compare`` and ``gate``: printed output and exit codes."""

import json
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from tests.fixtures.scored_runs import constant_run, scored_run


def test_report_prints_the_table_and_the_setting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["report", str(constant_run(tmp_path / "a")), str(constant_run(tmp_path / "b", j=0.7)), "--vs", "paper"])
        == 0
    )
    printed = capsys.readouterr().out
    assert "70.0" in printed
    assert "protocol mevis_v2; 60 of 60 samples scored" in printed
    assert "no: other split (valid_u; the paper reports valid)" in printed


@pytest.mark.parametrize("format_", ["markdown", "csv", "latex", "json", "html"])
def test_report_writes_every_format(tmp_path: Path, capsys: pytest.CaptureFixture[str], format_: str) -> None:
    assert main(["report", str(constant_run(tmp_path / "a")), "--format", format_]) == 0
    assert "lmpmpp:mini" in capsys.readouterr().out


def test_report_accepts_the_former_name_of_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(constant_run(tmp_path / "a")), "--form", "csv"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("task,method,provenance,")
    assert captured.err == "--form is deprecated and will be removed: use --format.\n"


def test_the_paper_is_compared_on_the_terminal_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(constant_run(tmp_path / "a")), "--format", "csv", "--vs", "paper"]) == 2
    assert "--format csv: --vs prints a terminal table\nLeave out one of them." in capsys.readouterr().err


def test_piped_output_has_the_width_of_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = str(constant_run(tmp_path / "a"))
    widths = {}
    for columns in ("40", "60", ""):
        monkeypatch.setenv("COLUMNS", columns)
        assert main(["report", run]) == 0
        widths[columns] = max(map(len, capsys.readouterr().out.splitlines()))
    assert widths["40"] <= 40 < widths["60"] <= 60 < widths[""] <= 200


def test_report_names_the_available_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(constant_run(tmp_path / "a")), "--format", "pdf"]) == 2
    error = capsys.readouterr().err
    assert "--format: unknown format 'pdf'" in error
    assert "Available: terminal, markdown, csv, latex, json, html." in error


def test_report_of_a_folder_without_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "results.json: cannot be read: No such file or directory" in error
    assert "Score the predictions again with `mevis-bench score`." in error


def test_compare_prints_slices_and_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(scored_run(tmp_path / "a")), str(scored_run(tmp_path / "b", gain=0.05))]) == 0
    printed = capsys.readouterr().out
    assert "+5.00 .. +5.00" in printed
    assert "0 samples worse, 80 better in J" in printed


def test_compare_refuses_unlike_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = constant_run(tmp_path / "b", change={"protocol": "mevis_v1"})
    assert main(["compare", str(constant_run(tmp_path / "a")), str(other)]) == 4
    assert "the runs differ in protocol: mevis_v2 and mevis_v1" in capsys.readouterr().err


def test_compare_as_json_has_every_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(scored_run(tmp_path / "a")), str(scored_run(tmp_path / "b", gain=0.05)), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["changes"]) == 80


def test_gate_accepts_then_passes_then_turns_red(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected, out = str(tmp_path / "e.json"), tmp_path / "out"
    good, bad = str(constant_run(tmp_path / "a")), str(constant_run(tmp_path / "b", j=0.5))
    assert main(["accept", good, "--expected", expected]) == 0
    assert main(["gate", good, "--expected", expected]) == 0
    assert main(["gate", bad, "--expected", expected, "--out", str(out)]) == 1
    assert "-10.00 points, more than 0.5 allowed" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == ["gate.json", "gate.junit.xml", "gate.md"]


def test_accept_shows_what_changes_and_gate_accept_still_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected, better = str(tmp_path / "e.json"), str(constant_run(tmp_path / "b", j=0.7))
    assert main(["gate", str(constant_run(tmp_path / "a")), "--expected", expected, "--accept"]) == 0
    assert "gate --accept is deprecated and will be removed: use mevis-bench accept." in capsys.readouterr().err
    assert main(["gate", better, "--expected", expected]) == 0
    assert "↑" in capsys.readouterr().out
    assert json.loads(Path(expected).read_text())["runs"]["rvos/lmpmpp:mini/valid_u"]["metrics"]["J"] == 0.6
    assert main(["accept", better, "--expected", expected]) == 0
    assert "+10.00 points" in capsys.readouterr().out
    assert json.loads(Path(expected).read_text())["runs"]["rvos/lmpmpp:mini/valid_u"]["metrics"]["J"] == 0.7


def test_gate_without_a_baseline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", str(constant_run(tmp_path / "a")), "--expected", str(tmp_path / "no.json")]) == 2
    assert "Create one with `mevis-bench accept`." in capsys.readouterr().err
