"""Input and output of executors: small values that cross process boundaries."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mevis_bench.methods.bridges import Bridge
from mevis_bench.methods.registry import ResolvedMethod
from mevis_bench.schemas.samples import SampleStatus


@dataclass(frozen=True, slots=True)
class PredictorConfig:
    """Arguments of ``VideoPredictor``, the same for all videos of a run.

    Attributes:
        task: ``rvos``, ``avos``, ``rmot`` or ``rmeg``.
        method: The method and its variant.
        options: Options of the variant.
        weights: Local files by name; ``None``: seeded random weights.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        seed: Seed of everything random.
        data: Folder of the data; ``None``: the bundled split.
        split: Name of the split.
        perturb: Perturbation of the frames; ``none``: they stay as they are.
        out: The run's folder.
        data_set: Name of the data set; ``None``: recognized by its files.
        bridge: Bridge from the method's task to this one; ``None``: the method supports the task itself.
        compile: Whether the networks' repeated layers are compiled.
    """

    task: str
    method: ResolvedMethod
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
    compile: bool = False


@dataclass(frozen=True, slots=True)
class PredictionJob:
    """One video and its expressions that have no prediction yet.

    Attributes:
        video_id: The video.
        expression_ids: In order of the data set.
        frames: Number of frames, so that long videos can be started first.
        one_by_one: Whether every prompt goes into a ``predict`` call of its own, because a call with several failed and
            it is not known at which prompt.
    """

    video_id: str
    expression_ids: tuple[str, ...]
    frames: int
    one_by_one: bool = False


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """Resources used by one process that predicted.

    Attributes:
        device: Name of the device.
        parameters: Number of parameters of the method's models; ``None``: there are none that can be counted.
        trainable: Number of those that training changes.
        peak_host_bytes: Largest resident memory of the process.
        peak_device_bytes: Largest memory allocated on the device; ``None``: no CUDA device was used.
        counters: What the method counted itself (:class:`mevis_bench.records.usage_counters.CountsUsage`).
    """

    device: str
    parameters: int | None
    trainable: int | None
    peak_host_bytes: int
    peak_device_bytes: int | None
    counters: Mapping[str, float] = field(default_factory=dict)


class Executor(Protocol):
    """Computes the predictions of a run."""

    def execute(
        self,
        config: PredictorConfig,
        jobs: Sequence[PredictionJob],
        report_usage: Callable[[ResourceUsage], None],
    ) -> Iterator[SampleStatus]:
        """Predict all videos.

        Predictions are on disk when their status is yielded; arrays never travel. Statuses come as samples end, in any
        order between videos. ``report_usage`` is called once per process, actor or in-process run that ended well.

        Raises:
            MevisBenchError: The method could not be loaded.
            MethodUnavailableError: Its process keeps failing.
            OSError: The disk is full.
        """
        ...


def longest_first(jobs: Sequence[PredictionJob]) -> list[PredictionJob]:
    """Sort jobs by frames times expressions, descending, so that no long video is started last."""
    return sorted(jobs, key=lambda job: -job.frames * len(job.expression_ids))
