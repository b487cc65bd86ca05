"""Everything that ``mevis-bench run`` can be told, by flags, by a YAML file, or both."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mevis_bench.files.strict_yaml import parse_node, read_node, with_flag, with_settings
from mevis_bench.records import UsageError
from mevis_bench.records.task_names import TASK_NAMES, TaskName
from mevis_bench.schemas.yaml_files import decode_node


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One run. The keys of a run's YAML file and the flags of ``mevis-bench run`` have these names.

    Attributes:
        task: Name of the task.
        method: ``name`` or ``name:variant``.
        variant: Variant of the method; ``None``: the one in ``method``, or the default.
        options: Options of the variant that are changed (``--set method.<key>=<value>``).
        weights: ``untrained``, a file, ``NAME=FILE``, or a weights store; empty: where they are found.
        method_dir: Folders of further methods.
        data: A MeViS folder or a split; ``None``: the embedded one.
        split: Name of the split.
        data_set: Name of the data set; ``None``: recognized by its files.
        sample: ``<video>`` or ``<video>/<expression>``; empty: all.
        limit: Only the first so many samples; ``None``: all.
        bridge: Bridge to the task; ``None``: none where the method answers it itself, else the task's usual one.
        asr_model: Whisper's size, file or folder, for the bridge from speech to text.
        perturb: How frames are changed before the method sees them.
        protocol: Scoring protocol; ``None``: the default. Predictions do not depend on it.
        seed: Seed of everything random.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        engine: Where it is computed: on this machine, or on a Ray cluster with one Ray actor per device.
        address: Of the Ray cluster; ``None``: one on this machine.
        out: The run's folder; ``None``: one under ``runs/``, the same again for the same plan.
        shard: ``i/n``: only the i-th of n parts, video by video; ``None``: all.
        workers: Number of pool processes that predict in parallel.
        timeout: Seconds a sample may take; ``None``: no limit.
        retry_failed: Whether samples that failed before are tried again.
        fail_fast: Whether to stop at the first failed sample.
        max_failures: Stop after so many failed samples; ``None``: never.
    """

    task: TaskName
    method: str
    variant: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    weights: tuple[str, ...] = ()
    method_dir: tuple[Path, ...] = ()
    data: Path | None = None
    split: str = "valid_u"
    data_set: str | None = None
    sample: tuple[str, ...] = ()
    limit: int | None = None
    bridge: str | None = None
    asr_model: str = "base"
    perturb: str = "none"
    protocol: str | None = None
    seed: int = 0
    device: str = "auto"
    engine: Literal["local", "ray"] = "local"
    address: str | None = None
    out: Path | None = None
    shard: str | None = None
    workers: int = 1
    timeout: float | None = None
    retry_failed: bool = False
    fail_fast: bool = False
    max_failures: int | None = None


def read_run_config(file: Path | None, flags: Mapping[str, object], settings: Sequence[str]) -> RunConfig:
    """Put a file (or nothing), then flags, then ``--set`` settings over each other.

    Args:
        file: A YAML file; ``None``: there is none.
        flags: Values by key of ``RunConfig``, only those that were given.
        settings: ``key=value``; ``method.<key>=<value>`` sets an option of the method.

    Raises:
        UsageError: Task or method are given nowhere, or a setting has no value.
        DataError: A key is unknown or mistyped; names file and line, or the flag.
    """
    node = read_node(file) if file is not None else parse_node("{}", "the command line")
    for key, value in flags.items():
        with_flag(node, key, value)
    with_settings(node, [f"options.{each[7:]}" if each.startswith("method.") else each for each in settings])
    given = {key.value for key, _ in node.value}
    for key in ("task", "method"):
        if key not in given:
            raise UsageError(f"--{key} is missing", hint=_MISSING_HINTS[key])
    config = decode_node(node, RunConfig)
    if config.limit is not None and config.limit < 1:
        raise UsageError(f"must be at least 1, not {config.limit}", location="--limit")
    if config.workers < 1:
        raise UsageError(f"must be at least 1, not {config.workers}", location="--workers")
    if config.timeout is not None and not 0 < config.timeout < math.inf:
        raise UsageError(f"must be a positive number of seconds, got {config.timeout:g}", location="--timeout")
    if config.address is not None and config.engine != "ray":
        raise UsageError("only --engine ray goes to a cluster", location=f"--address {config.address}")
    if config.engine == "ray" and (config.workers > 1 or config.timeout is not None):
        raise UsageError("--workers and --timeout are for this machine; a cluster has one Ray actor per device")
    return config


_MISSING_HINTS = {
    "task": f"One of {', '.join(TASK_NAMES)}; see mevis-bench list tasks",
    "method": "See mevis-bench list methods",
}
