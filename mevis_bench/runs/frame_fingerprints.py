"""Whether the frames of a run's videos are still those that it was predicted on."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mevis_bench.records import MevisBenchError
from mevis_bench.records.dataset import Dataset
from mevis_bench.schemas.manifest import FrameFingerprint


def fingerprint_frames(split: Dataset, video_ids: Iterable[str]) -> dict[str, FrameFingerprint]:
    """Return the fingerprint of each video's frame files; without videos that cannot be opened. Reads every frame."""
    found = {}
    for video_id in video_ids:
        paths = _frame_paths(split, video_id)
        if any(path.exists() for path in paths):
            found[video_id] = FrameFingerprint(_digest(paths, _state), _digest(paths, _content))
    return found


def changed_video(split: Dataset, recorded: Mapping[str, FrameFingerprint]) -> str | None:
    """Return the first video whose frames are not the recorded ones; ``None``: there is none.

    Frames are read only where names, sizes or times differ, so that a copy of the data is the same data. A video
    without any frame on this machine is passed over: scoring does not need frames.
    """
    for video_id, before in recorded.items():
        paths = _frame_paths(split, video_id)
        if not any(path.exists() for path in paths) or _digest(paths, _state) == before.files:
            continue
        if _digest(paths, _content) != before.content:
            return video_id
    return None


def _frame_paths(split: Dataset, video_id: str) -> tuple[Path, ...]:
    try:
        return split.video(video_id).frame_paths
    except MevisBenchError:
        return ()


def _digest(paths: Iterable[Path], describe: Callable[[Path], bytes]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        try:
            part = describe(path)
        except OSError:
            part = b"missing"
        digest.update(hashlib.sha256(path.name.encode() + b"\0" + part).digest())
    return digest.hexdigest()[:32]


def _state(path: Path) -> bytes:
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}".encode()


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
