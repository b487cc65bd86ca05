"""``mevis-bench train`` finds its data, continues, and refuses a folder of another training."""

import importlib
import json
import threading
import time
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.config.paths import configs_folder
from mevis_bench.config.train_config import read_train_config
from mevis_bench.records import DataError, ExitCode
from mevis_bench.training.dry_run import GroupReport, StageReport
from tests.fixtures.tiny_split import VIDEOS, write_fake_method, write_tiny_split

TRAIN = """
from dataclasses import dataclass
from pathlib import Path

@dataclass(frozen=True)
class Options:
    steps: int

OPTIONS = {"default": Options}

def train(setup):
    done = len(list(setup.out.glob("step*")))
    for step in range(done, setup.options.steps):
        assert len(setup.data.video_ids) and setup.data.ground_truths(setup.data.video_ids[0])
        (setup.out / f"step{step}").touch()
        setup.progress("only", step + 1, setup.options.steps, {"loss": 1 / (step + 1)})
        if Path("stop").exists():
            raise KeyboardInterrupt
    (setup.out / "fake.safetensors").write_text(f"{setup.seed} {setup.val_data.video_ids}")
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_tiny_split(tmp_path / "data" / "train")
    write_tiny_split(tmp_path / "data" / "valid_u", {"va": VIDEOS["va"]})
    (write_fake_method(tmp_path / "methods") / "fake" / "train.py").write_text(TRAIN)
    configs = tmp_path / "configs"
    (configs / "train").mkdir(parents=True)
    text = "mini: {videos: 2, val_videos: 1, seed: 5, annotators: 2}\nsteps: 3\n"
    (configs / "train" / "fake-default.yaml").write_text(text)
    monkeypatch.setattr("mevis_bench.config.train_config.configs_folder", lambda: configs)
    monkeypatch.setattr("mevis_bench.runs.train.cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setenv("MEVIS_BENCH_METHOD_DIR", "methods")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_train_on_a_folder_and_go_on_after_ctrl_c(place: Path, capsys) -> None:
    words = ["train", "--method", "fake", "--data", "data", "--seed", "7"]
    Path("stop").touch()
    assert main(words) == ExitCode.INTERRUPTED
    Path("stop").unlink()
    assert main([*words, "--json"]) == ExitCode.OK
    output = json.loads(capsys.readouterr().out)
    out = Path("runs/train-fake-default")
    assert output == {"out": str(out), "weights": [str(out / "fake.safetensors")]}
    assert (out / "fake.safetensors").read_text() == "7 ('va',)"
    assert main([*words, "--set", "steps=9"]) == ExitCode.USAGE
    assert capsys.readouterr().err.endswith(
        "error: runs/train-fake-default: the folder holds a training with other settings: options\n"
        "Give another --out, or remove the folder.\n"
    )


def test_without_data_mini_is_made_once(place: Path, capsys) -> None:
    assert main(["train", "--method", "fake"]) == ExitCode.OK
    err = capsys.readouterr().err
    assert "training fake:default on mini: 2 videos to train on, 1 held out, seed 5" in err
    assert "written to runs/train-fake-default/fake.safetensors" in err
    made = {path: path.stat().st_mtime_ns for path in (place / "cache").rglob("*.jpg")}
    assert len({path.parts[-2] for path in made}) == 2
    assert main(["train", "--method", "fake", "--out", "other"]) == ExitCode.OK
    assert {path: path.stat().st_mtime_ns for path in (place / "cache").rglob("*.jpg")} == made


def test_it_trains_on_world_2_where_the_configuration_says_so(place: Path, capsys) -> None:
    assert main(["train", "--method", "fake", "--set", "mini.world=2"]) == ExitCode.OK
    assert "training fake:default on mini2: 2 videos to train on, 1 held out, seed 5" in capsys.readouterr().err
    metas = [path.read_text() for path in (place / "cache").rglob("meta_expressions.json")]
    assert len(metas) == 2
    assert all('"world": 2' in meta for meta in metas)
    assert main(["train", "--method", "fake", "--set", "mini.world=3"]) == ExitCode.USAGE
    assert "--set mini.world=3: 'world': expected an integer >= 1 and <= 2, got 3" in capsys.readouterr().err


def test_of_several_processes_one_makes_data_and_talks(place: Path, capsys, monkeypatch) -> None:
    """A thread stands for a second process that torchrun started, and is there first."""
    monkeypatch.setattr(
        "mevis_bench.runs.train.is_main_process", lambda: threading.current_thread() is threading.main_thread()
    )
    ended = []
    second = threading.Thread(target=lambda: ended.append(main(["train", "--method", "fake"])))
    second.start()
    time.sleep(0.5)
    assert not (place / "cache").exists()
    assert main(["train", "--method", "fake"]) == ExitCode.OK
    second.join()
    assert ended == [ExitCode.OK]
    assert capsys.readouterr().err.count("training fake:default") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--method", "empty"], "error: {configs}/train/empty-default.yaml: empty:default has no training config"),
        (
            ["--method", "fake", "--set", "stops=3"],
            "training fake:default on mini: 2 videos to train on, 1 held out, seed 5\n"
            "error: --set stops=3: unknown key 'stops'\nDid you mean 'steps'?",
        ),
        (
            ["--method", "fake", "--set", "loader.workers=1025"],
            "error: --set loader.workers=1025: 'workers': expected an integer >= 0 and <= 1024, got 1025\n",
        ),
        (
            ["--method", "fake", "--set", "loader.workers=-1"],
            "error: --set loader.workers=-1: 'workers': expected an integer >= 0 and <= 1024, got -1\n",
        ),
        (["--method", "fake", "--set", "mini.video=3"], "error: --set mini.video=3: unknown key 'video'"),
        (["--method", "fake", "--data", "data", "--val-split", "train"], "training fake:default on data\nerror: data"),
        (
            ["--method", "fake", "--data", "data", "--held-out", "train"],  # former name
            "--held-out is deprecated and will be removed: use --val-split.\ntraining fake:default on data\nerror",
        ),
    ],
)
def test_usage_errors(place: Path, capsys, words, message: str) -> None:
    assert main(["train", *words]) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith(message.format(configs=place / "configs"))


def test_a_method_without_training_is_an_error(place: Path, capsys) -> None:
    (place / "methods" / "fake" / "train.py").unlink()
    assert main(["train", "--method", "fake", "--data", "data"]) == ExitCode.FAILED
    assert "methods/fake: method 'fake' has no train.py" in capsys.readouterr().err


def test_every_shipped_training_configuration_can_be_read() -> None:
    for path in (configs_folder() / "train").glob("*.yaml"):
        method, _, variant = path.stem.partition("-")
        config = read_train_config(method, variant, [])
        assert config.mini.videos > 0
        kinds = importlib.import_module(f"baselines.{method}.train").OPTIONS
        assert config.options(kinds[variant])


def test_a_configuration_without_mini_is_named(place: Path) -> None:
    path = place / "configs" / "train" / "fake-default.yaml"
    path.write_text("steps: 3\n")
    with pytest.raises(DataError, match="missing key 'mini'"):
        read_train_config("fake", "default", [])


def test_names_of_stages_and_groups_are_text(place: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    group = GroupReport("[bold]g[/]\x1b[31m", 7, 0.1, 0.0)
    report = StageReport("[/bold]\x1b]0;s\x07", (group,), 1, 2, 3, 4, 5.0, {})
    monkeypatch.setattr("mevis_bench.runs.train.dry_run", lambda *_: [report])
    assert main(["train", "--method", "fake", "--data", "data", "--dry-run"]) == ExitCode.OK
    output = capsys.readouterr().out
    assert "\x1b" not in output
    assert "\x07" not in output
    assert "stage [/bold]" in output
    assert "  [bold]g[/]" in output
    assert main(["train", "--method", "fake", "--data", "data", "--dry-run", "--json"]) == ExitCode.OK
    output = capsys.readouterr().out
    assert "\x1b" not in output
    assert json.loads(output)["stages"][0]["groups"][0]["name"] == group.name
