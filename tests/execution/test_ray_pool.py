"""A cluster of two nodes in this process: the bytes are those of one process, even if a node is lost during a run."""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mevis_bench.config.run_config import read_run_config
from mevis_bench.execution.inline import Inline
from mevis_bench.execution.ray_pool import RayPool
from mevis_bench.records import DataError, UsageError
from mevis_bench.runs.plan import plan_run
from mevis_bench.runs.predict import RunReport, find_folder, predict
from mevis_bench.schemas.run_config import RunConfig
from tests.fixtures.runs import ALL_SAMPLES, RecordingCallback, prediction_files
from tests.fixtures.tiny_split import write_fake_method, write_tiny_split

# Logs the node (its actors are children of its raylet) and is slow.
ACT = """\
import os, time
def act(setup, video, prompt):
    time.sleep(0.4)
    with open({log!r}, 'a') as file: file.write(f'{{os.getppid()}} {{video.id}}\\n')
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    pytest.importorskip("ray", reason="ray is not installed (extra 'ray')")
    import ray
    from ray.cluster_utils import Cluster

    quick = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 3}
    small = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    cluster = Cluster()
    try:
        cluster.add_node(**small, include_dashboard=False, _system_config=quick)
        cluster.add_node(**small)
    except Exception as error:
        cluster.shutdown()
        if "timed out during startup" not in str(error):
            raise
        pytest.skip("the machine is too busy: a Ray node did not start within Ray's own 30 s")
    ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_tiny_split(tmp_path / "data")
    write_fake_method(tmp_path / "methods", ACT.format(log=str(tmp_path / "log")))
    return tmp_path


def go(place: Path, executor, out: str, seen: RecordingCallback | None = None) -> RunReport:
    config = RunConfig(
        task="rvos", method="fake", method_dir=(place / "methods",), data=place / "data", out=place / out, device="cpu"
    )
    plan = plan_run(config)
    return predict(plan, find_folder(plan), executor or Inline(plan.dataset), seen or RecordingCallback())


def test_two_nodes_give_the_same_bytes_and_errors_of_load_are_raised(place: Path, cluster) -> None:
    seen = RecordingCallback()
    report = go(place, RayPool(None), "ray", seen)
    assert (report.done, report.failed, sorted(seen.samples)) == (8, (), sorted(ALL_SAMPLES))
    assert len({line.split()[0] for line in (place / "log").read_text().splitlines()}) == 2
    assert report.manifest.costs["peak_host_bytes"] > 0
    go(place, None, "inline")
    assert prediction_files(place / "ray") == prediction_files(place / "inline")
    write_fake_method(
        place / "methods",
        "from mevis_bench.records import DataError\n"
        "def load(setup): raise DataError('is cut short', location='x.pth')\n",
    )
    with pytest.raises(DataError, match="is cut short"):
        go(place, RayPool(None), "broken")


# An actor of the second node hangs; the others wait until it has a video.
HANGS_ON_SECOND = """\
import os, pathlib, time
place = pathlib.Path({place!r})
def act(setup, video, prompt):
    if os.getppid() == int((place / 'second').read_text()):
        (place / 'in_hand').touch()
        time.sleep(60)
    while not (place / 'in_hand').exists(): time.sleep(0.05)
"""


def test_a_node_that_is_lost_during_a_run_changes_no_byte(place: Path, cluster) -> None:
    second = cluster.list_all_nodes()[-1]
    (place / "second").write_text("-1")
    write_fake_method(place / "methods", HANGS_ON_SECOND.format(place=str(place)))
    (place / "in_hand").touch()
    go(place, None, "inline")
    (place / "in_hand").unlink()
    (place / "second").write_text(str(second.all_processes["raylet"][0].process.pid))

    def kill() -> None:
        while not (place / "in_hand").exists():
            time.sleep(0.05)
        cluster.remove_node(second, allow_graceful=False)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    report = go(place, RayPool(None), "ray")
    killer.join(timeout=30)
    assert not killer.is_alive()
    assert (report.done, report.failed) == (8, ())
    assert prediction_files(place / "ray") == prediction_files(place / "inline")


def test_address_belongs_to_the_engine_ray() -> None:
    flags = {"task": "rvos", "method": "fake", "address": "auto"}
    with pytest.raises(UsageError, match=r"^--address auto: --address requires --engine ray$"):
        read_run_config(None, flags, ())
    flags = {"task": "rvos", "method": "fake", "engine": "ray", "workers": 2}
    with pytest.raises(UsageError, match="--workers and --timeout require --engine local"):
        read_run_config(None, flags, ())


def test_without_ray_the_error_names_the_extra(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError) as caught:
        go(place, RayPool(None), "run")
    assert str(caught.value) == (
        "--engine ray: the engine ray needs the package 'ray'\nInstall it: pip install 'mevis-bench[ray]'"
    )
