"""Many workers give the bytes of one; dead and hanging ones cost one sample each."""

from pathlib import Path

import pytest

from mevis_bench.execution.local_pool import LocalPool
from mevis_bench.records import DataError, MethodError
from mevis_bench.runs.plan import plan_run
from mevis_bench.runs.predict import find_folder, predict
from tests.runs.test_predict import ALL, Seen, act, config, go, place, predictions

__all__ = ["place"]


def pool(location: Path, workers: int, timeout: float | None = None, out: str = "pool"):
    plan = plan_run(config(location, out=location / out))
    return predict(plan, find_folder(plan), LocalPool(workers, timeout), Seen())


def test_workers_give_the_bytes_of_one_process(place: Path) -> None:
    alone = go(place)
    many = pool(place, 3)
    assert many.done == len(ALL)
    assert predictions(many.folder.path) == predictions(alone.folder.path)
    assert many.manifest.costs["peak_host_bytes"] > 0


def test_a_worker_that_dies_fails_its_sample_and_the_video_goes_on(place: Path) -> None:
    act(place, "    import os\n    if prompt.id == '1' and video.id == 'vc': os.kill(os.getpid(), 9)\n")
    report = pool(place, 2)
    assert [(status.id, status.error) for status in report.failed] == [("vc/1", "the worker was killed by SIGKILL")]
    assert report.done == len(ALL) - 1


def test_costs_are_told_though_the_last_sample_ends_its_worker(place: Path) -> None:
    act(place, "    import os\n    os._exit(3)\n")
    plan = plan_run(config(place, sample=("vc/10",)))
    report = predict(plan, find_folder(plan), LocalPool(1), Seen())
    assert [status.id for status in report.failed] == ["vc/10"]
    assert report.manifest.costs["peak_host_bytes"] > 0


@pytest.mark.parametrize(
    ("at_the_second_load", "message"),
    [
        ("raise DataError('no', location='here')", "here: no"),
        (
            "os._exit(3)",
            "no sample is left, but a worker ended with exit code 3 before it told its costs\nEverything",
        ),
    ],
)
def test_a_worker_started_for_the_costs_alone_can_fail_too(place: Path, at_the_second_load: str, message: str) -> None:
    act(place, "    import os\n    os._exit(3)\n")
    code = (place / "methods" / "fake" / "method.py").read_text()
    first = place / "loaded"
    fault = (
        "\nimport os\nfrom pathlib import Path\nfrom mevis_bench.records import DataError\n"
        f"if Path({str(first)!r}).exists(): {at_the_second_load}\nPath({str(first)!r}).touch()\n"
    )
    (place / "methods" / "fake" / "method.py").write_text(code + fault)
    plan = plan_run(config(place, sample=("vc/10",)))
    first.unlink(missing_ok=True)
    with pytest.raises((DataError, MethodError), match=message):
        predict(plan, find_folder(plan), LocalPool(1), Seen())


def test_a_worker_that_hangs_is_stopped(place: Path) -> None:
    act(place, "    import time\n    if prompt.id == '0' and video.id == 'vb': time.sleep(600)\n")
    report = pool(place, 1, timeout=8)
    assert [(status.id, status.error) for status in report.failed] == [("vb/0", "took longer than 8 s")]
    assert report.done == len(ALL) - 1


def test_a_method_that_loads_for_longer_than_a_sample_may_take(place: Path) -> None:
    code = (place / "methods" / "fake" / "method.py").read_text()
    (place / "methods" / "fake" / "method.py").write_text(code + "\nimport time\ntime.sleep(9)\n")
    assert pool(place, 1, timeout=8).failed == ()


def test_workers_that_always_die_end_the_run(place: Path) -> None:
    act(place, "    import os\n    os._exit(3)\n")
    with pytest.raises(MethodError, match="3 workers in a row ended without an answer; the last: the worker"):
        pool(place, 1)


def test_a_method_that_can_not_be_loaded_is_told_once(place: Path) -> None:
    code = (place / "methods" / "fake" / "method.py").read_text()
    fault = "from mevis_bench.records import DataError\ndef load(setup): raise DataError('no', location='here')\n"
    (place / "methods" / "fake" / "method.py").write_text(code + fault)
    with pytest.raises(DataError, match="here: no"):
        pool(place, 2)
