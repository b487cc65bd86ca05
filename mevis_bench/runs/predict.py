"""One run: plan, continue what is there, execute, store. Kill it at any moment; the same command goes on."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from mevis_bench.execution.jobs import Executor, PredictionJob, ResourceUsage
from mevis_bench.records import DataError, MethodError, UsageError
from mevis_bench.runs.plan import RunPlan
from mevis_bench.runs.resource_usage import total_resource_usage
from mevis_bench.runs.system_info import commit, machine, versions
from mevis_bench.store.run_folder import Manifest, RunFolder, differences, fingerprint
from mevis_bench.store.sample_index import SampleIndex, SampleStatus, read_statuses

RUNS = Path("runs")
"""Where runs without ``--out`` go, under the working directory."""


class RunCallback(Protocol):
    """Is told how a run goes on."""

    def begin(self, folder: RunFolder, total: int, done: int) -> None:
        """The run starts: ``done`` of ``total`` samples were there before."""
        ...

    def sample(self, status: SampleStatus) -> None:
        """A sample ended."""
        ...


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a run ended.

    Attributes:
        folder: Where it is.
        manifest: As it was written last.
        done: Samples that are on disk.
        failed: Samples that failed, with the reason.
        computed: Samples that were tried this time; 0: there was nothing left to do.
    """

    folder: RunFolder
    manifest: Manifest
    done: int
    failed: tuple[SampleStatus, ...]
    computed: int


def find_folder(plan: RunPlan, runs: Path = RUNS) -> RunFolder:
    """Return where a plan's run is or will be.

    With ``--out`` it is that folder. Without, it is the folder under ``runs`` whose manifest has the same identity (the
    newest unfinished one before finished ones), else a new one.

    Raises:
        UsageError: ``--out`` holds another plan's run, or files that are no run; names what differs.
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
    # The end keeps apart what is started in the same second.
    stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{fingerprint(identity)[:4]}"
    return RunFolder(runs / f"{identity.task}-{identity.method}-{identity.variant}-{identity.split}-{stamp}")


def left_to_do(plan: RunPlan, folder: RunFolder) -> tuple[PredictionJob, ...]:
    """Return what of a plan is not on disk yet; failed samples only with ``--retry-failed``."""
    statuses = read_statuses(folder.samples_path)

    def is_open(status: SampleStatus | None, *, predicted: bool) -> bool:
        if status is not None and status.status == "failed":
            return plan.config.retry_failed
        return status is None or not predicted

    work = []
    for video in plan.videos:
        predicted = folder.predicted(video.video_id)
        open_ids = tuple(
            one
            for one in video.expression_ids
            if is_open(statuses.get(f"{video.video_id}/{one}"), predicted=one in predicted)
        )
        if open_ids:
            work.append(replace(video, expression_ids=open_ids))
    return tuple(work)


def predict(plan: RunPlan, folder: RunFolder, executor: Executor, watcher: RunCallback) -> RunReport:
    """Answer everything of a plan that is not on disk yet.

    Raises:
        UsageError: Another process is writing this run.
        MevisBenchError: The method could not be loaded, or too many samples failed.
        OSError: The disk is full. Everything finished before is on disk.
        KeyboardInterrupt: As for a full disk.
    """
    with folder.locked():
        before = folder.read_manifest() if folder.manifest_path.exists() else None
        work = left_to_do(plan, folder)
        if before is not None and before.status in ("finished", "failed") and not work:
            return _report(folder, before, 0)
        manifest = _manifest(plan, before)
        folder.write_manifest(manifest)
        index = SampleIndex(folder.samples_path)
        watcher.begin(folder, len(plan.identity.samples), len(plan.identity.samples) - _count(work))
        workers: list[ResourceUsage] = []
        computed = 0
        try:
            for status in executor.execute(replace(plan.work, out=folder.path), work, workers.append) if work else ():
                index.append(status)
                watcher.sample(status)
                computed += 1
                if status.status == "failed":
                    _check_failures(plan, index)
        except BaseException:
            # A full disk keeps the old manifest; the fault itself is what is told.
            with suppress(OSError):
                folder.write_manifest(replace(manifest, status="interrupted"))
            raise
        finally:
            index.close()
        failed = any(status.status == "failed" for status in index.statuses.values())
        costs = total_resource_usage(index.statuses.values(), workers, manifest.costs)
        ended = replace(manifest, status="failed" if failed else "finished", finished=_now(), costs=costs)
        folder.flush()
        folder.write_manifest(ended)
        return _report(folder, ended, computed)


def _check_same_plan(folder: RunFolder, plan: RunPlan) -> None:
    if not folder.path.exists() or not any(folder.path.iterdir()):
        return
    try:
        manifest = folder.read_manifest()
    except DataError as error:
        raise UsageError(
            "the folder is not empty and holds no run that could be continued",
            location=str(folder.path),
            hint=f"{error}\nGive another --out.",
        ) from error
    different = differences(manifest.identity, plan.identity)
    if different:
        lines = [
            f"  {name}: there {_short(there)}, asked {_short(asked)}" for name, (there, asked) in different.items()
        ]
        raise UsageError(
            "the folder holds a run of another plan", location=str(folder.path), hint="\n".join([*lines, _OTHER_OUT])
        )


_OTHER_OUT = "Give another --out, or remove the folder."


def _short(value: object) -> str:
    text = f"{len(value)} samples" if isinstance(value, tuple) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _manifest(plan: RunPlan, before: Manifest | None) -> Manifest:
    """Return the manifest of a run that starts now, or goes on."""
    return Manifest(
        identity=plan.identity,
        status="running",
        title=plan.work.chosen.spec.title,
        provenance=plan.provenance,
        config=_jsonable(asdict(plan.config)),
        data=plan.data,
        versions=versions(),
        commit=commit(),
        machine=machine(),
        started=before.started if before else _now(),
        costs=before.costs if before else {},
        dataset={"name": plan.dataset.info.name, "version": plan.dataset.info.version},
    )


def _count(work: Sequence[PredictionJob]) -> int:
    return sum(len(video.expression_ids) for video in work)


def _check_failures(plan: RunPlan, index: SampleIndex) -> None:
    limit = 1 if plan.config.fail_fast else plan.config.max_failures
    failed = [status for status in index.statuses.values() if status.status == "failed"]
    if limit is not None and len(failed) >= limit:
        last = failed[-1]
        raise MethodError(
            f"stopped after {len(failed)} failed sample{'s' * (len(failed) > 1)}: {last.error}",
            location=last.id,
            hint="Everything finished before is on disk; mend it and start the same command with --retry-failed.",
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
