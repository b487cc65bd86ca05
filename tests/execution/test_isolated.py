"""A method in its own environment answers as one in this process does; whatever its worker does, the run goes on."""

import ast
import dataclasses
import json
import os
import pickle
from pathlib import Path

import pytest

from mevis_bench import records
from mevis_bench.config.run_config import RunConfig
from mevis_bench.execution import environment_child as worker_child
from mevis_bench.execution.environment_process import RemoteError
from mevis_bench.execution.inline import Inline
from mevis_bench.execution.isolated import _masks
from mevis_bench.records import MethodError
from mevis_bench.runs.plan import plan_run
from mevis_bench.runs.predict import RunReport, find_folder, predict
from tests.execution.isolated_methods import environment_like_this, old_interpreter, write_isolated_method
from tests.runs.test_predict import Seen, predictions
from tests.tiny_split import write_fake_method, write_tiny_split


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environments")
    environment_like_this(folder / "fake")
    return folder


@pytest.fixture
def place(tmp_path: Path, environments: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEVIS_BENCH_ENVIRONMENTS", str(environments))
    write_tiny_split(tmp_path / "data")
    return tmp_path


def go(place: Path, seen: Seen | None = None, **changes) -> RunReport:
    settings = {
        "task": "rvos", "method": "fake", "method_dir": (place / "methods",), "data": place / "data",
        "out": place / "run", "device": "cpu",
    }  # fmt: skip
    plan = plan_run(RunConfig(**(settings | changes)))
    return predict(plan, find_folder(plan, place / "runs"), Inline(), seen or Seen())


ANSWERS = {
    "rvos": "def answer(setup, masks): return MaskPrediction(masks, (masks, ~masks), 0.25)",
    "rmot": "def answer(setup, masks): return TrackPrediction(np.array([0, 1]), np.array([7, 7]), "
    "np.array([[0, 0, 1, 1 / 3], [1, 2, 3, 4]]))",
    "rmeg": "def answer(setup, masks): return CaptionPrediction('läuft nach rechts', 0.5)",
}


@pytest.mark.parametrize("task", ANSWERS)
def test_its_answers_are_those_of_the_same_method_in_this_process(place: Path, task: str) -> None:
    noisy = ANSWERS[task] + "\nprint('{\"ok\": null}')\nimport sys\nprint('not JSON', file=sys.stderr)\n"
    write_fake_method(place / "methods", noisy)
    inline = go(place, task=task, out=place / "inline")
    write_isolated_method(place / "methods", noisy)
    isolated = go(place, task=task)
    assert isolated.failed == ()
    assert isolated.manifest.costs["peak_host_bytes"] > 0
    assert predictions(place / "run") == predictions(inline.folder.path)
    assert len(predictions(place / "run")) == 3


def test_an_exception_comes_back_with_text_and_traceback(place: Path) -> None:
    write_isolated_method(
        place / "methods", "def act(setup, video, prompt):\n    if prompt.id == '1': raise ValueError('no way')\n"
    )
    report = go(place)
    assert [(status.id, status.error) for status in report.failed] == [
        ("va/1", "ValueError: no way"),
        ("vb/1", "ValueError: no way"),
        ("vc/1", "ValueError: no way"),
    ]
    assert "in the worker:" in report.failed[0].traceback
    assert "method.py" in report.failed[0].traceback


def test_a_dead_worker_fails_its_sample_with_its_last_words_and_another_one_starts(place: Path) -> None:
    write_isolated_method(
        place / "methods",
        "import os\n"
        "def act(setup, video, prompt):\n"
        "    if prompt.id == '1':\n        print('about to go')\n        os._exit(7)\n",
    )
    report = go(place)
    assert [status.id for status in report.failed] == ["va/1", "vb/1", "vc/1"]
    assert report.failed[0].error == ("the worker of 'fake' ended with exit code 7; its last lines:\n  about to go")
    assert report.done == 5


def test_a_crash_says_which_signal_and_where(place: Path) -> None:
    write_isolated_method(place / "methods", "import ctypes\ndef act(setup, video, prompt):\n    ctypes.string_at(0)\n")
    error = go(place, sample=("vb/0",)).failed[0].error
    assert error.startswith("the worker of 'fake' was killed by SIGSEGV; its last lines:\n")
    assert "method.py" in error


def test_a_hanging_worker_is_stopped(place: Path) -> None:
    write_isolated_method(
        place / "methods",
        "import time\ndef act(setup, video, prompt):\n    if prompt.id == '0': time.sleep(60)\n",
        environment="  answer_seconds: 1.5\n",
    )
    report = go(place, sample=("vb",))
    assert [(status.id, status.error) for status in report.failed] == [
        ("vb/0", "the worker of 'fake' gave no answer within 1.5 s and was stopped; it printed nothing")
    ]
    assert report.done == 1


def test_three_deaths_in_a_row_end_the_run_and_what_is_left_stays_open(place: Path) -> None:
    code = "import os\ndef act(setup, video, prompt):\n    if not os.path.exists({!r}): os._exit(1)\n"
    mended = place / "mended"
    write_isolated_method(place / "methods", code.format(str(mended)))
    seen = Seen()
    with pytest.raises(MethodError) as caught:
        go(place, seen)
    assert str(caught.value) == (
        "'fake' died 3 times in a row and is given up: the worker of 'fake' ended with exit code 1; it printed nothing"
        "\nEverything finished before is on disk; mend it and start the same command with --retry-failed.\n"
        "See mevis-bench env doctor fake"
    )
    assert len(seen.samples) == 3
    mended.touch()
    assert go(place, retry_failed=True).done == 8


def test_a_broken_frame_fails_only_its_video(place: Path) -> None:
    write_isolated_method(place / "methods")
    frame = place / "data" / "JPEGImages" / "vb" / "00002.jpg"
    frame.write_bytes(b"not an image")
    report = go(place)
    assert [status.id for status in report.failed] == ["vb/0", "vb/1"]
    assert all(f"{frame}: not a JPEG or PNG image" in status.error for status in report.failed)
    assert report.done == 6


def test_memory_that_runs_out_is_tried_again_smaller(place: Path) -> None:
    write_isolated_method(
        place / "methods",
        "class OutOfMemoryError(RuntimeError): pass\n"
        "def act(setup, video, prompt):\n"
        "    if Fake.chunk > 2: raise OutOfMemoryError('CUDA out of memory')\n"
        "def reduce_memory(self):\n"
        "    Fake.chunk //= 2\n"
        "    return True\n"
        "Fake.chunk = 8\n"
        "Fake.reduce_memory = reduce_memory\n",
    )
    assert go(place, sample=("va",)).failed == ()


def test_what_load_tells_the_user_is_told(place: Path) -> None:
    write_isolated_method(
        place / "methods",
        "from mevis_bench.records import DataError\n"
        "def load(setup): raise DataError('is cut short', location='x.pth', hint='Get it again')\n",
    )
    with pytest.raises(records.DataError, match=r"^x\.pth: is cut short\nGet it again$"):
        go(place)


def test_what_load_raises_crosses_to_another_process_and_keeps_its_name(place: Path) -> None:
    write_isolated_method(place / "methods", "def load(setup): raise KeyError('no such layer')\n")
    with pytest.raises(RemoteError) as caught:
        go(place)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy).__name__, str(copy)) == ("KeyError", "'no such layer'")


