"""Prediction of a run. It can be killed at any moment; the same command resumes it."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from mevis_bench.execution.jobs import Executor, PredictionJob, ResourceUsage
from mevis_bench.records import DataError, MethodError, UsageError
from mevis_bench.records.retry import RESUME_HINT
from mevis_bench.runs.frame_fingerprints import changed_video, fingerprint_frames
from mevis_bench.runs.plan import RunPlan
from mevis_bench.runs.resource_usage import total_resource_usage
from mevis_bench.runs.system_info import commit, system_info, versions
from mevis_bench.schemas.manifest import FrameFingerprint, Manifest
from mevis_bench.schemas.samples import SampleStatus
from mevis_bench.store.run_folder import RunFolder, differences, fingerprint
from mevis_bench.store.sample_index import SampleIndex, read_statuses

RUNS = Path("runs")
"""Folder of runs without ``--out``, in the working directory."""


class RunCallback(Protocol):
    """Callbacks of a run, for progress bars."""

    def on_run_start(self, folder: RunFolder, total: int, done: int) -> None:
        """Called when the run starts; ``done`` of ``total`` samples were there before."""
        ...

    def on_sample_end(self, status: SampleStatus) -> None:
        """Called when a sample has a prediction or failed."""
        ...


@dataclass(frozen=True, slots=True)
class RunReport:
    """Outcome of a run.

    Attributes:
        folder: Its folder.
        manifest: Its manifest as last written.
        done: Number of samples with a prediction.
        failed: Samples that failed, with the reason.
        computed: Number of samples that were predicted this time; 0: none was pending.
    """

    folder: RunFolder
    manifest: Manifest
    done: int
    failed: tuple[SampleStatus, ...]
    computed: int


def find_folder(plan: RunPlan, runs: Path = RUNS) -> RunFolder:
    """Return the folder of a plan's run.

    With ``--out`` it is that folder. Without, it is the folder under ``runs`` whose manifest has the same identity (the
    newest unfinished one before finished ones), else a new one.

    Raises:
        UsageError: ``--out`` holds another plan's run, or other files; names what differs.
    """
    if plan.config.out is not None:
        folder = RunFolder(plan.config.out)
        _check_same_plan(folder, plan)
        return folder
    same = []
    for path in sorted(runs.glob("*/manifest.json")):
        folder = RunFolder(path.parent)
        try:
            manifest = folder.read_manifest()
        except DataError:
            continue
        if not differences(manifest.identity, plan.identity):
            same.append((manifest.status != "finished", manifest.started, path.parent.name, folder))
    if same:
        return max(same, key=lambda entry: entry[:3])[3]
    identity = plan.identity
    # The suffix keeps apart runs that start in the same second.
    stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{fingerprint(identity)[:4]}"
    return RunFolder(runs / f"{identity.task}-{identity.method}-{identity.variant}-{identity.split}-{stamp}")


def pending_videos(plan: RunPlan, folder: RunFolder) -> tuple[PredictionJob, ...]:
    """Return the samples of a plan without a prediction; failed ones only with ``--retry-failed``."""
    statuses = read_statuses(folder.samples_path)

    def is_pending(status: SampleStatus | None, *, predicted: bool) -> bool:
        if status is not None and status.status == "failed":
            return plan.config.retry_failed
        return status is None or not predicted

    jobs = []
    for video in plan.videos:
        predicted = folder.predicted(video.video_id)
        pending = tuple(
            key
            for key in video.expression_ids
            if is_pending(statuses.get(f"{video.video_id}/{key}"), predicted=key in predicted)
        )
        if pending:
            jobs.append(replace(video, expression_ids=pending))
    return tuple(jobs)


def predict(plan: RunPlan, folder: RunFolder, executor: Executor, callback: RunCallback) -> RunReport:
    """Predict the pending samples of a plan.

    Raises:
        UsageError: Another process is writing this run, or frames of predicted videos have changed.
        MevisBenchError: The method could not be loaded, or too many samples failed.
        OSError: The disk is full. Finished samples are on disk.
        KeyboardInterrupt: As for a full disk.
    """
    with folder.locked():
        before = None if folder.is_new() else folder.read_manifest()
        frames = {} if before is None else _unchanged_frames(plan, folder, before)
        jobs = pending_videos(plan, folder)
        if before is not None and before.status in ("finished", "failed") and not jobs:
            return _report(folder, before, 0)
        new = [video.video_id for video in plan.videos if not _has_predictions(folder, video.video_id)]
        manifest = _manifest(plan, before, {**frames, **fingerprint_frames(plan.dataset, new)})
        folder.write_manifest(manifest)
        index = SampleIndex(folder.samples_path)
        callback.on_run_start(folder, len(plan.identity.samples), len(plan.identity.samples) - _count(jobs))
        usages: list[ResourceUsage] = []
        computed = 0
        try:
            config = replace(plan.predictor, out=folder.path)
            for status in executor.execute(config, jobs, usages.append) if jobs else ():
                index.append(status)
                callback.on_sample_end(status)
                computed += 1
                if status.status == "failed":
                    _check_failures(plan, index)
        except BaseException:
            # On a full disk the old manifest stays; the error itself is reported.
            with suppress(OSError):
                folder.write_manifest(replace(manifest, status="interrupted"))
            raise
        finally:
            index.close()
        failed = any(status.status == "failed" for status in index.statuses.values())
        costs = total_resource_usage(index.statuses.values(), usages, manifest.costs)
        ended = replace(manifest, status="failed" if failed else "finished", finished=_now(), costs=costs)
        folder.flush()
        folder.write_manifest(ended)
        return _report(folder, ended, computed)


def _check_same_plan(folder: RunFolder, plan: RunPlan) -> None:
    if folder.is_new():
        return
    try:
        manifest = folder.read_manifest()
    except DataError as error:
        raise UsageError(
            "the folder is not empty and holds no run that could be resumed",
            location=str(folder.path),
            hint=f"{error}\nGive another --out.",
        ) from error
    different = differences(manifest.identity, plan.identity)
    if different:
        lines = [
            f"  {name}: expected {_short(expected)}, found {_short(found)}"
            for name, (found, expected) in different.items()
        ]
        raise UsageError(
            "the folder holds a run of another plan", location=str(folder.path), hint="\n".join([*lines, _OTHER_OUT])
        )


def _unchanged_frames(plan: RunPlan, folder: RunFolder, before: Manifest) -> dict[str, FrameFingerprint]:
    """Return the recorded frames of the videos that have predictions; those of others may have been repaired."""
    recorded = {video: frames for video, frames in before.frames.items() if _has_predictions(folder, video)}
    changed = changed_video(plan.dataset, recorded)
    if changed is not None:
        raise UsageError(
            f"frames of video {changed!r} have changed since it was predicted",
            location=str(folder.path),
            hint=f"Restore them to resume the run. {_OTHER_OUT}",
        )
    return recorded


def _has_predictions(folder: RunFolder, video_id: str) -> bool:
    path = folder.predictions_path(video_id)
    return path.is_file() and path.stat().st_size > 0


_OTHER_OUT = "Give another --out, or remove the folder."


def _short(value: object) -> str:
    text = f"{len(value)} samples" if isinstance(value, tuple) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _manifest(plan: RunPlan, before: Manifest | None, frames: Mapping[str, FrameFingerprint]) -> Manifest:
    """Return the manifest of a run that starts or resumes now."""
    return Manifest(
        identity=plan.identity,
        status="running",
        title=plan.predictor.method.spec.title,
        provenance=plan.provenance,
        config=_jsonable(asdict(plan.config)),
        data=plan.data,
        versions=versions(),
        commit=commit(),
        machine=system_info(),
        started=before.started if before else _now(),
        costs=before.costs if before else {},
        dataset={"name": plan.dataset.info.name, "version": plan.dataset.info.version},
        frames=frames,
    )


def _count(jobs: Sequence[PredictionJob]) -> int:
    return sum(len(job.expression_ids) for job in jobs)


def _check_failures(plan: RunPlan, index: SampleIndex) -> None:
    limit = 1 if plan.config.fail_fast else plan.config.max_failures
    failed = [status for status in index.statuses.values() if status.status == "failed"]
    if limit is not None and len(failed) >= limit:
        last = failed[-1]
        raise MethodError(
            f"stopped after {len(failed)} failed sample{'s' * (len(failed) > 1)}: {last.error}",
            location=last.id,
            hint=RESUME_HINT,
        )


def _report(folder: RunFolder, manifest: Manifest, computed: int) -> RunReport:
    statuses = read_statuses(folder.samples_path)
    failed = tuple(status for status in statuses.values() if status.status == "failed")
    return RunReport(folder, manifest, len(statuses) - len(failed), failed, computed)


def _jsonable(value: Mapping[str, object]) -> dict[str, object]:
    decoded: dict[str, object] = json.loads(json.dumps(value, default=str))
    return decoded


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
