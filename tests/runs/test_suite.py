"""A suite runs everything it names into one folder each; a faulty file is named with its line."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from mevis_bench.cli.app import main
from mevis_bench.config.paths import configs_folder
from mevis_bench.data.registry import make_fixture
from mevis_bench.data.synthetic import make_mini
from mevis_bench.methods.bridges import choose_bridge, derived_tasks
from mevis_bench.methods.registry import find_methods
from mevis_bench.methods.weights import weights_state
from mevis_bench.reports.gate import read_baseline
from mevis_bench.reports.render import all_tasks_to_terminal
from mevis_bench.runs.suite import read_suite
from mevis_bench.schemas.scores import Results


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_mini("tiny", 1, 3, tmp_path_factory.mktemp("data"))


def suite(folder: Path, text: str) -> str:
    path = folder / "suite.yaml"
    path.write_text(text)
    return str(path)


def test_a_suite_runs_scores_and_reports_the_folders(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"name: s\nruns:\n  - {{task: rvos, method: empty, data: {data}, split: tiny}}\n"
    assert main(["suite", suite(tmp_path, text), "--out", str(tmp_path / "out"), "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["runs"]
    assert (entry["folder"], entry["failed"]) == (str(tmp_path / "out" / "rvos-empty-tiny"), [])
    assert json.loads((tmp_path / "out" / "rvos-empty-tiny" / "results.json").read_text())["metrics"]["N-acc"] == 1.0


def test_several_tasks_end_in_one_table(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    location = f"data: {data}, split: tiny"
    runs = [("rvos", "empty"), ("rvos", "moving_region"), ("rmot", "moving_region")]
    lines = "\n".join(f"  - {{task: {task}, method: {method}, {location}}}" for task, method in runs)
    assert main(["suite", suite(tmp_path, f"name: s\nruns:\n{lines}\n"), "--out", str(tmp_path / "out")]) == 0
    table = capsys.readouterr().out.split("are marked with its name")[1]
    head, empty, region = [line.split() for line in table.splitlines() if line.strip() and "─" not in line]
    assert head[:7] == ["method", "provenance", "split", "RVOS", "J&F", "↑", "AVOS"]

    def percent(run: str, metric: str) -> str:
        values = json.loads((tmp_path / "out" / run / "results.json").read_text())["metrics"]
        return f"{100 * values[metric]:.1f}"

    assert empty[-6:] == ["tiny", percent("rvos-empty-tiny", "J&F"), "-", "-", "-", "-"]
    j_and_f, hota = percent("rvos-moving_region-tiny", "J&F"), percent("rmot-moving_region-tiny", "HOTA")
    assert region[-6:] == ["tiny", j_and_f, "-", hota, "-", "-"]


def test_a_bridge_shares_its_method_s_row_and_shuffled_frames_do_not() -> None:
    def result(task: str, metric: str, value: float, **how: str) -> Results:
        method = {"name": "m", "variant": "v", "provenance": "official", **how}
        counts = {"expected": 1, "scored": 1, "missing": 0}
        return Results(task, "mevis_v2", {metric: value}, counts, "s", "f", method=method)

    console = Console(width=200, file=io.StringIO())
    console.print(
        all_tasks_to_terminal(
            [
                result("rvos", "J&F", 0.5),
                result("rmot", "HOTA", 0.4, bridge="masks_to_tracks"),
                result("rmot", "HOTA", 0.1, bridge="masks_to_tracks", perturb="shuffle"),
            ]
        )
    )
    rows = [" ".join(line.split()) for line in console.file.getvalue().splitlines() if line.lstrip().startswith("m:v")]
    assert rows == [
        "m:v official s 50.0 - 40.0 masks_to_tracks - -",
        "m:v, frames shuffle official s - - 10.0 masks_to_tracks - -",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: s\nruns: []\n", "suite.yaml:2: 'runs': expected a list with at least 1 item, got an empty list"),
        (
            "name: s\nruns:\n  - {task: rvos, method: empty}\n  - {task: rvos, method: empty}\n",
            "duplicate run rvos-empty-valid_u",
        ),
        ("name: s\nruns:\n  - {task: rvos, methd: empty}\n", "suite.yaml:3"),
    ],
)
def test_a_faulty_suite_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
    assert main(["suite", suite(tmp_path, text), "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err


def test_a_run_on_other_words_has_a_folder_of_its_own(data: Path, tmp_path: Path) -> None:
    run = f"task: rvos, method: empty, data: {data}, split: tiny"
    text = f"name: s\nruns:\n  - {{{run}}}\n  - {{{run}, perturb: words}}\n"
    assert main(["suite", suite(tmp_path, text), "--out", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"rvos-empty-tiny", "rvos-empty-tiny-words"}
    results = json.loads((tmp_path / "out" / "rvos-empty-tiny-words" / "results.json").read_text())
    assert results["method"]["perturb"] == "words"


def test_runs_without_weights_are_left_out_where_the_suite_says_so(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # no weights store
    location = f"data: {data}, split: tiny"
    runs = f"runs:\n  - {{task: rvos, method: lmpm, {location}}}\n  - {{task: rvos, method: empty, {location}}}\n"
    command = ["suite", suite(tmp_path, f"name: s\nskip_missing_weights: true\n{runs}"), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert "left out: rvos-lmpm-tiny (" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["rvos-empty-tiny"]
    command = ["suite", suite(tmp_path, f"name: s\n{runs}"), "--out", str(tmp_path / "other")]
    assert main(command) == 2
    assert "weights" in capsys.readouterr().err


def test_every_data_set_that_is_there_is_run_and_absent_ones_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ref_davis17", "long_rvos"):
        make_fixture(name, tmp_path / "data" / name)
    command = ["suite", "rvos-all", "--method", "empty", "--data", str(tmp_path / "data"), "--out"]
    assert main([*command, str(tmp_path / "out")]) == 0
    captured = capsys.readouterr()
    assert f"left out: a2d_sentences (no folder {tmp_path / 'data/a2d_sentences'})" in captured.err
    assert "left out: ref_davis17" not in captured.err
    assert all(text in captured.out for text in ("data set ref_davis17", "data set long_rvos", "tIoU"))
    results = json.loads((tmp_path / "out/rvos-empty-ref_davis17/results.json").read_text())
    assert results["protocol"] == "ref_davis_annotators"
    assert main([*command, str(tmp_path / "out"), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert len(printed["runs"]) == 2
    assert set(printed["left_out"]) >= {"a2d_sentences", "mevis_v2", "revos"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rvos-all", "--method", "empty"], "rvos-all needs --method and --data"),
        (["rvos-all", "--method", "empty", "--data", "nowhere"], "no data set of rvos is here"),
        (["x.yaml", "--method", "empty"], "--method is for rvos-all"),
    ],
)
def test_options_that_do_not_go_with_a_suite_are_errors(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["suite", *arguments, "--out", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


SUITES = configs_folder() / "suites"


@pytest.mark.parametrize("path", sorted(SUITES.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_suites_name_variants_that_predict_for_the_task(path: Path) -> None:
    methods = find_methods()
    for config in read_suite(path).runs:
        resolved = methods.resolve(config.method, config.variant)
        assert config.task in (*resolved.spec.tasks, *derived_tasks(resolved.spec)), config


def test_the_nightly_baseline_has_every_run_of_its_suite() -> None:
    methods = find_methods()
    keys = set()
    for config in read_suite(SUITES / "nightly.yaml").runs:
        resolved = methods.resolve(config.method, config.variant)
        bridge = choose_bridge(resolved.spec, resolved.name, config.task, config.bridge)
        keys.add(f"{config.task}/{resolved.name}{f' via {bridge}' if bridge else ''}/valid_u")
    assert read_baseline(SUITES / "nightly.expected.json").runs.keys() == keys


@pytest.mark.parametrize("name", ["demo", "leaderboard"])
def test_every_method_with_shipped_weights_is_in_the_suites(name: str, tmp_path: Path) -> None:
    methods = find_methods()
    shipped = {
        entry.spec.name
        for entry in methods.methods.values()
        for variant in entry.spec.variants
        if weights_state(methods.resolve(f"{entry.spec.name}:{variant}", None), tmp_path) == "shipped"
    }
    assert "lmpmpp" in shipped
    assert shipped <= {config.method.split(":")[0] for config in read_suite(SUITES / f"{name}.yaml").runs}
