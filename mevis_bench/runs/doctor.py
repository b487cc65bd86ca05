"""Checks of this machine: missing packages, programs, devices and files, and how to get them."""

import importlib.metadata
import os
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic.speech import VOICES, require_voices
from mevis_bench.methods.method_list import weights_overview
from mevis_bench.methods.registry import find_methods
from mevis_bench.methods.weights import parse_weights
from mevis_bench.metrics.java import JavaMissingError, check_java
from mevis_bench.records import MevisBenchError, UsageError
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.runs.system_info import resolve_device

DISTRIBUTION = "mevis-bench"

EXTRAS: Mapping[str, str] = {
    "asr": "speech to text by Whisper (--bridge speech_to_text)",
    "rmeg": "METEOR and CIDEr",
    "verify": "score --verify of tracks",
    "ray": "run --engine ray",
    "plots": "loss curves of train",
    "video": "try with video files",
    "notebook": "data frames and Parquet",
    "spacy": "DsHmp's split of words",
}
"""Extras of the distribution for users, and what each is for."""

MIN_DISK = 2**30
"""Free bytes that a run and its predictions should have."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is or is not on this machine.

    Attributes:
        name: What was looked for.
        needed_for: What does not work without it.
        required: Whether nothing works without it, or it was requested.
        found: What was found; ``None``: it is missing.
        how: How to get it; empty where it was found.
    """

    name: str
    needed_for: str
    required: bool
    found: str | None
    how: str = ""

    @property
    def fails(self) -> bool:
        """Whether it is missing and required."""
        return self.required and self.found is None


class _MissingError(Exception):
    """Something is missing; the text says how to get it."""


def check_machine(required: Collection[str] = ()) -> list[Check]:
    """Check everything; nothing is changed or downloaded.

    Args:
        required: Names of optional things that are to count as required.

    Raises:
        UsageError: A name is unknown.
    """
    optional = {
        "gpu": ("fast inference and training", _gpu),
        "java": ("METEOR and CIDEr of task rmeg", _java),
        "speech": ("data make-mini --speech", _voices),
        "weights": ("methods with weights", _weights),
        **{extra: (purpose, _extra(extra)) for extra, purpose in EXTRAS.items()},
    }
    for name in required:
        if name not in optional:
            raise UsageError(f"unknown check {name!r}", location="--require", hint=did_you_mean(name, list(optional)))
    always = {
        "packages": ("everything", _packages),
        "disk": ("predictions and scores in the working directory", _disk),
        "data": ("runs", _data),
    }
    return [
        *(_check(name, purpose, True, look) for name, (purpose, look) in always.items()),
        *(_check(name, purpose, name in required, look) for name, (purpose, look) in optional.items()),
    ]


def _check(name: str, needed_for: str, required: bool, look: Callable[[], str]) -> Check:
    try:
        return Check(name, needed_for, required, look())
    except _MissingError as missing:
        return Check(name, needed_for, required, None, str(missing))
    except MevisBenchError as error:
        return Check(name, needed_for, required, None, error.hint or str(error))


def _packages() -> str:
    try:
        version = importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        raise _MissingError("mevis-bench is not installed: pip install -e . in a checkout") from None
    problems = _unmet("")
    if problems:
        raise _MissingError(f"pip install {' '.join(repr(each) for each in problems)}")
    return f"mevis-bench {version} and its requirements"


def _extra(extra: str) -> Callable[[], str]:
    def look() -> str:
        if _unmet(extra):
            raise _MissingError(f"pip install '{DISTRIBUTION}[{extra}]'")
        return "installed"

    return look


def _unmet(extra: str) -> list[str]:
    """Return the requirements of an extra, ``""`` those of the package itself, that are not installed."""
    from packaging.requirements import Requirement

    try:
        lines = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        raise _MissingError("mevis-bench is not installed: pip install -e . in a checkout") from None
    unmet = []
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        if extra == "" and marker is not None and not marker.evaluate({"extra": ""}):
            continue
        if extra != "" and (marker is None or marker.evaluate({"extra": ""}) or not marker.evaluate({"extra": extra})):
            continue
        try:
            installed = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            unmet.append(f"{requirement.name}{requirement.specifier}")
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            unmet.append(f"{requirement.name}{requirement.specifier}")
    return unmet


def _disk() -> str:
    here = Path.cwd()
    if not os.access(here, os.W_OK):
        raise _MissingError(f"{here} cannot be written: change to another folder")
    free = shutil.disk_usage(here).free
    if free < MIN_DISK:
        raise _MissingError(f"{free / 2**30:.1f} GiB are free at {here}: free {MIN_DISK / 2**30:.0f} GiB")
    return f"{free / 2**30:.0f} GiB free"


def _data() -> str:
    folder = os.environ.get("MEVIS_BENCH_DATA")
    split = open_dataset(Path(folder) if folder else None, os.environ.get("MEVIS_BENCH_SPLIT"), None)
    where = folder or "bundled mini split"
    return f"{split.info.title}, {split.split}: {len(split.video_ids)} videos ({where})"


def _gpu() -> str:
    if resolve_device("auto") == "cpu":
        raise _MissingError("a CUDA device and the CUDA build of torch, see pytorch.org; without: --device cpu")
    import torch

    return ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))


def _java() -> str:
    try:
        return check_java()
    except JavaMissingError as error:
        raise _MissingError(f"pip install '{DISTRIBUTION}[rmeg]' brings it") from error


def _voices() -> str:
    require_voices(VOICES)
    return "flite and festival"


def _weights() -> str:
    rows = weights_overview(find_methods(), parse_weights(()).store)
    here = sum(row.state != "missing" for row in rows)
    if here < len(rows):
        raise _MissingError(f"{here} of {len(rows)} files are here: mevis-bench weights list names the sources")
    return f"all {len(rows)} files"
