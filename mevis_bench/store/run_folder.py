"""A run on disk: ``manifest.json``, ``samples.jsonl``, ``predictions/<video>.jsonl``, then what scoring writes.

What two undisturbed, resumed, sharded or parallel runs of one plan share byte for byte: ``predictions/``,
``scores.jsonl`` and ``results.json``. Clocks, machines and paths stand only in ``manifest.json`` and
``samples.jsonl`` (whose lines may also be in another order).
"""

import fcntl
import hashlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal

from mevis_bench.files.atomic import atomic_write
from mevis_bench.files.names import safe_join
from mevis_bench.records import DataError, UsageError
from mevis_bench.store.prediction_lines import complete_lines

SCHEMA = 2

RunStatus = Literal["running", "finished", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class Identity:
    """What decides a run's bytes. Two runs of equal identity are one plan; one continues the other.

    Attributes:
        task: ``rvos``, ``avos``, ``rmot`` or ``rmeg``.
        method: Name of the method.
        variant: Name of its variant.
        options: The variant's options, settings put over them.
        weights: sha256 by name in ``method.yaml``; ``None``: seeded random weights, on purpose.
        code: sha256 of the method's folder and of the layers it shares.
        bridge: The bridge that turns another task's method into one of this task, and its settings; ``None``: the
            method answers the task itself.
        split: Name of the split.
        fingerprint: Hash of the split's annotation files.
        samples: ``<video>/<expression>``, in order of the data set.
        perturb: How the frames are changed before the method sees them; ``none``: not at all.
        seed: Seed of everything random.
        device: ``cpu`` or ``cuda``.
        version: Version of mevis-bench.
    """

    task: str
    method: str
    variant: str
    options: Mapping[str, object]
    weights: Mapping[str, str] | None
    code: str
    bridge: Mapping[str, object] | None
    split: str
    fingerprint: str
    samples: tuple[str, ...]
    perturb: str
    seed: int
    device: str
    version: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about a run but its samples.

    Attributes:
        identity: What decides its bytes.
        status: ``running`` (or killed: then nobody holds the lock), ``finished``: every sample is ok, ``failed``:
            all were tried and some failed, ``interrupted``: Ctrl-C or a full disk.
        title: The variant's title, for tables.
        provenance: Who made the weights: ``official``, ``trained-here``, ``untrained``, ``heuristic`` (no weights).
        config: The resolved configuration.
        data: Folder of the split; ``embedded`` for the one that is shipped.
        versions: Versions of Python and of the packages that computing depends on.
        commit: Commit of the checkout that mevis-bench runs from; ``None``: not a checkout.
        machine: Names of host, processor, device, system.
        started: When it was first started, ISO 8601 UTC.
        finished: When it ended; ``None``: it did not.
        costs: Speed, parameters and memory; empty until the run ends.
        dataset: ``name`` and ``version`` of the data set; empty in files of older versions.
        schema: Version of this layout.
    """

    identity: Identity
    status: RunStatus
    title: str
    provenance: str
    config: Mapping[str, object]
    data: str
    versions: Mapping[str, str]
    commit: str | None
    machine: Mapping[str, str]
    started: str
    finished: str | None = None
    costs: Mapping[str, object] = field(default_factory=dict)
    dataset: Mapping[str, str] = field(default_factory=dict)
    schema: int = SCHEMA


class RunFolder:
    """Where the parts of one run lie."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest_path = path / "manifest.json"
        self.samples_path = path / "samples.jsonl"
        self.predictions = path / "predictions"

    def predictions_path(self, video_id: str) -> Path:
        """Return the file with the predictions of one video.

        Raises:
            DataError: The id is not a valid name.
        """
        return safe_join(self.predictions, video_id, suffix=".jsonl", kind="video id")

    def predicted(self, video_id: str) -> Mapping[str, bytes]:
        """Return the lines of one video by expression; without those that a kill or a power cut has cut."""
        path = self.predictions_path(video_id)
        return complete_lines(path.read_bytes()) if path.exists() else {}

    def flush(self) -> None:
        """Flush all predictions to the disk, so that what the manifest says then outlives a power cut.

        Raises:
            OSError: The disk could not keep one of them.
        """
        with ThreadPoolExecutor(8) as pool:  # the disk takes several at a time
            list(pool.map(_flush, self.predictions.glob("*.jsonl")))

    def write_manifest(self, manifest: Manifest) -> None:
        """Write ``manifest.json``, whole or not at all."""
        atomic_write(self.manifest_path, json.dumps(asdict(manifest), indent=2, ensure_ascii=False) + "\n")

    def read_manifest(self) -> Manifest:
        """Read ``manifest.json``.

        Raises:
            DataError: It is missing, of another schema, or not a manifest.
        """
        try:
            value = json.loads(self.manifest_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DataError("is no run folder: it has no manifest.json", location=str(self.path)) from None
        except (OSError, ValueError) as error:
            raise DataError(f"can't be read: {error}", location=str(self.manifest_path)) from error
        try:
            if value["schema"] != SCHEMA:
                raise DataError(
                    f"schema {value['schema']}, this version reads {SCHEMA}", location=str(self.manifest_path)
                )
            identity = value["identity"]
            return Manifest(**{**value, "identity": Identity(**{**identity, "samples": tuple(identity["samples"])})})
        except (KeyError, TypeError) as error:
            raise DataError(f"is not a manifest: {error}", location=str(self.manifest_path)) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder: a second run into it is refused and told who holds it. Ends with the process.

        Raises:
            UsageError: Another process holds it.
            DataError: A part of it is a link, through which a stranger's folder could have other files written to.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        for part in (self.path / "lock", self.manifest_path, self.samples_path, self.predictions):
            if part.is_symlink():
                raise DataError(
                    "is a link; all parts of a run lie in its folder",
                    location=str(part),
                    hint="Put what it points to in its place, or give another --out.",
                )
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.read(lock, 200).decode(errors="replace").strip() or "another process"
                raise UsageError(
                    f"{holder} is writing this run",
                    location=str(self.path),
                    hint="Wait for it (mevis-bench status shows how far it is), or give another --out.",
                ) from None
            os.ftruncate(lock, 0)
            os.write(lock, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
            yield
        finally:
            os.close(lock)

    def is_locked(self) -> bool:
        """Say whether some process is writing this run now."""
        path = self.path / "lock"
        if not path.exists():
            return False
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def differences(one: Identity, other: Identity) -> dict[str, tuple[object, object]]:
    """Return the fields in which two identities differ, with both values."""
    pairs = {item.name: (getattr(one, item.name), getattr(other, item.name)) for item in fields(Identity)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def fingerprint(identity: Identity) -> str:
    """Return the sha256 of an identity; equal plans have equal ones."""
    return hashlib.sha256(json.dumps(asdict(identity), sort_keys=True).encode()).hexdigest()
