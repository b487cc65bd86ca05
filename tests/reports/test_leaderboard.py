"""The leaderboard: intervals, tiers, which rows read the words, and the order of the paper's table."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

from mevis_bench.cli.app import main
from mevis_bench.config.paths import configs_folder
from mevis_bench.metrics.statistics import bootstrap_means, mean_interval
from mevis_bench.records import DataError, IncomparableError, NothingMeasuredError, UsageError
from mevis_bench.reports.leaderboard import Leaderboard, LeaderboardRow, build_leaderboards, tiers
from mevis_bench.reports.leaderboard_formats import LEADERBOARD_WRITERS
from mevis_bench.reports.paper import read_paper_rows
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.store.score_files import write_scores

PAPER = read_paper_rows(configs_folder() / "paper")
VIDEOS = [f"v{index}" for index in range(10)]


def write(
    folder: Path, mean: float, *, task: str = "rvos", videos: list[str] = VIDEOS, kind: str | None = None, **method: str
) -> Path:
    """Write a scored folder: three samples a video, scattered around a mean in the same way in every folder."""
    rng = np.random.default_rng(0)
    name, aggregate = {
        "rvos": ("J&F", "J&F"),
        "rmot": ("HOTA*", "HOTA*_macro"),
        "rmeg": ("CIDEr", "CIDEr"),
        "avos": ("J&F", "J&F"),
    }[task]
    scores = [
        SampleScore(f"{video}/{index}", {name: mean + rng.uniform(-0.05, 0.05)}, () if kind is None else (kind,))
        for video in videos
        for index in range(3)
    ]
    value = float(np.mean([score.values[name] for score in scores]))
    counts = {"expected": len(scores), "scored": len(scores), "missing": 0}
    known = {"variant": "mini", "provenance": "trained-here", **method} if method else {}
    write_scores(folder, scores, Results(task, "mevis_v2", {aggregate: value}, counts, "valid_u", "f", method=known))
    return folder


def rows_of(*runs: Path, references: tuple[Path, ...] = ()) -> dict[str, LeaderboardRow]:
    (board,) = build_leaderboards(runs, references, PAPER)
    return {row.label: row for row in board.rows}


def test_rows_are_ranked_and_the_interval_is_that_of_a_single_run(tmp_path: Path) -> None:
    low, high = write(tmp_path / "a", 0.2, name="lmpm"), write(tmp_path / "b", 0.6, name="lmpmpp")
    rows = rows_of(low, high)
    assert list(rows) == ["lmpmpp:mini", "lmpm:mini"]
    scores = [json.loads(line) for line in (low / "scores.jsonl").read_text().splitlines()]
    values = [score["values"]["J&F"] for score in scores]
    mean, lower, upper = mean_interval(values, [score["sample"][:2] for score in scores])
    assert rows["lmpm:mini"].value == pytest.approx(mean)
    assert rows["lmpm:mini"].half_width == pytest.approx((upper - lower) / 2)
    assert rows["lmpm:mini"].paper == 38.3


def test_few_videos_give_neither_interval_nor_tier(tmp_path: Path) -> None:
    runs = [write(tmp_path / name, 0.5, videos=VIDEOS[:5], name=name) for name in ("lmpm", "lmpmpp")]
    (board,) = build_leaderboards(runs, [], PAPER)
    assert {(row.half_width, row.tier) for row in board.rows} == {(None, None)}
    assert board.resolution is None
    assert board.agreement.low is None


def test_a_tier_holds_what_is_not_separated_from_its_best_row() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.01, (5000, 1))
    own = rng.normal(0, 0.01, (5000, 5))
    # Differences have a deviation of 0.014, so intervals of 0.028. Row 2 is apart from row 0, and row 1 from neither.
    means = np.array([0.80, 0.78, 0.76, 0.74, 0.50]) + noise + own
    assert tiers(means) == [1, 1, 2, 2, 3]
    assert tiers(means[:, :1]) == [1]
    assert tiers(means[:, :0]) == []


def test_what_all_rows_share_does_not_blur_their_differences(tmp_path: Path) -> None:
    # The scatter of +-0.05 is the same in all folders: differences are exact.
    rows = rows_of(write(tmp_path / "a", 0.501, name="a"), write(tmp_path / "b", 0.5, name="b"))
    assert [row.tier for row in rows.values()] == [1, 2]


@pytest.mark.parametrize(
    ("value", "other_words", "yardstick", "reads"),
    [
        (0.60, 0.30, 0.30, "yes"),
        (0.33, 0.10, 0.30, "no"),
        (0.60, 0.56, 0.30, "no"),
        (0.60, None, 0.30, "not measured"),
        (0.60, 0.30, None, "not measured"),
        (0.33, None, 0.30, "no"),
        (0.60, 0.56, None, "no"),
    ],
)
def test_a_row_reads_the_words_if_it_is_above_every_object_and_drops_without_them(
    tmp_path: Path, value: float, other_words: float | None, yardstick: float | None, reads: str
) -> None:
    runs = [write(tmp_path / "m", value, name="lmpm")]
    if other_words is not None:
        runs.append(write(tmp_path / "w", other_words, name="lmpm", perturb="words"))
    if yardstick is not None:
        runs.append(write(tmp_path / "y", yardstick, name="every_object"))
    row = rows_of(*runs)["lmpm:mini"]
    assert row.reads == reads
    assert (row.other_words is None) == (other_words is None)


def test_prompts_without_words_cannot_be_read(tmp_path: Path) -> None:
    assert rows_of(write(tmp_path / "m", 0.5, task="rmeg", name="git"))["git:mini"].reads == "-"


def test_a_reference_has_no_tier_and_does_not_count(tmp_path: Path) -> None:
    runs = [write(tmp_path / name, mean, name=name) for name, mean in (("lmpmpp", 0.6), ("lmpm", 0.4))]
    oracle = write(tmp_path / "oracle", 0.9)
    (board,) = build_leaderboards(runs, [oracle], PAPER)
    assert [(row.label, row.tier) for row in board.rows] == [("oracle", None), ("lmpmpp:mini", 1), ("lmpm:mini", 2)]
    assert board.rows[0].provenance == "uses the ground truth"
    assert board.rows[0].reads == "-"
    assert board.resolution.pairs == 1


def test_the_order_is_compared_with_the_table_that_has_most_of_the_rows(tmp_path: Path) -> None:
    ours = {"urvos": 0.30, "lbdt": 0.25, "mttr": 0.35, "referformer": 0.4, "lmpm": 0.5, "dshmp": 0.7, "lmpmpp": 0.6}
    runs = [write(tmp_path / name, mean, name=name) for name, mean in ours.items()]
    runs.append(write(tmp_path / "second", 0.1, name="lmpmpp", variant="other"))
    (board,) = build_leaderboards(runs, [], PAPER)
    table_7 = {
        "urvos": 23.4,
        "lbdt": 25.1,
        "mttr": 25.9,
        "referformer": 26.7,
        "lmpm": 38.3,
        "dshmp": 40.8,
        "lmpmpp": 43.9,
    }
    expected = kendalltau(list(ours.values()), list(table_7.values()), method="exact", alternative="greater")
    assert (board.agreement.table, board.agreement.methods) == (7, 7)
    assert board.agreement.tau == pytest.approx(expected.statistic)
    assert board.agreement.p == pytest.approx(expected.pvalue)
    # No draw of videos changes an order whose differences are exact.
    assert (board.agreement.low, board.agreement.high) == pytest.approx((board.agreement.tau,) * 2)


def test_a_mini_variant_stands_for_the_row_that_names_it(tmp_path: Path) -> None:
    def printed(variant: str) -> float | None:
        run = write(tmp_path / variant, 0.5, task="avos", name="lmpm", variant=variant)
        return rows_of(run)[f"lmpm:{variant}"].paper

    # Table 11: LMPM (Audio) 37.5, LMPM (GT Text) 38.3; no row is about LMPM in general.
    assert [printed(variant) for variant in ("mini-audio", "swin-t-audio", "swin-t-oracle", "mini")] == [
        37.5,
        37.5,
        38.3,
        None,
    ]


def test_few_methods_cannot_show_agreement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [
        str(write(tmp_path / name, mean, name=name)) for name, mean in (("lmpm", 0.3), ("dshmp", 0.4), ("lmpmpp", 0.5))
    ]
    assert main(["report", "--leaderboard", *runs]) == 0
    note = " ".join(capsys.readouterr().out.split())
    assert "Table 7 (J&F): Kendall's tau-b 1.00, 95 % interval 1.00 to 1.00, exact one-sided p 0.17, 3 methods" in note
    assert "so few methods cannot show agreement" in note


def test_kinds_of_sentences_are_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write(tmp_path / "a", 0.5, name="lmpm", kind="sentence-order")
    row = rows_of(run)["lmpm:mini"]
    assert row.kinds == {"sentence-order": pytest.approx(row.value)}
    assert main(["report", "--leaderboard", str(run)]) == 0
    assert "order (30)" in capsys.readouterr().out


def test_tasks_and_settings_have_tables_of_their_own(tmp_path: Path) -> None:
    runs = [
        write(tmp_path / "a", 0.5, task="rmot", name="lmpmpp"),
        write(tmp_path / "b", 0.5, name="lmpmpp"),
        write(tmp_path / "c", 0.5, videos=VIDEOS[:7], name="lmpmpp"),
    ]
    boards = build_leaderboards(runs, [], PAPER)
    assert [(board.task, board.metric.name) for board in boards] == [
        ("rvos", "J&F"),
        ("rvos", "J&F"),
        ("rmot", "HOTA*"),
    ]


def test_folders_that_have_no_row_are_refused(tmp_path: Path) -> None:
    run = write(tmp_path / "a", 0.5, name="lmpm")
    with pytest.raises(UsageError, match="no row for frames shuffle"):
        build_leaderboards([write(tmp_path / "s", 0.5, name="lmpm", perturb="shuffle")], [], PAPER)
    with pytest.raises(NothingMeasuredError, match="all runs are with --perturb words"):
        build_leaderboards([write(tmp_path / "w", 0.5, name="lmpm", perturb="words")], [], PAPER)
    with pytest.raises(IncomparableError, match="different samples"):
        build_leaderboards([run, write(tmp_path / "o", 0.5, videos=["w", *VIDEOS[1:]], name="lbdt")], [], PAPER)
    results = json.loads((run / "results.json").read_text())
    (run / "results.json").write_text(json.dumps({**results, "metrics": {"J&F": 0.9}}))
    with pytest.raises(DataError, match="its samples have a mean of"):
        build_leaderboards([run], [], PAPER)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--leaderboard", "--vs", "paper"], "--leaderboard and --vs exclude each other"),
        (["--leaderboard", "--protocol-facts"], "--leaderboard and --protocol-facts exclude each other"),
        (["--reference", "x"], "--reference is for --leaderboard"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(write(tmp_path / "a", 0.5, name="lmpm")), *arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def board_of(tmp_path: Path, name: str) -> Leaderboard:
    (board,) = build_leaderboards([write(tmp_path / "a", 0.5, name=name, kind=name)], [], PAPER)
    return board


def test_markdown_escapes_names_alone(tmp_path: Path) -> None:
    board = board_of(tmp_path, "*lmpm*")
    value = f"{100 * board.rows[0].value:.1f}"
    text = LEADERBOARD_WRITERS["markdown"]([board])
    assert f"| \\*lmpm\\*:mini | trained-here | {value} | " in text
    assert " | 1 | - | not measured | - | - | - |" in text
    assert "| \\*lmpm\\* (30) |" in text


def test_csv_and_json_keep_full_precision(tmp_path: Path) -> None:
    board = board_of(tmp_path, "lmpm")
    (row,) = board.rows
    cells = next(csv.DictReader(io.StringIO(LEADERBOARD_WRITERS["csv"]([board]))))
    assert (float(cells["value"]), cells["reads"], cells["paper"], cells["fps"]) == (
        row.value,
        "not measured",
        "38.3",
        "",
    )
    (document,) = json.loads(LEADERBOARD_WRITERS["json"]([board]))
    assert document["rows"][0]["value"] == row.value
    assert document["rows"][0]["other_words"] is None


@pytest.mark.parametrize(
    ("format_", "refused", "expected"),
    [
        ("html", "<script>", "&lt;script&gt;"),
        ("markdown", "|<script>", r"\|\<script\>"),
        ("latex", "50%", r"50\%"),
        ("csv", ",=1", "'=1"),
        ("json", "\u202e", r"\u202e"),
    ],
)
def test_names_never_act(tmp_path: Path, format_: str, refused: str, expected: str) -> None:
    name = {"csv": "=1"}.get(format_, "a|<script>50%\u202e")
    text = LEADERBOARD_WRITERS[format_]([board_of(tmp_path, name)])
    assert refused not in text
    assert expected in text


def test_a_terminal_of_80_columns_cuts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    runs = [str(write(tmp_path / name, 0.5, name=name)) for name in ("referformer", "every_object")]
    assert main(["report", "--leaderboard", *runs]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum("referformer:mini" in line for line in lines) == sum(line.startswith("method ") for line in lines)
    assert "…" not in "".join(lines)


def test_joint_draws_are_those_of_a_single_row() -> None:
    rng = np.random.default_rng(3)
    videos = [VIDEOS[index % 10] for index in range(40)]
    rows = [rng.normal(size=40) for _ in range(3)]
    means = bootstrap_means(rows, videos)
    for row, draws in zip(rows, means.T, strict=True):
        _, low, high = mean_interval(row, videos)
        assert np.quantile(draws, [0.025, 0.975]) == pytest.approx([low, high])
    assert bootstrap_means([], videos) is None
    assert bootstrap_means(rows, ["v"] * 40) is None
