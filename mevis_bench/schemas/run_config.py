"""A run's configuration: ``mevis-bench run FILE``, and each run of a suite."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from mevis_bench.records.task_names import TaskName


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One run. The keys of a run's YAML file and the options of ``mevis-bench run`` have these names.

    Attributes:
        task: Name of the task.
        method: ``name`` or ``name:variant``.
        variant: Variant of the method; ``None``: the one in ``method``, or the default.
        options: Changed options of the variant (``--set method.<key>=<value>``).
        weights: ``untrained``, a file, ``NAME=FILE``, or a weights store; empty: shipped or stored ones.
        method_dir: Folders of additional methods.
        data: A MeViS folder or a split; ``None``: the bundled split.
        split: Name of the split; ``None``: the data set's usual one, for instance ``valid_u`` of MeViS.
        data_set: Name of the data set; ``None``: recognized by its files.
        videos: Names of videos and ranges ``<first>..<last>`` in the order of the split, both included; empty: all.
        sample: ``<video>`` or ``<video>/<expression>``; empty: all.
        limit: Only the first ``limit`` samples; ``None``: all.
        bridge: Bridge to the task; ``None``: none if the method supports the task, else the task's default bridge.
        asr_model: Whisper's size, file or folder, for the bridge from speech to text.
        perturb: Change of the frames or the words before the method sees them.
        protocol: Scoring protocol; ``None``: that of the data set. Predictions do not depend on it.
        seed: Seed of all random numbers.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        compile: Whether the repeated layers of the method's networks go through ``torch.compile``.
        engine: ``local``: this machine; ``ray``: a Ray cluster with one worker per device.
        address: Address of the Ray cluster; ``None``: one on this machine.
        out: The run's folder; ``None``: a folder in ``runs/``, the same one for the same plan.
        shard: ``i/n``: only the i-th of n parts of the videos; ``None``: all.
        workers: Number of processes that predict in parallel.
        timeout: Limit in seconds per sample; ``None``: no limit.
        retry_failed: Whether samples that failed before are tried again.
        fail_fast: Whether to stop at the first failed sample.
        max_failures: Stop after this number of failed samples; ``None``: never.
    """

    task: TaskName
    method: str
    variant: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    weights: tuple[str, ...] = ()
    method_dir: tuple[Path, ...] = ()
    data: Path | None = None
    split: str | None = None
    data_set: str | None = None
    videos: tuple[str, ...] = ()
    sample: tuple[str, ...] = ()
    limit: Annotated[int, Meta(ge=1)] | None = None
    bridge: str | None = None
    asr_model: str = "base"
    perturb: str = "none"
    protocol: str | None = None
    seed: int = 0
    device: str = "auto"
    compile: bool = False
    engine: Literal["local", "ray"] = "local"
    address: str | None = None
    out: Path | None = None
    shard: str | None = None
    workers: Annotated[int, Meta(ge=1)] = 1
    timeout: Annotated[float, Meta(gt=0)] | None = None
    retry_failed: bool = False
    fail_fast: bool = False
    max_failures: Annotated[int, Meta(ge=1)] | None = None

    renamed_fields: ClassVar[Mapping[str, str]] = {"recogniser": "asr_model"}
