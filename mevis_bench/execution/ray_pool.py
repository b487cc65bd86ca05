"""Many workers on a Ray cluster: an actor per device takes videos; paths, ids and statuses travel, arrays never do.

The run's folder, the data and the weights have to be at the same paths on every node (a shared file system).
"""

import importlib
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from mevis_bench.execution.jobs import PredictionJob, ResourceUsage, WorkerConfig
from mevis_bench.execution.video_predictor import VideoPredictor
from mevis_bench.records import MethodError, UsageError
from mevis_bench.store.sample_index import SampleStatus

MAX_CONSECUTIVE_FAILURES = 3
"""A video whose worker was lost so often fails; so does a run that loses so many workers while they load."""

_CLOSING_SECONDS = 30.0


class RayPool:
    """Answers on a Ray cluster, long videos first; what a lost node had in hand is handed out again.

    There is one worker for every GPU of the cluster, or for every CPU where the device is ``cpu``.
    """

    def __init__(self, address: str | None, timeout: float = 600.0) -> None:
        """Remember where to go.

        Args:
            address: Of a running cluster (``auto``, ``ray://host:port``, ``host:port``); ``None``: the one this
                process is connected to, or one on this machine.
            patience: Seconds to wait for a node when none is left.
        """
        self._address = address
        self._timeout = timeout

    def execute(
        self, plan: WorkerConfig, work: Sequence[PredictionJob], costs: Callable[[ResourceUsage], None]
    ) -> Iterator[SampleStatus]:
        """See ``Executor.execute``.

        Raises:
            UsageError: Ray is not installed, or there is no cluster at the address.
            MethodError: No node is left, or workers die while they load.
        """
        ray = _import_ray()
        connected = ray.is_initialized()
        if not connected:
            try:
                ray.init(address=self._address, log_to_driver=False, include_dashboard=False, logging_level="error")
            except (ConnectionError, ValueError) as error:
                raise UsageError(f"no Ray cluster: {error}", location=f"--address {self._address}") from error
        crew = _ActorPool(ray, _absolute(plan), work, self._timeout)
        try:
            yield from crew.answer(self._count(ray, plan, len(work)))
            crew.close(costs)
        finally:
            crew.shutdown()
            if not connected:
                ray.shutdown()

    def _count(self, ray: Any, plan: WorkerConfig, videos: int) -> int:
        resources = ray.cluster_resources()
        device = "GPU" if plan.device.startswith("cuda") else "CPU"
        if device not in resources:
            raise UsageError(f"the Ray cluster has no {device}", hint="Start nodes that have one, or give --device.")
        return min(int(resources[device]), videos)


class _VideoActor:
    """Lives on a node; made a Ray actor by ``_ActorPool``."""

    def load(self, plan: WorkerConfig) -> None:
        """Load the method. Not in ``__init__``, whose exceptions Ray tells only as text."""
        self._worker = VideoPredictor(plan)

    def answer(self, video: PredictionJob) -> list[SampleStatus]:
        """Answer one video; its predictions are on disk when this returns."""
        return list(self._worker.answer(video))

    def close(self) -> ResourceUsage:
        """Let the method give back what it holds."""
        return self._worker.close()


class _ActorPool:
    """The actors of one run, what each has in hand, and what is left to do."""

    def __init__(self, ray: Any, plan: WorkerConfig, work: Sequence[PredictionJob], timeout: float) -> None:
        self._ray = ray
        self._plan = plan
        self._timeout = timeout
        self._queue = deque(sorted(work, key=lambda video: -video.frames * len(video.expression_ids)))
        self._idle: deque[Any] = deque()
        # Per reference of a call under way: the actor, and the video it answers (None: it is loading).
        self._calls: dict[Any, tuple[Any, PredictionJob | None]] = {}
        self._lost: Counter[str | None] = Counter()
        resources = {"num_gpus": 1} if plan.device.startswith("cuda") else {"num_cpus": 1}
        self._actor = ray.remote(_VideoActor).options(scheduling_strategy="SPREAD", **resources)

    def answer(self, workers: int) -> Iterator[SampleStatus]:
        """Hand out everything; yield what comes back."""
        for _ in range(workers):
            self._start_actor()
        while self._queue or any(video for _, video in self._calls.values()):
            while self._queue and self._idle:
                actor, video = self._idle.popleft(), self._queue.popleft()
                self._calls[actor.answer.remote(video)] = actor, video
            yield from self._next()

    def close(self, costs: Callable[[ResourceUsage], None]) -> None:
        """Close the actors that are left and tell what they used."""
        for actor in self._idle:
            with suppress(self._ray.exceptions.RayError):
                costs(self._ray.get(actor.close.remote(), timeout=_CLOSING_SECONDS))

    def shutdown(self) -> None:
        """End every actor at once."""
        for actor in [*self._idle, *(actor for actor, _ in self._calls.values())]:
            self._ray.kill(actor)

    def _start_actor(self) -> None:
        """Start an actor. It gets no video before it has loaded, so one that finds no room holds nothing up."""
        actor = self._actor.remote()
        self._calls[actor.load.remote(self._plan)] = actor, None

    def _next(self) -> Iterator[SampleStatus]:
        """Wait for one call to end."""
        alone = not any(video for _, video in self._calls.values())
        ended, _ = self._ray.wait(list(self._calls), num_returns=1, timeout=self._timeout if alone else None)
        if not ended:
            raise MethodError(
                f"no node of the Ray cluster could run a worker for {self._timeout:g} s",
                hint="Everything finished before is on disk; the same command continues.",
            )
        actor, video = self._calls.pop(ended[0])
        try:
            statuses = self._ray.get(ended[0])
        except self._ray.exceptions.RayTaskError as error:
            self._idle.append(actor)
            raise error.cause from error
        except self._ray.exceptions.RayActorError:
            yield from self._replace(video)
            return
        self._idle.append(actor)
        if video is not None:
            yield from statuses

    def _replace(self, video: PredictionJob | None) -> Iterator[SampleStatus]:
        """An actor was lost: hand out its video again, or fail it, and start another actor."""
        key = None if video is None else video.video_id
        self._lost[key] += 1
        if video is None and self._lost[key] >= MAX_CONSECUTIVE_FAILURES:
            raise MethodError(f"{MAX_CONSECUTIVE_FAILURES} workers died while they loaded '{self._plan.chosen.name}'")
        if video is not None and self._lost[key] >= MAX_CONSECUTIVE_FAILURES:
            told = f"the worker was lost {MAX_CONSECUTIVE_FAILURES} times while it answered this video"
            for one in video.expression_ids:
                yield SampleStatus(f"{video.video_id}/{one}", "failed", 0.0, 0.0, video.frames, told, None)
        elif video is not None:
            self._queue.appendleft(video)
        self._start_actor()


def _absolute(plan: WorkerConfig) -> WorkerConfig:
    """Return a plan that means the same in another working directory; Ray itself picks the GPU an actor sees."""
    return replace(
        plan,
        device=plan.device.partition(":")[0],
        data=plan.data and plan.data.resolve(),
        weights=plan.weights and {name: path.resolve() for name, path in plan.weights.items()},
        out=plan.out.resolve(),
    )


def _import_ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError:
        hint = "Install it: pip install 'mevis-bench[ray]'"
        raise UsageError("the engine ray needs the package 'ray'", location="--engine ray", hint=hint) from None
