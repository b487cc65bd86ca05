"""Tables name their settings, mark the best value among comparable rows only, and escape all texts."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from mevis_bench.config.paths import configs_folder
from mevis_bench.metrics.statistics import mean_interval
from mevis_bench.reports.paper import compare_with_paper, read_paper_rows
from mevis_bench.reports.render import WRITERS, to_csv, to_html, to_json, to_latex, to_markdown, to_terminal
from mevis_bench.reports.table import MARGIN_NOTE, build_table
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.tasks import find_task

TRAINED = Results(
    task="rvos",
    protocol="mevis_v2",
    metrics={"F": 0.62, "J&F": 0.615, "J": 0.61, "N-acc": 0.5, "extra": 0.25},
    counts={"expected": 10, "scored": 10, "missing": 0},
    split="valid_u",
    fingerprint="0123456789",
    method={"name": "lmpmpp", "variant": "mini", "provenance": "trained-here"},
)
HEURISTIC = replace(
    TRAINED,
    metrics={"F": 0.1, "J&F": 0.1, "J": 0.1, "N-acc": 1.0},
    method={"name": "empty", "variant": "default", "provenance": "heuristic"},
)
OTHER_SPLIT = replace(TRAINED, split="valid", metrics={"J&F": 0.9, "N-acc": None})


def test_columns_are_in_the_papers_order_then_by_name() -> None:
    columns = build_table("rvos", [TRAINED, HEURISTIC]).columns
    assert [column.name for column in columns] == ["J&F", "J", "F", "N-acc", "extra"]


def test_only_rows_of_one_setting_are_compared() -> None:
    table = build_table("rvos", [HEURISTIC, TRAINED, OTHER_SPLIT])
    assert [row.provenance for row in table.rows] == ["trained-here", "trained-here", "heuristic"]
    assert table.best("J&F") == {0}
    assert table.best("N-acc") == {2}
    assert table.best("extra") == frozenset()
    assert len(table.settings) == 2


def test_external_predictions_have_a_label_and_a_provenance() -> None:
    (row,) = build_table("rvos", [replace(TRAINED, method={})]).rows
    assert (row.label, row.provenance) == ("external predictions", "external")


def test_runs_of_other_tasks_and_no_runs_give_no_rows() -> None:
    assert build_table("rmeg", [TRAINED]).rows == ()
    assert build_table("rmeg", []).columns == ()


def test_markdown_marks_the_best_and_names_the_protocol() -> None:
    text = to_markdown(build_table("rvos", [TRAINED, HEURISTIC, OTHER_SPLIT]))
    assert "| lmpmpp:mini [1] | trained-here | **61.5** | **61.0** | **62.0** | 50.0 | 25.0 |" in text.replace("\\", "")
    assert "| lmpmpp:mini [2] | trained-here | 90.0 | - | - | - | - |" in text.replace("\\", "")
    assert "valid_u [01234567], protocol mevis_v2; 10 of 10 samples scored, 0 missing" in text


def test_csv_and_json_keep_full_precision() -> None:
    table = build_table("rvos", [replace(TRAINED, metrics={"J&F": 1 / 3, "N-acc": None})])
    cells = next(csv.DictReader(io.StringIO(to_csv([table]))))
    assert (float(cells["J&F"]), cells["N-acc"]) == (1 / 3, "")
    assert json.loads(to_json([table]))[0]["rows"][0]["values"] == {"J&F": 1 / 3, "N-acc": None}


def test_latex_has_the_papers_symbols_and_escapes_the_rest() -> None:
    method = {"name": "a_b&50%\\x", "variant": "v", "provenance": "untrained"}
    text = to_latex(build_table("rvos", [replace(TRAINED, method=method)]))
    assert r"Method & $\mathcal{J}\&\mathcal{F}$ $\uparrow$ & $\mathcal{J}$ $\uparrow$" in text
    assert r"a\_b\&50\%\textbackslash{}x:v (untrained) & 61.5" in text


@pytest.mark.parametrize("task", ["rvos", "rmot"])
def test_latex_is_a_balanced_booktabs_table_that_fits_a_line(task: str) -> None:
    values = {metric.name: 0.5 for metric in find_task(task).metrics}
    row = replace(TRAINED, task=task, metrics=values)
    lines = to_latex(build_table(task, [row, row], [SAMPLES, SAMPLES])).splitlines()
    text = "\n".join(line for line in lines if not line.startswith("%"))
    pairs = [
        ("\\begin{tabular}{l" + "c" * len(values) + "}", "\\end{tabular}"),
        ("\\toprule", "\\bottomrule"),
        *([("\\resizebox{\\linewidth}{!}{%", "\\end{tabular}}")] if len(values) > 8 else []),
    ]
    for first, last in pairs:
        assert text.count(first) == text.count(last) == 1
        assert text.index(first) < text.index("\\midrule") < text.index(last)
    unescaped = re.sub(r"\\[{}%]", "", text)
    assert unescaped.count("{") == unescaped.count("}")
    assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(body) == 3
    assert {len(re.findall(r"(?<!\\)&", line)) for line in body} == {len(values)}
    packages = "booktabs,graphicx" if len(values) > 8 else "booktabs"
    assert f"% \\usepackage{{{packages}}}" in lines


SAMPLES = [
    SampleScore(f"v{video}/{index}", {"J&F": value, "N-acc": None})
    for video, values in enumerate([(0.1, 0.5), (0.2,), (0.9, 0.8, 0.7), (0.4,), (0.6,), (0.3, 0.3)])
    for index, value in enumerate(values)
]


def test_means_of_samples_have_half_of_their_interval_as_margin() -> None:
    table = build_table("rvos", [TRAINED, HEURISTIC], [SAMPLES, ()])
    values = [sample.values["J&F"] for sample in SAMPLES]
    _, low, high = mean_interval(np.array(values, np.float64), [sample.video for sample in SAMPLES])
    assert low is not None
    assert high is not None
    assert table.rows[0].margins == {"J&F": (high - low) / 2}
    assert table.rows[1].margins == {}
    half = f"{50 * (high - low):.1f}"
    console = Console(width=160, file=io.StringIO())
    console.print(to_terminal(table))
    assert isinstance(console.file, io.StringIO)
    assert f"61.5 ±{half}" in console.file.getvalue()
    assert MARGIN_NOTE in console.file.getvalue()
    assert f"**61.5** ±{half} | **61.0** |" in to_markdown(table)
    assert rf"\textbf{{61.5}} {{\scriptsize $\pm${half}}} & \textbf{{61.0}}" in to_latex(table)
    assert f'<td class="best">61.5 <small>±{half}</small></td>' in to_html(table)
    first, second = csv.DictReader(io.StringIO(to_csv([table])))
    assert (float(first["J&F margin"]), second["J&F margin"]) == ((high - low) / 2, "")
    assert [row["margins"] for row in json.loads(to_json([table]))[0]["rows"]] == [{"J&F": (high - low) / 2}, {}]


def test_few_videos_and_metrics_that_are_no_means_have_no_margin() -> None:
    few = [sample for sample in SAMPLES if sample.video < "v5"]
    assert build_table("rvos", [TRAINED], [few]).rows[0].margins == {}
    tracked = [SampleScore(sample.sample, {"HOTA": sample.values["J&F"]}) for sample in SAMPLES]
    assert build_table("rmot", [replace(TRAINED, task="rmot")], [tracked]).rows[0].margins == {}


def test_rows_of_several_settings_have_the_number_of_theirs() -> None:
    table = build_table("rvos", [TRAINED, OTHER_SPLIT])
    text = to_markdown(table)
    assert "| lmpmpp:mini [1] | trained-here | 61.5 |" in text.replace("\\", "")
    assert "| lmpmpp:mini [2] | trained-here | 90.0 |" in text.replace("\\", "")
    assert "[1] valid_u [01234567]" in text.replace("\\", "")
    assert "[2] valid [01234567]" in text.replace("\\", "")


def test_html_escapes_everything() -> None:
    method = {"name": "<script>alert(1)</script>", "variant": "v", "provenance": "official"}
    text = to_html(build_table("rvos", [replace(TRAINED, method=method, split="<b>")]))
    assert "<script>" not in text
    assert "<b>" not in text
    assert "&lt;script&gt;" in text


def test_two_tasks_are_one_document_in_csv_and_json() -> None:
    tracked = replace(TRAINED, task="rmot", metrics={"HOTA": 0.4, "N-acc": 0.25})
    tables = [build_table("rvos", [TRAINED]), build_table("rmot", [tracked])]
    first, second = csv.DictReader(io.StringIO(to_csv(tables)))
    assert (first["task"], first["J&F"], first["HOTA"], first["N-acc"]) == ("rvos", "0.615", "", "0.5")
    assert (second["task"], second["J&F"], second["HOTA"], second["N-acc"]) == ("rmot", "", "0.4", "0.25")
    assert [document["task"] for document in json.loads(to_json(tables))] == ["rvos", "rmot"]


@pytest.mark.parametrize("width", [80, 120])
def test_all_metrics_of_tracking_are_shown_in_a_narrow_terminal(width: int) -> None:
    names = [metric.name for metric in find_task("rmot").metrics]
    values = {name: (index + 10) / 1000 for index, name in enumerate(names)}
    console = Console(width=width, file=io.StringIO())
    console.print(to_terminal(build_table("rmot", [replace(TRAINED, task="rmot", metrics=values)])))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    table = find_task("rmot")
    assert all(f"{name} " in text for name in names)
    assert all(table.metric(name).format(values[name]) in text.split() for name in names)
    assert "…" not in text


def test_terminal_prints_every_row_and_setting() -> None:
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(to_terminal(build_table("rvos", [TRAINED, HEURISTIC])))
    text = console.export_text()
    assert "lmpmpp:mini" in text
    assert "61.5" in text
    assert "protocol mevis_v2" in text


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_every_format_accepts_an_empty_table(writer: object) -> None:
    assert callable(writer)
    assert isinstance(writer([build_table("rvos", [])]), str)


def paper_folder() -> Path:
    return configs_folder() / "paper"


def test_paper_comparison_has_differences_and_reasons() -> None:
    comparisons = {entry.row.table: entry for entry in compare_with_paper(TRAINED, read_paper_rows(paper_folder()))}
    assert set(comparisons) == {5, 6, 7}
    assert comparisons[7].difference["J&F"] == pytest.approx(61.5 - 43.9)
    assert comparisons[7].not_comparable == ("other split (valid_u; the paper reports valid)",)
    assert "other protocol (mevis_v2; the paper's is mevis_v1)" in comparisons[6].not_comparable
    on_valid = {entry.row.table: entry for entry in compare_with_paper(OTHER_SPLIT, read_paper_rows(paper_folder()))}
    assert on_valid[7].not_comparable == ()
    assert "N-acc" not in on_valid[7].ours


@pytest.mark.parametrize(
    ("data_set", "protocol", "split", "metrics", "variant", "table", "difference"),
    [
        ("ref_davis17", "ref_davis_annotators", "valid", {"J&F": 0.6}, "video-swin-t", 8, 60 - 59.6),
        ("refer_youtube_vos", "refer_youtube_vos", "valid", {"J&F": 0.6, "J": 0.58}, "video-swin-b", 8, 60 - 62.9),
        ("a2d_sentences", "a2d_sentences", "test", {"mAP": 0.55, "J": 0.9}, "video-swin-t-a2d", 9, 55 - 52.8),
        ("jhmdb_sentences", "a2d_sentences", "test", {"mAP": 0.45}, "video-swin-b-a2d", 9, 45 - 43.7),
    ],
)
def test_other_data_sets_are_compared_with_their_own_columns(
    data_set: str, protocol: str, split: str, metrics: dict[str, float], variant: str, table: int, difference: float
) -> None:
    results = Results(
        task="rvos",
        protocol=protocol,
        metrics=metrics,
        counts={"expected": 1, "scored": 1, "missing": 0},
        split=split,
        fingerprint="f",
        method={"name": "referformer", "variant": variant, "provenance": "official"},
        dataset={"name": data_set, "version": "1"},
    )
    rows = read_paper_rows(paper_folder())
    (entry,) = compare_with_paper(results, rows)
    assert (entry.row.table, entry.row.data_set) == (table, data_set)
    assert entry.difference[next(iter(metrics))] == pytest.approx(difference)
    assert entry.not_comparable == ()
    other = compare_with_paper(replace(results, protocol="ref_davis_expressions"), rows)
    assert f"other protocol (ref_davis_expressions; the paper's is {protocol})" in other[0].not_comparable
    assert compare_with_paper(replace(results, dataset={"name": "long_rvos"}), rows) == ()


def test_untrained_and_oracle_rows_are_not_comparable() -> None:
    method = {"name": "lmpm", "variant": "oracle", "provenance": "untrained"}
    entries = compare_with_paper(replace(OTHER_SPLIT, method=method), read_paper_rows(paper_folder()))
    assert {entry.not_comparable for entry in entries if entry.row.table == 7} == {("untrained weights", "oracle text")}


def test_an_oracle_is_comparable_with_the_papers_oracle_only() -> None:
    method = {"name": "lmpm", "variant": "swin-t-oracle", "provenance": "official"}
    entries = compare_with_paper(replace(OTHER_SPLIT, task="avos", method=method), read_paper_rows(paper_folder()))
    assert {entry.row.method: entry.not_comparable for entry in entries} == {"LMPM (GT Text)": ()}


def test_of_repeated_captions_fewer_are_better() -> None:
    results = [
        Results(
            task="rmeg",
            protocol="mevis_v2",
            metrics={"METEOR": share, "repeated": share},
            counts={"expected": 2, "scored": 2, "missing": 0},
            split="valid_u",
            fingerprint="f00d",
        )
        for share in (0.5, 0.25)
    ]
    table = build_table("rmeg", results)
    assert (table.best("METEOR"), table.best("repeated")) == (frozenset({0}), frozenset({1}))
    assert "| METEOR ↑ | repeated ↓ |" in to_markdown(table)
