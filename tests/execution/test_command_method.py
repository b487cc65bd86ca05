"""A fake upstream checkout, run as it is; it reads MeViS folders and writes PNG files."""

from pathlib import Path

import pytest

from mevis_bench.execution.inline import Inline
from mevis_bench.records import DataError, MethodError
from mevis_bench.runs.plan import plan_run
from mevis_bench.runs.predict import RunReport, find_folder, predict
from mevis_bench.schemas.run_config import RunConfig
from tests.fixtures.runs import RecordingCallback, prediction_files
from tests.fixtures.tiny_split import write_fake_method, write_tiny_split

SPEC = """\
name: fake_upstream
title: Fake upstream
paper: null
code: null
license: none
tasks: [rvos]
variants:
  default:
    title: Fake upstream
    tasks: [rvos]
    outputs: [masks]
    options: {column: 0}
    notes: for tests only
command:
  checkout: upstream
  run: ["{python}", inference.py, "--mevis_path={root}", --split, "{split}", --output_dir, "{out}",
        --column, "{options.column}"]
  video_seconds: 20
"""

INFERENCE = '''\
"""Fake upstream code: a script with the usual arguments that writes the usual tree."""

import argparse
import json
import os

import numpy as np
from PIL import Image

parser = argparse.ArgumentParser()
parser.add_argument("--mevis_path")
parser.add_argument("--split")
parser.add_argument("--output_dir")
parser.add_argument("--column", type=int)
args = parser.parse_args()
folder = os.path.join(args.mevis_path, args.split)
with open(os.path.join(folder, "meta_expressions.json")) as file:
    videos = json.load(file)["videos"]
for video, entry in videos.items():
    for key, expression in entry["expressions"].items():
        print("upstream at work:", expression["exp"])
        # act
        for name in entry["frames"]:
            frame = np.asarray(Image.open(os.path.join(folder, "JPEGImages", video, name + ".jpg")))
            mask = np.zeros(frame.shape[:2], np.uint8)
            mask[frame[0, 0, 0] // 10, args.column] = 255
            place = os.path.join(args.output_dir, video, key)
            os.makedirs(place, exist_ok=True)
            Image.fromarray(mask).save(os.path.join(place, name + ".png"))
'''


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_tiny_split(tmp_path / "data")
    write_fake_method(tmp_path / "methods")
    upstream(tmp_path)
    return tmp_path


def upstream(place: Path, act: str = "pass", spec: str = SPEC) -> None:
    folder = place / "methods" / "fake_upstream"
    (folder / "upstream").mkdir(parents=True, exist_ok=True)
    (folder / "method.yaml").write_text(spec)
    (folder / "upstream" / "inference.py").write_text(INFERENCE.replace("# act", act))


def go(place: Path, **changes) -> RunReport:
    settings = {
        "task": "rvos", "method": "fake_upstream", "method_dir": (place / "methods",), "data": place / "data",
        "out": place / "run", "device": "cpu",
    }  # fmt: skip
    plan = plan_run(RunConfig(**(settings | changes)))
    return predict(plan, find_folder(plan, place / "runs"), Inline(plan.dataset), RecordingCallback())


def test_its_png_tree_becomes_the_same_predictions_as_the_same_method_in_this_process(place: Path) -> None:
    go(place, method="fake", options={"column": 3}, perturb="reverse", out=place / "inline")
    report = go(place, options={"column": 3}, perturb="reverse")
    assert (report.done, report.failed) == (8, ())
    assert prediction_files(place / "run") == prediction_files(place / "inline")


def test_a_failing_command_fails_with_its_last_lines_and_three_failures_end_the_run(place: Path) -> None:
    upstream(place, "raise SystemExit('CUDA driver is too old')")
    with pytest.raises(MethodError, match="the command of 'fake_upstream' failed 3 times in a row; no more retries"):
        go(place)
    assert go(place, sample=("va/0",), out=place / "one").failed[0].error == (
        "the command of 'fake_upstream' exited with code 1; last lines of its output:\n"
        "  upstream at work: left one\n"
        "  CUDA driver is too old"
    )


def test_a_hanging_command_is_killed_with_the_processes_it_started(place: Path) -> None:
    upstream(place, "__import__('subprocess').call(['sleep', '60'])", SPEC.replace("seconds: 20", "seconds: 1.5"))
    error = go(place, sample=("va/0",)).failed[0].error
    assert error.startswith(
        "the command of 'fake_upstream' timed out after 1.5 s (command.video_seconds in method.yaml)"
    )


def test_a_mask_that_is_not_written_fails_its_sample_alone(place: Path) -> None:
    upstream(place, "if key == '1': continue")
    report = go(place, sample=("va",))
    assert [status.id for status in report.failed] == ["va/1"]
    location = "/va/1/00000.png: frame is missing\nThe folder of this expression is missing or empty."
    assert report.failed[0].error.endswith(location)


def test_a_command_that_cannot_run_is_refused_before(place: Path) -> None:
    upstream(place, spec=SPEC.replace("{split}", "{splitt}"))
    with pytest.raises(MethodError, match=r"unknown placeholder '\{splitt\}'\nDid you mean 'split'\?"):
        go(place)
    upstream(place, spec=SPEC.replace("checkout: upstream", "checkout: elsewhere"))
    with pytest.raises(MethodError, match="elsewhere: checkout of 'fake_upstream' not found\nClone"):
        go(place)
    upstream(place, spec=SPEC.replace('"{python}"', "/no/such/program"))
    error = go(place, sample=("va/0",), out=place / "other").failed[0].error
    assert error.startswith("/no/such/program: cannot start the command of 'fake_upstream': ")


def test_ids_that_leave_the_folder_are_refused(place: Path) -> None:
    from mevis_bench.execution.command_method import _write_split
    from mevis_bench.records import Video

    with pytest.raises(DataError, match=r"invalid video id '\.\./out'"):
        _write_split(place / "split", Video("../out", (), (), 6, 8), (), {})
