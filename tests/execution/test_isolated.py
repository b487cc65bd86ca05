"""A method in its own environment predicts the same as in this process; whatever its process does, the run goes on."""

import ast
import dataclasses
import json
import os
import pickle
import sys
from pathlib import Path

import pytest

from mevis_bench import records
from mevis_bench.execution import environment_child, environment_process
from mevis_bench.execution.environment_messages import PackedMasks, decode_masks
from mevis_bench.execution.environment_process import RemoteError
from mevis_bench.execution.inline import Inline
from mevis_bench.records import MethodError
from mevis_bench.records.retry import RESUME_HINT
from mevis_bench.runs.plan import plan_run
from mevis_bench.runs.predict import RunReport, find_folder, predict
from mevis_bench.schemas.run_config import RunConfig
from tests.fixtures.isolated_methods import environment_like_this, old_interpreter, write_isolated_method
from tests.fixtures.runs import ALL_SAMPLES, RecordingCallback, prediction_files
from tests.fixtures.tiny_split import write_fake_method, write_tiny_split


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


def go(place: Path, seen: RecordingCallback | None = None, **changes) -> RunReport:
    settings = {
        "task": "rvos", "method": "fake", "method_dir": (place / "methods",), "data": place / "data",
        "out": place / "run", "device": "cpu",
    }  # fmt: skip
    plan = plan_run(RunConfig(**(settings | changes)))
    return predict(plan, find_folder(plan, place / "runs"), Inline(plan.dataset), seen or RecordingCallback())


PREDICTIONS = {
    "points": "from mevis_bench.records import PointPrediction\n"
    "def answer(setup, masks): return PointPrediction(np.array([0, 1]), np.array([7, 7]), "
    "np.array([[0, 1 / 3], [1, 2]]), 'läuft', True)",
    "rvos": "def answer(setup, masks): return MaskPrediction(masks, (masks, ~masks), 0.25)",
    "rmot": "def answer(setup, masks): return TrackPrediction(np.array([0, 1]), np.array([7, 7]), "
    "np.array([[0, 0, 1, 1 / 3], [1, 2, 3, 4]]))",
    "rmeg": "def answer(setup, masks): return CaptionPrediction('läuft nach rechts', 0.5)",
}


@pytest.mark.parametrize("kind", PREDICTIONS)
def test_predictions_are_those_of_the_same_method_in_this_process(place: Path, kind: str) -> None:
    task = "rvos" if kind == "points" else kind
    noisy = PREDICTIONS[kind] + "\nprint('{\"ok\": null}')\nimport sys\nprint('not JSON', file=sys.stderr)\n"
    write_fake_method(place / "methods", noisy)
    inline = go(place, task=task, out=place / "inline")
    write_isolated_method(place / "methods", noisy)
    isolated = go(place, task=task)
    assert isolated.failed == ()
    assert isolated.manifest.costs["peak_host_bytes"] > 0
    assert prediction_files(place / "run") == prediction_files(inline.folder.path)
    assert len(prediction_files(place / "run")) == 3


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
    assert "in the environment process:" in report.failed[0].traceback
    assert "method.py" in report.failed[0].traceback


def test_a_crash_fails_its_sample_with_the_output_tail_and_the_process_is_restarted(place: Path) -> None:
    write_isolated_method(
        place / "methods",
        "import os\n"
        "def act(setup, video, prompt):\n"
        "    if prompt.id == '1':\n        print('about to go')\n        os._exit(7)\n",
    )
    report = go(place)
    assert [status.id for status in report.failed] == ["va/1", "vb/1", "vc/1"]
    assert report.failed[0].error == (
        "the environment process of 'fake' exited with code 7; last lines of its output:\n  about to go"
    )
    assert report.done == 5


def test_a_crash_names_the_signal_and_the_place(place: Path) -> None:
    write_isolated_method(place / "methods", "import ctypes\ndef act(setup, video, prompt):\n    ctypes.string_at(0)\n")
    error = go(place, sample=("vb/0",)).failed[0].error
    assert error.startswith("the environment process of 'fake' was killed by SIGSEGV; last lines of its output:\n")
    assert "method.py" in error


def test_a_hanging_environment_process_is_killed(place: Path) -> None:
    write_isolated_method(
        place / "methods",
        "import time\ndef act(setup, video, prompt):\n    if prompt.id == '0': time.sleep(60)\n",
        environment="  answer_seconds: 8\n",
    )
    report = go(place, sample=("vb",))
    assert [(status.id, status.error) for status in report.failed] == [
        (
            "vb/0",
            "the environment process of 'fake' timed out after 8 s (environment.answer_seconds in method.yaml); "
            "it printed nothing",
        )
    ]
    assert report.done == 1


