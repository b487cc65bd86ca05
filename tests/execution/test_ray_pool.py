"""A cluster of two nodes in this process: the bytes are those of one process, even if a node is lost during a run."""

import socket
import subprocess
import sys
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from mevis_bench.config.run_config import read_run_config
from mevis_bench.execution import ray_pool
from mevis_bench.execution.inline import Inline
from mevis_bench.execution.ray_pool import RayPool
from mevis_bench.records import DataError, ExitCode, MethodError, UsageError
from mevis_bench.records.retry import RESUME_HINT
from mevis_bench.runs.plan import plan_run
from mevis_bench.runs.predict import RunReport, find_folder, predict
from mevis_bench.schemas.run_config import RunConfig
from tests.fixtures.runs import ALL_SAMPLES, RecordingCallback, prediction_files, run_once
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


@pytest.mark.timeout(600)
def test_the_head_of_a_real_cluster_is_lost_during_a_run_and_the_run_resumes_on_this_machine(place: Path) -> None:
    pytest.importorskip("ray", reason="ray is not installed (extra 'ray')")
    run_once(place, out=place / "inline")
    (place / "log").unlink()
    words = [sys.executable, "-m", "mevis_bench", "run", "--task", "rvos", "--method", "fake", "--device", "cpu"]
    words += ["--method-dir", str(place / "methods"), "--data", str(place / "data"), "--out", str(place / "run")]
    script = place / "head.py"
    script.write_text(HEAD)
    head = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert head.stdin is not None
        assert head.stdout is not None
        address = head.stdout.readline().strip()
        if not address:
            pytest.skip("the machine is too busy: the Ray head did not start within Ray's own 30 s")
        run = subprocess.Popen([*words, "--engine", "ray", "--address", address], stderr=subprocess.PIPE, text=True)
        while run.poll() is None and not (place / "log").exists():
            time.sleep(0.05)
        head.stdin.write("lost\n")
        head.stdin.flush()
        err = run.communicate(timeout=120)[1]
    finally:
        head.communicate(timeout=60)  # its input ends, and with it the rest of the cluster
    assert run.returncode == ExitCode.FAILED, err
    assert err.count("error: ") == 1
    assert f"error: the connection to the Ray cluster was lost: nothing answers at {address}: " in err
    assert err.endswith(f"{RESUME_HINT} Without --engine ray and --address it resumes on this machine.\n")
    assert "Traceback" not in err
    assert run_once(place).done == len(ALL_SAMPLES)
    assert prediction_files(place / "run") == prediction_files(place / "inline")


# Starts a head and prints its address; at a line of input kills its control service, which is what makes it the head.
HEAD = """\
import sys
from ray.cluster_utils import Cluster
cluster = Cluster()
node = cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20, include_dashboard=False)
print(cluster.address, flush=True)
sys.stdin.readline()
node.kill_gcs_server(check_alive=False)
sys.stdin.readline()
"""


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


class FakeRay:
    """A fake Ray whose head is lost after ``alive`` calls of ``wait``; its actors live in this process."""

    class exceptions:  # noqa: N801, the name that Ray has
        class RayError(Exception):
            pass

        class RayTaskError(RayError):
            pass

        class RayActorError(RayError):
            pass

    def __init__(self, alive: int, lost: type[Exception]) -> None:
        self._alive, self._lost = alive, lost
        self.actors: list[object] = []

    def get_runtime_context(self):
        return types.SimpleNamespace(gcs_address="a client's, which has none")

    def is_initialized(self) -> bool:
        return True

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 1.0}

    def remote(self, kind: type) -> "FakeRay":
        self._kind = kind
        return self

    def options(self, **_: object):
        kind, actors = self._kind, self.actors

        class Method:
            def __init__(self, call) -> None:
                self.remote = lambda *arguments: Reference(call, arguments)

        class Reference:
            def __init__(self, call, arguments) -> None:
                self.call, self.arguments = call, arguments

        class Actor:
            def __init__(self) -> None:
                actor = kind()
                actors.append(actor)
                self.load, self.predict, self.close = map(Method, (actor.load, actor.predict, actor.close))

        return type("ActorClass", (), {"remote": staticmethod(Actor)})

    def wait(self, references, num_returns: int, timeout: float | None):
        self._alive -= 1
        if self._alive < 0:
            raise self._lost("Failed to connect to GCS")
        return references[:num_returns], references[num_returns:]

    def get(self, reference, timeout: float | None = None):
        return reference.call(*reference.arguments)

    def kill(self, actor: object) -> None:
        if self._alive < 0:
            raise self._lost("Failed to connect to GCS")


@pytest.mark.parametrize("lost", [FakeRay.exceptions.RayError, ConnectionError])
def test_a_lost_head_is_one_error_and_the_run_resumes_on_this_machine(
    place: Path, monkeypatch: pytest.MonkeyPatch, lost: type[Exception]
) -> None:
    write_fake_method(place / "methods")
    run_once(place, out=place / "inline")
    fake = FakeRay(2, lost)
    monkeypatch.setitem(sys.modules, "ray", fake)
    with pytest.raises(MethodError) as caught:
        go(place, RayPool("auto"), "run")
    assert str(caught.value) == (
        "the connection to the Ray cluster was lost: Failed to connect to GCS\n"
        f"{RESUME_HINT} Without --engine ray and --address it resumes on this machine."
    )
    assert len(prediction_files(place / "run")) == 1
    for actor in fake.actors:  # they end with the cluster
        actor.close()
    assert run_once(place).done == len(ALL_SAMPLES)
    assert prediction_files(place / "run") == prediction_files(place / "inline")


def test_a_head_that_misses_three_looks_in_a_row_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        head = ray_pool._Head(f"127.0.0.1:{port}")
        head.check()
    for _ in range(2):
        head.check()
    with socket.create_server(("127.0.0.1", port)):
        head.check()
    assert not head.lost
    for _ in range(2):
        head.check()
    with pytest.raises(ConnectionError, match=f"nothing answers at 127.0.0.1:{port}: "):
        head.check()
    assert head.lost
