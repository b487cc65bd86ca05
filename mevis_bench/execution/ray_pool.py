"""Ray actors on a cluster, one per device; paths, ids and statuses travel, arrays never do.

The run's folder, the data and the weights have to be at the same paths on every node (a shared file system).
"""

import importlib
import socket
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from mevis_bench.execution.jobs import PredictionJob, PredictorConfig, ResourceUsage, longest_first
from mevis_bench.execution.video_predictor import VideoPredictor
from mevis_bench.records import MethodError, UsageError
from mevis_bench.records.retry import RESUME_HINT, RetryPolicy
from mevis_bench.schemas.samples import SampleStatus

_CLOSE_TIMEOUT = 30.0

_HEAD_INTERVAL = 5.0
"""Seconds between two looks at the head. Ray ends this process, without an exception, when it has missed it for 60."""

_HEAD_MISSES = 3
"""Looks in a row that fail before the head is lost."""

_LOST = f"{RESUME_HINT} Without --engine ray and --address it resumes on this machine."


class RayPool:
    """Predicts in Ray actors, long videos first; the video of a lost actor is dispatched again.

    There is one actor for every GPU of the cluster, or for every CPU where the device is ``cpu``.
    """

    def __init__(self, address: str | None, node_timeout: float = 600.0) -> None:
        """Create a pool; it connects in ``execute``.

        Args:
            address: Of a running cluster (``auto``, ``ray://host:port``, ``host:port``); ``None``: the one this
                process is connected to, or one on this machine.
            node_timeout: Seconds to wait for a node when none is left.
        """
        self._address = address
        self._node_timeout = node_timeout

    def execute(
        self,
        config: PredictorConfig,
        jobs: Sequence[PredictionJob],
        report_usage: Callable[[ResourceUsage], None],
    ) -> Iterator[SampleStatus]:
        """See ``Executor.execute``.

        Raises:
            UsageError: Ray is not installed, or there is no cluster at the address.
            MethodError: No node is left, the head is lost, or actors crash while they load.
        """
        ray = _import_ray()
        connected = ray.is_initialized()
        if not connected:
            try:
                ray.init(address=self._address, log_to_driver=False, include_dashboard=False, logging_level="error")
            except (ConnectionError, ValueError) as error:
                raise UsageError(f"cannot connect to Ray: {error}", location=f"--address {self._address}") from error
        actors = _ActorPool(ray, _absolute(config), jobs, self._node_timeout)
        try:
            yield from actors.predict(self._count(ray, config, len(jobs)))
            actors.close(report_usage)
        except (ConnectionError, ray.exceptions.RayError) as error:
            raise MethodError(f"the connection to the Ray cluster was lost: {error!s:.500}", hint=_LOST) from error
        finally:
            actors.shutdown()
            if not connected:
                ray.shutdown()

    def _count(self, ray: Any, config: PredictorConfig, videos: int) -> int:
        resources = ray.cluster_resources()
        device = "GPU" if config.device.startswith("cuda") else "CPU"
        if device not in resources:
            raise UsageError(f"the Ray cluster has no {device}", hint="Start nodes that have one, or give --device.")
        return min(int(resources[device]), videos)


class _HeadLostError(ConnectionError):
    """Nothing answers at the head's address; calls to Ray would wait for it."""


class _Head:
    """The head of a cluster, seen from this process.

    Args:
        address: Host and port of its control service; a text of another form is never lost.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._address = (host, int(port)) if host and port.isdigit() else None
        self._misses = 0

    @property
    def lost(self) -> bool:
        """Whether ``check`` has found it lost."""
        return self._misses >= _HEAD_MISSES

    def check(self) -> None:
        """Connect to it.

        Raises:
            _HeadLostError: It was not, this time and the times before.
        """
        if self._address is None:
            return
        try:
            socket.create_connection(self._address, timeout=_HEAD_INTERVAL).close()
            self._misses = 0
        except OSError as error:
            self._misses += 1
            if self.lost:
                raise _HeadLostError(f"nothing answers at {':'.join(map(str, self._address))}: {error}") from error


class _PredictionActor:
    """A predictor on a node; made a Ray actor by ``_ActorPool``."""

    def load(self, config: PredictorConfig) -> None:
        """Load the method. Not in ``__init__``, whose exceptions Ray reports only as text."""
        self._predictor = VideoPredictor(config)

    def predict(self, job: PredictionJob) -> list[SampleStatus]:
        """Predict one video; its predictions are on disk when this returns."""
        return list(self._predictor.predict(job))

    def close(self) -> ResourceUsage:
        """Release the method's resources and return what it used."""
        return self._predictor.close()


