"""Merging of the shards of one run into the folder that a single machine would have written."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mevis_bench.data.registry import open_dataset
from mevis_bench.files.atomic import atomic_write
from mevis_bench.metrics.protocols import ScoringProtocol
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.records import UsageError
from mevis_bench.runs.resource_usage import total_resource_usage
from mevis_bench.runs.run_split import recorded_root
from mevis_bench.runs.score import score_run
from mevis_bench.schemas.manifest import Manifest
from mevis_bench.schemas.scores import Results
from mevis_bench.store.run_folder import RunFolder, differences
from mevis_bench.store.sample_index import SampleIndex, read_statuses
from mevis_bench.tasks import find_task


def merge_runs(
    shards: Sequence[Path], out: Path, protocol: ScoringProtocol | None = None
) -> tuple[Manifest, Results | None]:
    """Merge shards (``run --shard i/n``) into one run folder, and score it where the split has ground truth.

    Returns:
        The manifest and the scores of the merged run; ``None``: the split has no ground truth.

    Raises:
        UsageError: ``out`` is not empty, a shard is not finished, or the shards are of different plans or overlap.
    """
    if out.exists() and any(out.iterdir()):
        raise UsageError("the folder is not empty", location=str(out), hint="Give another --out.")
    folders = [RunFolder(path) for path in shards]
    manifests = [folder.read_manifest() for folder in folders]
    _check(folders, manifests)
    first = manifests[0]
    split = open_dataset(recorded_root(first), first.identity.split, first.dataset.get("name"))
    task = find_task(first.identity.task)
    merged_samples = {sample for manifest in manifests for sample in manifest.identity.samples}
    order = [f"{video}/{expression.id}" for video in split.video_ids for expression in task.expressions(split, video)]
    merged = RunFolder(out)
    with merged.locked():
        index = SampleIndex(merged.samples_path)
        for folder in folders:
            for status in read_statuses(folder.samples_path).values():
                index.append(status)
        index.close()
        for video_id in split.video_ids:
            lines = {key: line for folder in folders for key, line in folder.predicted(video_id).items()}
            ids = [expression.id for expression in task.expressions(split, video_id) if expression.id in lines]
            if ids:
                content = b"".join(lines[key] for key in ids)
                atomic_write(merged.predictions_path(video_id), content, durable=False)
        failed = any(status.status == "failed" for status in index.statuses.values())
        manifest = replace(
            first,
            identity=replace(first.identity, samples=tuple(sample for sample in order if sample in merged_samples)),
            status="failed" if failed else "finished",
            started=min(shard.started for shard in manifests),
            finished=max(shard.finished or "" for shard in manifests),
            frames={video: frames for shard in manifests for video, frames in shard.frames.items()},
            costs={**first.costs, **_speeds(index)},
        )
        merged.flush()
        merged.write_manifest(manifest)
    if not split.has_ground_truth:
        return manifest, None
    scored = score_run(out, dataset=split, options=ScoringOptions(protocol, missing="zero" if failed else "error"))
    return manifest, scored.results


def _speeds(index: SampleIndex) -> dict[str, object]:
    costs = total_resource_usage(index.statuses.values(), [], {})
    return {name: costs[name] for name in ("fps_model", "fps_end_to_end")}


def _check(folders: Sequence[RunFolder], manifests: Sequence[Manifest]) -> None:
    seen: dict[str, Path] = {}
    for folder, manifest in zip(folders, manifests, strict=True):
        if manifest.status not in ("finished", "failed"):
            raise UsageError(
                f"the shard is {manifest.status}, not finished",
                location=str(folder.path),
                hint="Start its command again: it resumes.",
            )
        different = [name for name in differences(manifests[0].identity, manifest.identity) if name != "samples"]
        if different:
            raise UsageError(
                f"differs in its plan from {folders[0].path}: {', '.join(different)}", location=str(folder.path)
            )
        for sample in manifest.identity.samples:
            if sample in seen:
                raise UsageError(f"sample {sample} is in {seen[sample]} too", location=str(folder.path))
            seen[sample] = folder.path