def test_three_crashes_in_a_row_end_the_run_and_the_other_samples_stay_open(place: Path) -> None:
    code = "import os\ndef act(setup, video, prompt):\n    if not os.path.exists({!r}): os._exit(1)\n"
    fixed = place / "fixed"
    write_isolated_method(place / "methods", code.format(str(fixed)))
    seen = RecordingCallback()
    with pytest.raises(MethodError) as caught:
        go(place, seen)
    assert str(caught.value) == (
        "the environment process of 'fake' failed 3 times in a row; no more retries. Last failure: "
        "the environment process of 'fake' exited with code 1; it printed nothing\n"
        f"{RESUME_HINT}\nSee mevis-bench env doctor fake"
    )
    assert len(seen.samples) == 3
    fixed.touch()
    assert go(place, retry_failed=True).done == 8


def test_a_broken_frame_fails_only_its_video(place: Path) -> None:
    write_isolated_method(place / "methods")
    frame = place / "data" / "JPEGImages" / "vb" / "00002.jpg"
    frame.write_bytes(b"not an image")
    report = go(place)
    assert [status.id for status in report.failed] == ["vb/0", "vb/1"]
    assert all(f"{frame}: not a JPEG or PNG image" in status.error for status in report.failed)
    assert report.done == 6


def test_out_of_memory_is_retried_with_smaller_chunks(place: Path) -> None:
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


def test_user_errors_of_load_are_raised_here(place: Path) -> None:
    write_isolated_method(
        place / "methods",
        "from mevis_bench.records import DataError\n"
        "def load(setup): raise DataError('is cut short', location='x.pth', hint='Get it again')\n",
    )
    with pytest.raises(records.DataError, match=r"^x\.pth: is cut short\nGet it again$"):
        go(place)


def test_other_errors_of_load_keep_their_class_name_and_can_be_pickled(place: Path) -> None:
    write_isolated_method(place / "methods", "def load(setup): raise KeyError('no such layer')\n")
    with pytest.raises(RemoteError) as caught:
        go(place)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy).__name__, str(copy)) == ("KeyError", "'no such layer'")