class _ActorPool:
    """The actors of one run, the calls in progress, and the queue of videos."""

    def __init__(self, ray: Any, config: PredictorConfig, jobs: Sequence[PredictionJob], node_timeout: float) -> None:
        self._ray = ray
        self._config = config
        self._node_timeout = node_timeout
        self._head = _Head(ray.get_runtime_context().gcs_address)
        self._queue = deque(longest_first(jobs))
        self._idle: deque[Any] = deque()
        # By reference of a call in progress: the actor, and the video it predicts (None: it is loading).
        self._calls: dict[Any, tuple[Any, PredictionJob | None]] = {}
        self._loading = RetryPolicy()
        self._videos: defaultdict[str, RetryPolicy] = defaultdict(RetryPolicy)
        resources = {"num_gpus": 1} if config.device.startswith("cuda") else {"num_cpus": 1}
        self._actor_class = ray.remote(_PredictionActor).options(scheduling_strategy="SPREAD", **resources)

    def predict(self, actors: int) -> Iterator[SampleStatus]:
        """Dispatch the whole queue; yield the statuses that come back."""
        for _ in range(actors):
            self._start_actor()
        while self._queue or any(job for _, job in self._calls.values()):
            while self._queue and self._idle:
                actor, job = self._idle.popleft(), self._queue.popleft()
                self._calls[actor.predict.remote(job)] = actor, job
            yield from self._next()

    def close(self, report_usage: Callable[[ResourceUsage], None]) -> None:
        """Close the actors that are left and report their resource usage."""
        for actor in self._idle:
            with suppress(self._ray.exceptions.RayError):
                report_usage(self._ray.get(actor.close.remote(), timeout=_CLOSE_TIMEOUT))

    def shutdown(self) -> None:
        """Kill every actor."""
        # Without a head nothing can be killed; the actors end with the cluster.
        if self._head.lost:
            return
        with suppress(ConnectionError, self._ray.exceptions.RayError):
            for actor in [*self._idle, *(actor for actor, _ in self._calls.values())]:
                self._ray.kill(actor)

    def _start_actor(self) -> None:
        """Start an actor. It gets no video before it has loaded, so one that finds no room blocks nothing."""
        actor = self._actor_class.remote()
        self._calls[actor.load.remote(self._config)] = actor, None

    def _next(self) -> Iterator[SampleStatus]:
        """Wait for one call to end."""
        all_loading = not any(job for _, job in self._calls.values())
        timeout = self._node_timeout if all_loading else None
        deadline = None if timeout is None else time.monotonic() + timeout
        while not (ended := self._ray.wait(list(self._calls), num_returns=1, timeout=_HEAD_INTERVAL)[0]):
            self._head.check()
            if deadline is not None and time.monotonic() > deadline:
                break
        if not ended:
            raise MethodError(
                f"no node of the Ray cluster could run an actor within {self._node_timeout:g} s", hint=RESUME_HINT
            )
        actor, job = self._calls.pop(ended[0])
        try:
            statuses = self._ray.get(ended[0])
        except self._ray.exceptions.RayTaskError as error:
            self._idle.append(actor)
            raise error.cause from error
        except self._ray.exceptions.RayActorError as error:
            yield from self._replace_actor(job, str(error))
            return
        self._idle.append(actor)
        if job is None:
            self._loading.record_success()
        else:
            yield from statuses

    def _replace_actor(self, job: PredictionJob | None, reason: str) -> Iterator[SampleStatus]:
        """Requeue the video of a lost actor, or fail it when there are no more retries, and start another actor."""
        if job is None:
            self._loading.record_failure(reason)
            self._loading.check(f"a Ray actor that loads '{self._config.method.name}'")
        else:
            retry = self._videos[job.video_id]
            retry.record_failure(reason)
            if retry.exhausted:
                error = f"the Ray actor was lost every time it predicted this video; the last time: {reason}"
                for expression_id in job.expression_ids:
                    yield SampleStatus(f"{job.video_id}/{expression_id}", "failed", 0.0, 0.0, job.frames, error, None)
            else:
                self._queue.appendleft(job)
        self._start_actor()


def _absolute(config: PredictorConfig) -> PredictorConfig:
    """Return a config for another working directory; Ray itself selects the GPU that an actor sees."""
    return replace(
        config,
        device=config.device.partition(":")[0],
        data=config.data and config.data.resolve(),
        weights=config.weights and {name: path.resolve() for name, path in config.weights.items()},
        out=config.out.resolve(),
    )


def _import_ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError:
        hint = "Install it: pip install 'mevis-bench[ray]'"
        raise UsageError("the engine ray needs the package 'ray'", location="--engine ray", hint=hint) from None
