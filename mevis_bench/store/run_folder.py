"""A run on disk: ``manifest.json``, ``samples.jsonl``, ``predictions/<video>.jsonl``, then the files of scoring.

Undisturbed, resumed, sharded and parallel runs of one plan have the same bytes in ``predictions/``, ``scores.jsonl``
and ``results.json``. Times, machines and paths are only in ``manifest.json`` and
``samples.jsonl`` (whose lines may also be in another order).
"""

import fcntl
import hashlib
import json
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout, lock_descriptor

from mevis_bench.files import tree
from mevis_bench.files.atomic import atomic_write
from mevis_bench.files.names import safe_join
from mevis_bench.files.reading import read_regular
from mevis_bench.records import DataError, UsageError
from mevis_bench.schemas.json_files import encode_document, read_json_file
from mevis_bench.schemas.manifest import Identity, Manifest
from mevis_bench.store.prediction_lines import complete_lines

_LOCK_TIMEOUT = 1.0
"""Seconds to wait for the lock, which ``is_locked`` of another process may hold for a moment."""

_WRITER_TIMEOUT = 10.0
"""Seconds to wait for the writers of a killed run, which end after it."""

_DRAFT = re.compile(r".+\.[0-9]+\.part")
"""Draft of ``atomic_write``, left by a run that was killed while it wrote a file."""


class RunFolder:
    """Paths of one run, its manifest and its lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest_path = path / "manifest.json"
        self.samples_path = path / "samples.jsonl"
        self.predictions = path / "predictions"
        self._lock_path = path / "lock"

    def predictions_path(self, video_id: str) -> Path:
        """Return the file with the predictions of one video.

        Raises:
            DataError: The id is not a valid name.
        """
        return safe_join(self.predictions, video_id, suffix=".jsonl", kind="video id")

    def predicted(self, video_id: str) -> Mapping[str, bytes]:
        """Return the lines of one video by expression, without partial ones (kill, power cut)."""
        path = self.predictions_path(video_id)
        try:
            return complete_lines(read_regular(path, tree.BOUNDS))
        except FileNotFoundError:
            return {}

    def flush(self) -> None:
        """Flush all predictions to the disk, so that a manifest written afterwards holds after a power cut.

        Raises:
            OSError: One of them could not be written.
        """
        with ThreadPoolExecutor(8) as pool:  # the disk takes several at a time
            list(pool.map(_flush, self.predictions.glob("*.jsonl")))

    def write_manifest(self, manifest: Manifest) -> None:
        """Write ``manifest.json`` atomically."""
        atomic_write(self.manifest_path, encode_document(manifest))

    def read_manifest(self) -> Manifest:
        """Read ``manifest.json``.

        Raises:
            DataError: It is missing, of a schema that this version does not read, or a field is invalid.
        """
        if not self.manifest_path.is_file():
            raise DataError(
                "not a run folder: it has no manifest.json",
                location=str(self.path),
                hint="See mevis-bench status for the runs below runs/.",
            )
        return read_json_file(self.manifest_path, Manifest)

    def is_new(self) -> bool:
        """Whether there is no run yet: no folder, an empty one, or the leftovers of a run killed as it started."""
        return not self.path.exists() or all(self._is_leftover(part) for part in self.path.iterdir())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Acquire the lock of the folder; it is released when this process ends, however that happens.

        Raises:
            UsageError: Another process holds it; names host, process id and start time. Or a process that a killed
                run has started does not end.
            DataError: A part of the folder is a link, by which files of another folder could be overwritten.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        for part in (self._lock_path, self.manifest_path, self.samples_path, self.predictions):
            if part.is_symlink():
                raise DataError(
                    "is a link; all parts of a run are in its folder",
                    location=str(part),
                    hint="Replace it by what it links to, or give another --out.",
                )
        lock = FileLock(self._lock_path)
        try:
            lock.acquire(timeout=_LOCK_TIMEOUT)
        except Timeout:
            owner = self._lock_path.read_text(errors="replace").strip()[:200] or "another process"
            raise UsageError(
                f"{owner} is writing this run",
                location=str(self.path),
                hint="Wait for it (mevis-bench status shows its progress), or give another --out.",
            ) from None
        try:
            started = datetime.now(UTC).isoformat(timespec="seconds")
            self._lock_path.write_text(f"process {os.getpid()} on {socket.gethostname()}, started {started},\n")
            self._wait_for_writers()
            self._remove_drafts()
            yield
        finally:
            lock.release()

    @contextmanager
    def writer(self) -> Iterator[None]:
        """Take part in writing predictions. All writers of a run share a lock on ``samples.jsonl``.

        A process that was started by the holder of ``locked`` may outlive it for a moment; the folder is free
        when it has ended.
        """
        file = os.open(self.samples_path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield
        finally:
            os.close(file)

    def _wait_for_writers(self) -> None:
        file = os.open(self.samples_path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        deadline = time.monotonic() + _WRITER_TIMEOUT
        try:
            while not lock_descriptor(file, blocking=False):
                if time.monotonic() > deadline:
                    raise UsageError(
                        "a process of an earlier start is still writing this run",
                        location=str(self.path),
                        hint="Wait until it ends, or end it; then run the same command again.",
                    )
                time.sleep(0.05)
        finally:
            os.close(file)

    def _remove_drafts(self) -> None:
        """Remove what a killed run has left; the drafts of scoring may be another process's."""
        drafts = [*self.path.glob("manifest.json.*"), *self.predictions.glob("*.jsonl.*")]
        for path in drafts:
            if _DRAFT.fullmatch(path.name):
                path.unlink()

    def is_locked(self) -> bool:
        """Whether a process is writing this run now."""
        if not self._lock_path.exists():
            return False
        file = os.open(self._lock_path, os.O_RDONLY)
        try:
            return not lock_descriptor(file, blocking=False)
        finally:
            os.close(file)

    def _is_leftover(self, part: Path) -> bool:
        if part.is_symlink():
            return False
        if part == self.predictions:
            return part.is_dir() and not any(part.iterdir())
        if part == self._lock_path or (_DRAFT.fullmatch(part.name) and part.name.startswith("manifest.json.")):
            return part.is_file()
        return part in (self.manifest_path, self.samples_path) and part.is_file() and part.stat().st_size == 0


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