def test_a_missing_environment_is_reported_with_the_command_that_creates_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEVIS_BENCH_ENVIRONMENTS", str(place / "none"))
    write_isolated_method(place / "methods")
    with pytest.raises(MethodError) as caught:
        go(place)
    assert str(caught.value) == (
        f"{place / 'none' / 'fake'}: the environment of 'fake' does not exist\nCreate it: mevis-bench env create fake"
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
def test_a_real_old_python_predicts(place: Path, minor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    old = place / "environments" / "fake" / "bin"
    old.mkdir(parents=True)
    (old / "python").symlink_to(old_interpreter(minor))
    monkeypatch.setenv("MEVIS_BENCH_ENVIRONMENTS", str(place / "environments"))
    write_isolated_method(place / "methods")
    (place / "methods" / "fake" / "method.py").write_text(OLD_CODE)
    report = go(place)
    assert (report.done, report.failed) == (8, ())
    line = json.loads((place / "run" / "predictions" / "va.jsonl").read_text().splitlines()[0])
    # Column minor - 5 of a 6x8 mask: that many columns of background, then one of the mask.
    from pycocotools import mask as coco

    mask = coco.decode({"size": [6, 8], "counts": line["masks"][3].encode()})
    assert mask.sum() == 6
    assert mask[:, minor - 5].all()


def test_the_child_is_written_for_python_3_7_and_stands_alone() -> None:
    tree = ast.parse(Path(environment_child.__file__).read_text(), feature_version=(3, 7))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in imported if name.startswith("mevis_bench")]


def test_its_records_have_the_fields_of_the_real_ones() -> None:
    for copy in environment_child._RECORDS:
        real = getattr(records, copy.__name__)
        if dataclasses.is_dataclass(real):
            names = [field.name for field in dataclasses.fields(real)]
            if real is records.MethodConfig:
                names.remove("open_predictions")  # a function of the harness, which is not there
            assert [field.name for field in dataclasses.fields(copy)] == names


def test_masks_that_unpack_to_more_than_their_shape_are_refused() -> None:
    message = environment_child._encode_masks([[[True] * 8] * 1000])
    video = records.Video("v", ("0",), (Path("0"),), 1, 8)
    with pytest.raises(MethodError, match=r"invalid masks: expected 1 packed bytes for \(1, 1, 8\), got 2"):
        decode_masks(PackedMasks([1, 1, 8], message["bits"]), "masks", video)


def test_no_environment_process_is_left_behind(place: Path) -> None:
    write_isolated_method(
        place / "methods",
        f"import os\ndef act(setup, video, prompt):\n    open({str(place / 'pid')!r}, 'w').write(str(os.getpid()))\n",
    )
    go(place, sample=("vb/0",))
    with pytest.raises(ProcessLookupError):
        os.kill(int((place / "pid").read_text()), 0)


def test_the_process_of_a_method_that_predicts_all_prompts_at_once_may_exit_at_one(place: Path) -> None:
    write_isolated_method(
        place / "methods",
        "import os\nlazy = Fake.predict\n"
        "Fake.predict = lambda self, video, prompts: iter([*lazy(self, video, list(prompts))])\n"
        "def act(setup, video, prompt):\n    if (video.id, prompt.id) == ('vc', '1'): os._exit(7)\n",
    )
    report = go(place)
    assert [status.id for status in report.failed] == ["vc/1"]
    assert report.done == 7


def test_no_prompt_is_predicted_twice_when_the_process_exits(place: Path) -> None:
    log = place / "log"
    write_isolated_method(
        place / "methods",
        "import os\ndef act(setup, video, prompt):\n"
        f"    open({str(log)!r}, 'a').write(f'{{video.id}}/{{prompt.id}} ')\n"
        "    if prompt.id == '0': os._exit(7)\n",
    )
    assert [status.id for status in go(place).failed] == ["va/0", "vb/0", "vc/0"]
    assert sorted(log.read_text().split()) == sorted(ALL_SAMPLES)


class FakeEnvironmentProcess:
    """The parent's end of a fake environment process that runs ``code`` with its socket as ``channel``."""

    def __init__(self, folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
        script = folder / "fake_child.py"
        handshake = {"ok": {"protocol": environment_child.PROTOCOL, "python": "3.11.0", "packages": {}}}
        script.write_text(
            "import json, socket, sys, time\nchannel = socket.socket(fileno=int(sys.argv[1]))\n"
            f"channel.sendall({json.dumps(handshake).encode()!r} + b'\\n')\nchannel.recv(1 << 20)\n{code}\n"
        )
        monkeypatch.setattr(environment_process.environment_child, "__file__", str(script))
        self.process = environment_process.EnvironmentProcess("fake", Path(sys.executable), 60)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("channel.sendall(b'hello\\n')", r"sent an invalid reply \(JSON is malformed.*\): b'hello' and was stopped"),
        ("channel.sendall(b'[' * 100000 + b'\\n')", r"sent an invalid reply \(.*\): b'\[\["),
        ("channel.sendall(b'[]\\n')", r"sent an invalid reply \(Expected `object`, got `array`\): b'\[\]'"),
        ("channel.sendall(b'{\"what\": 1}\\n')", "sent a reply without exactly one of the keys ok, error and read"),
        ('channel.sendall(b\'{"ok": 1, "read": 0}\\n\')', "sent a reply without exactly one of the keys"),
        ("channel.sendall(b'{\"ok\": 1}\\n')", "sent an invalid reply .Expected `bool`, got `int`"),
        ("channel.sendall(b'{\"error\": 3}\\n')", r"sent an invalid reply \(Expected `object \| null`, got `int`"),
        ("channel.sendall(b'{\"read\": 5}\\n')", "read prompt 5 of 5"),
        (
            "while True: channel.sendall(b'{\"read\": 1}\\n' * 1000)",
            r"timed out after 1 s \(environment.answer_seconds",
        ),
        ("channel.sendall(b'x' * 4000)\nchannel.recv(1)", "sent a reply of more than 3000 bytes"),
        ("channel.close()\ntime.sleep(600)", "closed its socket and was stopped"),
        ("time.sleep(600)", r"timed out after 1 s \(environment.answer_seconds in method.yaml\)"),
    ],
)
def test_broken_replies_end_the_process(
    tmp_path: Path, code: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment_process, "MAX_REPLY_BYTES", 3000)
    monkeypatch.setattr(environment_process, "_SHUTDOWN_TIMEOUT", 1.0)
    process = FakeEnvironmentProcess(tmp_path, code, monkeypatch).process
    timeout = 1 if "timed out" in message else 60
    with pytest.raises(environment_process.EnvironmentProcessError, match=message):
        process.request("next", bool, timeout, timeout_key="environment.answer_seconds", readable=5)
    with pytest.raises(environment_process.EnvironmentProcessError):
        process.request("next", bool, timeout)
