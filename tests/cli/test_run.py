"""``mevis-bench run``: printed table, run folder, one message per error."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.records import ExitCode
from mevis_bench.records.retry import RESUME_HINT
from tests.fixtures.runs import prediction_files
from tests.fixtures.tiny_split import write_fake_method, write_tiny_split


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_tiny_split(tmp_path / "data")
    write_fake_method(tmp_path / "methods")
    monkeypatch.chdir(tmp_path)
    for name in ("DATA", "METHOD_DIR", "DEVICE"):
        monkeypatch.setenv(f"MEVIS_BENCH_{name}", {"DATA": "data", "METHOD_DIR": "methods", "DEVICE": "cpu"}[name])
    return tmp_path


def test_run_prints_its_scores_and_a_second_time_has_nothing_to_do(place: Path, capsys) -> None:
    assert main(["run", "--task", "rvos", "--method", "empty"]) == ExitCode.OK
    first = capsys.readouterr()
    # Two of the eight expressions have no target.
    assert "25.0" in first.out
    assert "empty:default" in first.out
    assert "heuristic" in first.out
    (folder,) = (place / "runs").iterdir()
    assert f"written to runs/{folder.name}" in first.err
    assert "8/8 samples" in first.err
    assert main(["run", "--task", "rvos", "--method", "empty"]) == ExitCode.OK
    second = capsys.readouterr()
    assert second.out == first.out
    assert second.err == f"nothing to do: runs/{folder.name} is finished\n"


def test_json_is_one_document(place: Path, capsys) -> None:
    assert main(["run", "--task", "rvos", "--method", "empty", "--out", "r", "--json"]) == ExitCode.OK
    captured = json.loads(capsys.readouterr().out)
    assert (captured["folder"], captured["status"], captured["done"], captured["computed"]) == ("r", "finished", 8, 8)
    assert captured["results"]["metrics"]["N-acc"] == 1.0
    assert captured["results"]["method"] == {"name": "empty", "variant": "default", "provenance": "heuristic"}
    assert captured["results"] == json.loads((place / "r" / "results.json").read_text())


def test_failed_samples_are_reported_count_as_zero_and_give_exit_code_1(place: Path, capsys) -> None:
    write_fake_method(
        place / "methods", "def act(setup, video, prompt):\n    if prompt.id == '1': raise ValueError('[x]')\n"
    )
    assert main(["run", "--task", "rvos", "--method", "fake", "--out", "r"]) == ExitCode.FAILED
    captured = capsys.readouterr()
    assert "failed va/1  ValueError: [x]\n" in captured.err
    assert "Failed samples count as zero. Run the same command with --retry-failed to retry them." in captured.err
    assert "5 of 8 samples scored, 3 missing" in captured.out


def test_dry_run_does_nothing(place: Path, capsys) -> None:
    assert main(["run", "--task", "rvos", "--method", "fake", "--limit", "5", "--dry-run", "--json"]) == ExitCode.OK
    captured = json.loads(capsys.readouterr().out)
    assert (captured["samples"], captured["remaining"], captured["videos"], captured["method"]) == (
        5,
        5,
        2,
        "fake:default",
    )
    assert not (place / "runs").exists()


def test_the_former_name_of_asr_model_is_deprecated(place: Path, capsys) -> None:
    words = ["run", "--task", "rvos", "--method", "empty", "--dry-run", "--recogniser", "tiny"]
    assert main(words) == ExitCode.OK
    assert capsys.readouterr().err == "--recogniser is deprecated and will be removed: use --asr-model.\n"


def test_options_come_from_a_file_where_flags_are_missing(place: Path, capsys) -> None:
    (place / "run.yaml").write_text("task: rvos\nmethod: fake\nlimit: 3\noptions: {column: 2}\n")
    words = ["run", "run.yaml", "--limit", "2", "--set", "method.speed=3", "--out", "r", "--json"]
    assert main(words) == ExitCode.OK
    identity = json.loads((place / "r" / "manifest.json").read_text())["identity"]
    assert identity["options"] == {"column": 2, "speed": 3.0}
    assert identity["samples"] == ["va/0", "va/1"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "error: --task is missing\nOne of rvos, avos, rmot, rmeg; see mevis-bench list tasks\n"),
        (["--task", "rvos"], "error: --method is missing\nSee mevis-bench list methods\n"),
        (
            ["--task", "rwos", "--method", "fake"],
            "error: --task: 'task': expected one of rvos, avos, rmot, rmeg, got 'rwos'\n",
        ),
        (["--task", "rvos", "--method", "fakes"], "error: method 'fakes' not found\nDid you mean 'fake'?"),
        (["--task", "rvos", "--method", "fake", "--limit", "0"], "error: --limit: 'limit': expected an integer >= 1"),
        (
            ["--task", "rvos", "--method", "fake", "--set", "sed=1"],
            "error: --set sed=1: unknown key 'sed'\nDid you mean 'seed'? Known: task, method,",
        ),
        (["--task", "rvos", "--method", "fake", "--data", "nowhere"], "error: nowhere: folder not found"),
        (["run.yaml"], "error: run.yaml: no such file\n"),
    ],
)
def test_usage_errors_are_one_message_and_exit_code_2(place: Path, capsys, words, message: str) -> None:
    assert main(["run", *words]) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith(message)
    assert not (place / "runs").exists()


def test_missing_weights_have_instructions(place: Path, capsys, tmp_path: Path) -> None:
    spec = place / "methods" / "fake" / "method.yaml"
    spec.write_text(
        spec.read_text().rstrip()
        + "\n    weights:\n      model: {file: m.safetensors, sha256: null, source: a page, license: MIT,"
        " provenance: official}\n"
    )
    (place / "store").mkdir()
    words = ["run", "--task", "rvos", "--method", "fake", "--out", "r"]
    assert main([*words, "--weights", "store"]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert err.startswith(
        "error: the weights 'model' of fake:default are not on this machine\nFrom:    a page (license: MIT)\n"
    )
    assert "--weights untrained" in err
    assert main([*words, "--weights", "untrained"]) == ExitCode.OK
    captured = capsys.readouterr()
    assert "untrained: seeded random weights; the scores are not those of the method" in captured.err
    assert "untrained" in captured.out
    assert json.loads((place / "r" / "manifest.json").read_text())["identity"]["weights"] is None


def test_ctrl_c_explains_how_to_resume(place: Path, capsys) -> None:
    write_fake_method(
        place / "methods", "def act(setup, video, prompt):\n    if video.id == 'vb': raise KeyboardInterrupt\n"
    )
    assert main(["run", "--task", "rvos", "--method", "fake", "--out", "r"]) == ExitCode.INTERRUPTED
    assert f"error: interrupted\n{RESUME_HINT}\n" in capsys.readouterr().err
    assert len((place / "r" / "samples.jsonl").read_text().splitlines()) == 3


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("pause", [0.05, 0.3])
def test_ctrl_c_twice_is_one_message_and_the_run_resumes(place: Path, workers: str, pause: float) -> None:
    write_fake_method(place / "methods", "import time\ndef act(setup, video, prompt): time.sleep(0.5)\n")
    words = [sys.executable, "-m", "mevis_bench", "run", "--task", "rvos", "--method", "fake", "--device", "cpu"]
    words += ["--workers", workers, "--out", "r"]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # shells let background jobs ignore it
    )  # fmt: skip
    samples = place / "r" / "samples.jsonl"
    while not (samples.exists() and samples.read_text()) and process.poll() is None:
        time.sleep(0.02)
    for _ in range(2):  # to the whole group, as a terminal does
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(pause)
    err = process.communicate(timeout=60)[1]
    # The second one may come when Python is ending, which it then ends as shells expect: they show 130, too.
    assert process.returncode in (ExitCode.INTERRUPTED, -signal.SIGINT)
    assert err.endswith(f"error: interrupted\n{RESUME_HINT}\n")
    assert err.count("interrupted") == 1
    assert "Traceback" not in err
    assert main(words[3:]) == ExitCode.OK
    assert main([*words[3:-4], "--out", "whole"]) == ExitCode.OK
    assert prediction_files(place / "r") == prediction_files(place / "whole")


def test_several_tasks_and_methods_are_a_run_each_and_one_table_of_all(place: Path, capsys) -> None:
    words = ["run", "--task", "rvos,rmot,rmeg", "--method", "empty,moving_region", "--limit", "3", "--out", "o"]
    assert main([*words, "--dry-run", "--json"]) == ExitCode.OK
    names = ["rvos-empty", "rvos-moving_region", "rmot-empty", "rmot-moving_region", "rmeg-empty"]
    planned = json.loads(capsys.readouterr().out)
    assert [plan["folder"] for plan in planned["runs"]] == [f"o/{name}-valid_u" for name in names]
    assert [plan["samples"] for plan in planned["runs"]] == [3] * 5
    reason = "the method supports only rvos, avos, rmot"
    assert planned["left_out"] == {"moving_region:default rmeg": reason}
    assert not (place / "o").exists()
    words[2:5] = ["rvos,rmot", "--method", "empty"]
    assert main([*words, "--json"]) == ExitCode.OK
    captured = capsys.readouterr()
    documents = json.loads(captured.out)["runs"]
    names = ["rvos-empty", "rmot-empty"]
    assert [(each["folder"], each["done"]) for each in documents] == [(f"o/{name}-valid_u", 3) for name in names]
    assert [json.loads((place / each["folder"] / "results.json").read_text()) for each in documents] == [
        each["results"] for each in documents
    ]
    assert "2/2 rmot empty:default: 3/3 samples" in captured.err
    assert main(words) == ExitCode.OK
    again = capsys.readouterr()
    assert again.err.count("nothing to do") == 2
    assert all(title in again.out for title in ("RVOS, percent", "RMOT, percent", "All tasks, percent"))
    assert main([*words, "--dry-run"]) == ExitCode.OK
    assert "o/rmot-empty-valid_u" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rmeg", "moving_region,fake_region"], "error: method 'fake_region' not found"),
        (["rmeg,rmeg", "moving_region"], "error: no method supports any of the tasks\nmoving_region:default rmeg: the"),
        (["rvos", "empty,empty"], "error: duplicate run rvos-empty-valid_u\n"),
        (["rvos,", "empty"], "error: --task: 'task': expected one of"),
    ],
)
def test_impossible_combinations_are_errors(place: Path, capsys, words: list[str], message: str) -> None:
    assert main(["run", "--task", words[0], "--method", words[1]]) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith(message)
    assert not (place / "runs").exists()


@pytest.mark.parametrize(
    ("videos", "samples"),
    [("va,vc", 6), ("vb..vc", 5), ("vc,va..vb", 8), ("vb..vb", 2)],
)
def test_videos_are_chosen_by_name_and_range(place: Path, capsys, videos: str, samples: int) -> None:
    words = ["run", "--task", "rvos", "--method", "empty", "--videos", videos, "--dry-run", "--json"]
    assert main(words) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["samples"] == samples


@pytest.mark.parametrize(
    ("videos", "message"),
    [
        ("va,vd", "error: --videos: unknown video 'vd'\nKnown: va, vb, vc"),
        ("vc..va", "error: --videos: empty range 'vc..va': its first video comes after its last\n"),
        ("", "error: --videos: unknown video ''\nKnown: va, vb, vc"),
    ],
)
def test_unknown_videos_are_errors(place: Path, capsys, videos: str, message: str) -> None:
    assert main(["run", "--task", "rvos", "--method", "empty", "--videos", videos]) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith(message)


def test_no_progress_leaves_the_notes(place: Path, capsys) -> None:
    assert main(["run", "--task", "rvos", "--method", "empty", "--out", "r", "--progress", "none"]) == ExitCode.OK
    assert capsys.readouterr().err == "written to r\nmevis-bench gallery r shows every sample\n"


def test_status_without_runs_says_where_they_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["status"]) == 0
    assert capsys.readouterr().out == "No runs in runs. See mevis-bench run --help\n"