def test_without_its_environment_a_method_says_how_to_make_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEVIS_BENCH_ENVIRONMENTS", str(place / "none"))
    write_isolated_method(place / "methods")
    with pytest.raises(MethodError) as caught:
        go(place)
    assert str(caught.value) == (
        f"{place / 'none' / 'fake'}: 'fake' runs in an environment of its own, which is not there\n"
        "Make it: mevis-bench env create fake"
    )


OLD_CODE = '''\
"""Fake, for a bare Python of long ago: no numpy, no Pillow."""

import sys

from mevis_bench.records import MaskPrediction, Prediction, Prompt, TextPrompt, Video


class Old:
    def predict(self, video: Video, prompts):
        for prompt in prompts:
            assert isinstance(prompt, TextPrompt) and video.frame_paths[0].is_file()
            column = sys.version_info[1]
            frame = [[x == column - 5 for x in range(video.width)] for _ in range(video.height)]
            yield MaskPrediction([frame] * len(video), target_score=1)

    def close(self):
        pass


def load(setup):
    return Old()
'''


@pytest.mark.parametrize("minor", [7, 8])
def test_a_real_old_python_answers(place: Path, minor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    old = place / "environments" / "fake" / "bin"
    old.mkdir(parents=True)
    (old / "python").symlink_to(old_interpreter(minor))
    monkeypatch.setenv("MEVIS_BENCH_ENVIRONMENTS", str(place / "environments"))
    write_isolated_method(place / "methods")
    (place / "methods" / "fake" / "method.py").write_text(OLD_CODE)
    report = go(place)
    assert (report.done, report.failed) == (8, ())
    told = json.loads((place / "run" / "predictions" / "va.jsonl").read_text().splitlines()[0])
    # Column minor - 5 of a 6x8 mask: so many background pixels, then six of the mask.
    from pycocotools import mask as coco

    mask = coco.decode({"size": [6, 8], "counts": told["masks"][3].encode()})
    assert mask.sum() == 6
    assert mask[:, minor - 5].all()


def test_the_child_is_written_for_python_3_7_and_stands_alone() -> None:
    tree = ast.parse(Path(worker_child.__file__).read_text(), feature_version=(3, 7))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in imported if name.startswith("mevis_bench")]


def test_its_records_have_the_fields_of_the_real_ones() -> None:
    for copy in worker_child._RECORDS:
        real = getattr(records, copy.__name__)
        if dataclasses.is_dataclass(real):
            assert [field.name for field in dataclasses.fields(copy)] == [
                field.name for field in dataclasses.fields(real)
            ]


def test_masks_that_unpack_to_more_than_they_say_are_refused() -> None:
    told = worker_child._bits([[[True] * 8] * 1000])
    with pytest.raises(MethodError, match=r"the worker sent 2 bytes for masks \(1, 1, 8\), not 1"):
        _masks({"shape": [1, 1, 8], "bits": told["bits"]})


def test_no_worker_is_left_behind(place: Path) -> None:
    write_isolated_method(
        place / "methods",
        f"import os\ndef act(setup, video, prompt):\n    open({str(place / 'pid')!r}, 'w').write(str(os.getpid()))\n",
    )
    go(place, sample=("vb/0",))
    with pytest.raises(ProcessLookupError):
        os.kill(int((place / "pid").read_text()), 0)
