"""What an executor is given and what it gives back; small values that cross process boundaries."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mevis_bench.methods.bridges import Bridge
from mevis_bench.methods.registry import ResolvedMethod
from mevis_bench.records import MethodError
from mevis_bench.store.sample_index import SampleStatus


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Everything a worker needs, the same for all videos of a run.

    Attributes:
        task: ``rvos``, ``avos``, ``rmot`` or ``rmeg``.
        chosen: The method and its variant.
        options: Handed to the method.
        weights: Local files by name; ``None``: seeded random weights.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        seed: Seed of everything random.
        data: Folder of the data; ``None``: the embedded split.
        split: Name of the split.
        perturb: How frames are changed before the method sees them; ``none``: not at all.
        out: The run's folder.
        data_set: Name of the data set; ``None``: recognized by its files.
        bridge: What turns the method's task into this one; ``None``: it answers the task itself.
    """

    task: str
    chosen: ResolvedMethod
    options: Mapping[str, object]
    weights: Mapping[str, Path] | None
    device: str
    seed: int
    data: Path | None
    split: str
    perturb: str
    out: Path
    bridge: Bridge | None = None
    data_set: str | None = None


@dataclass(frozen=True, slots=True)
class PredictionJob:
    """One video and the expressions still to be answered about it.

    Attributes:
        video_id: The video.
        expression_ids: In order of the data set.
        frames: Its length, so that long videos can be started first.
    """

    video_id: str
    expression_ids: tuple[str, ...]
    frames: int


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """What a worker used up.

    Attributes:
        device: Name of the device.
        parameters: Parameters of the method's models; ``None``: it has none that can be counted.
        trainable: Of these, those that training changes.
        peak_host_bytes: Largest resident memory of the worker's process.
        peak_device_bytes: Largest memory allocated on the device; ``None``: no CUDA device was used.
    """

    device: str
    parameters: int | None
    trainable: int | None
    peak_host_bytes: int
    peak_device_bytes: int | None


class Executor(Protocol):
    """Where predictions are computed."""

    def execute(
        self, plan: WorkerConfig, work: Sequence[PredictionJob], costs: Callable[[ResourceUsage], None]
    ) -> Iterator[SampleStatus]:
        """Answer all videos.

        Predictions are on disk when their status is yielded; arrays never travel. Statuses come as samples end, in any
        order between videos. ``costs`` is called once for every worker that ended well.

        Raises:
            MevisBenchError: The method could not be loaded.
            MethodUnavailableError: It can't be asked any more.
            OSError: The disk is full.
        """
        ...


class MethodUnavailableError(MethodError):
    """A method can't be asked any more (its process died again and again): the run stops, samples left stay open."""
