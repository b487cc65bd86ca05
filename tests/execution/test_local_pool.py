"""Pool processes give the bytes of one process; crashing and hanging ones cost one sample each."""

from pathlib import Path

import pytest

from mevis_bench.config.run_config import read_run_config
from mevis_bench.execution.local_pool import LocalPool
from mevis_bench.records import DataError, MethodError, UsageError
from mevis_bench.runs.plan import plan_run
from mevis_bench.runs.predict import find_folder, predict
from tests.fixtures.processes import assert_all_end
from tests.fixtures.runs import (
    ALL_SAMPLES,
    RecordingCallback,
    fake_act,
    log_prompts,
    make_config,
    prediction_files,
    run_once,
)


def pool(location: Path, processes: int, timeout: float | None = None, out: str = "pool"):
    plan = plan_run(make_config(location, out=location / out))
    return predict(plan, find_folder(plan), LocalPool(processes, timeout), RecordingCallback())


def test_pool_processes_give_the_bytes_of_one_process(workspace: Path) -> None:
    alone = run_once(workspace)
    many = pool(workspace, 3)
    assert many.done == len(ALL_SAMPLES)
    assert prediction_files(many.folder.path) == prediction_files(alone.folder.path)
    assert many.manifest.costs["peak_host_bytes"] > 0


def test_a_crash_fails_its_sample_and_the_video_goes_on(workspace: Path) -> None:
    fake_act(workspace, "    import os\n    if prompt.id == '1' and video.id == 'vc': os.kill(os.getpid(), 9)\n")
    report = pool(workspace, 2)
    assert [(status.id, status.error) for status in report.failed] == [
        ("vc/1", "the pool process was killed by SIGKILL")
    ]
    assert report.done == len(ALL_SAMPLES) - 1


def test_resource_usage_is_reported_though_the_last_sample_crashes_its_process(workspace: Path) -> None:
    fake_act(workspace, "    import os\n    os._exit(3)\n")
    plan = plan_run(make_config(workspace, sample=("vc/10",)))
    report = predict(plan, find_folder(plan), LocalPool(1), RecordingCallback())
    assert [status.id for status in report.failed] == ["vc/10"]
    assert report.manifest.costs["peak_host_bytes"] > 0


@pytest.mark.parametrize(
    ("second_load", "message"),
    [
        ("raise DataError('no', location='here')", "here: no"),
        (
            "os._exit(3)",
            "but a pool process exited with code 3 before it reported its resource usage\nFinished",
        ),
    ],
)
def test_a_replacement_without_work_can_fail_too(workspace: Path, second_load: str, message: str) -> None:
    fake_act(workspace, "    import os\n    os._exit(3)\n")
    code = (workspace / "methods" / "fake" / "method.py").read_text()
    first = workspace / "loaded"
    code += (
        "\nimport os\nfrom pathlib import Path\nfrom mevis_bench.records import DataError\n"
        f"if Path({str(first)!r}).exists(): {second_load}\nPath({str(first)!r}).touch()\n"
    )
    (workspace / "methods" / "fake" / "method.py").write_text(code)
    plan = plan_run(make_config(workspace, sample=("vc/10",)))
    first.unlink(missing_ok=True)
    with pytest.raises((DataError, MethodError), match=message):
        predict(plan, find_folder(plan), LocalPool(1), RecordingCallback())


def test_a_hanging_pool_process_is_killed(workspace: Path) -> None:
    fake_act(workspace, "    import time\n    if prompt.id == '0' and video.id == 'vb': time.sleep(600)\n")
    report = pool(workspace, 1, timeout=40)
    errors = [(status.id, status.error) for status in report.failed]
    assert errors == [("vb/0", "timed out after 40 s (--timeout)")]
    assert report.done == len(ALL_SAMPLES) - 1


def test_a_method_that_loads_for_longer_than_a_sample_may_take(workspace: Path) -> None:
    code = (workspace / "methods" / "fake" / "method.py").read_text()
    (workspace / "methods" / "fake" / "method.py").write_text(code + "\nimport time\ntime.sleep(41)\n")
    assert pool(workspace, 1, timeout=40).failed == ()


def test_crashes_in_a_row_end_the_run(workspace: Path) -> None:
    fake_act(workspace, "    import os\n    os._exit(3)\n")
    with pytest.raises(
        MethodError,
        match=r"^a pool process failed 3 times in a row; no more retries. Last failure: the pool process exited",
    ):
        pool(workspace, 1)


def test_a_method_that_cannot_be_loaded_is_reported_once(workspace: Path) -> None:
    code = (workspace / "methods" / "fake" / "method.py").read_text()
    code += "from mevis_bench.records import DataError\ndef load(setup): raise DataError('no', location='here')\n"
    (workspace / "methods" / "fake" / "method.py").write_text(code)
    with pytest.raises(DataError, match="here: no"):
        pool(workspace, 2)


def test_a_crash_of_a_method_that_predicts_all_prompts_at_once_fails_its_sample_alone(workspace: Path) -> None:
    log_prompts(workspace, "    import os\n    if (video.id, prompt.id) == ('vc', '1'): os._exit(3)\n", eager=True)
    report = pool(workspace, 1)
    assert [(status.id, status.error) for status in report.failed] == [("vc/1", "the pool process exited with code 3")]


def test_no_prompt_is_predicted_twice_when_a_pool_process_exits(workspace: Path) -> None:
    log = log_prompts(workspace, "    import os\n    if prompt.id == '0': os._exit(3)\n", eager=False)
    assert sorted(status.id for status in pool(workspace, 1).failed) == ["va/0", "vb/0", "vc/0"]
    assert sorted(log.read_text().split()) == sorted(ALL_SAMPLES)


@pytest.mark.parametrize("timeout", [".nan", "0", "-1.5", ".inf"])
def test_invalid_time_outs_are_refused(timeout: str) -> None:
    value = float(timeout.replace(".nan", "nan").replace(".inf", "inf"))
    with pytest.raises(UsageError, match=f"--timeout: must be a positive number of seconds, got {value:g}"):
        LocalPool(1, value)
    reasons = "must be a positive number of seconds|expected a finite number|expected a number > 0"
    found = timeout.removeprefix(".")
    with pytest.raises((UsageError, DataError), match=rf"timeout'?: ({reasons}), got {found}"):
        read_run_config(None, {"task": "rvos", "method": "fake"}, (f"timeout={timeout}",))


def test_what_a_crashed_pool_process_started_ends_with_it(workspace: Path) -> None:
    pid = workspace / "pid"
    fake_act(
        workspace,
        "    import os, subprocess\n    if prompt.id != '10': return\n"
        "    child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        f"    open({str(pid)!r}, 'w').write(str(child.pid))\n    os._exit(3)\n",
    )
    assert [status.id for status in pool(workspace, 1).failed] == ["vc/10"]
    assert_all_end([int(pid.read_text())])
