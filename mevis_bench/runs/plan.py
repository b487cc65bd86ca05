"""Planning of a run: everything it needs, checked before anything is computed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mevis_bench import __version__
from mevis_bench.data.registry import open_dataset
from mevis_bench.execution.jobs import PredictionJob, PredictorConfig
from mevis_bench.execution.perturbation import check_perturbation
from mevis_bench.files.cache import cache_path
from mevis_bench.methods.bridges import Bridge, choose_bridge
from mevis_bench.methods.loading import code_fingerprint
from mevis_bench.methods.method_options import resolve_options
from mevis_bench.methods.registry import ResolvedMethod, find_methods
from mevis_bench.methods.speech_recognition import find_asr_model
from mevis_bench.methods.weights import UNTRAINED, locate_weights, parse_weights, provenance, sha256
from mevis_bench.metrics.protocols import find_protocol
from mevis_bench.records import UsageError
from mevis_bench.records.dataset import Dataset
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.runs.system_info import resolve_device
from mevis_bench.schemas.manifest import BUNDLED, Identity, Provenance
from mevis_bench.schemas.run_config import RunConfig
from mevis_bench.tasks import Task, find_task


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A run that could start.

    Attributes:
        config: Configuration of the run.
        identity: Everything that determines the run's bytes.
        predictor: Arguments of every ``VideoPredictor``; its ``out`` is set when the folder is known.
        videos: One job per video with all of its samples.
        provenance: Origin of the weights: ``official``, ``trained-here``, ``untrained``; ``api``: they are behind an
            API; ``heuristic``: there are none.
        data: Folder of the split, or ``bundled``.
        dataset: The opened split.
    """

    config: RunConfig
    identity: Identity
    predictor: PredictorConfig
    videos: tuple[PredictionJob, ...]
    provenance: Provenance
    data: str
    dataset: Dataset

    @property
    def has_ground_truth(self) -> bool:
        """Whether the run can be scored."""
        return self.dataset.has_ground_truth


def plan_run(config: RunConfig) -> RunPlan:
    """Find the method, its weights, the data and the samples.

    Raises:
        UsageError: A name, an option or a combination is wrong.
        MissingWeightsError: The weights are not on this machine.
        DataError: The data or the weights are broken.
    """
    method = find_methods(config.method_dir).resolve(config.method, config.variant)
    options = resolve_options(method, config.options)
    choice = parse_weights(config.weights)
    bridge = _bridge(config, method, choice.store)
    weights = locate_weights(method, choice)
    split = open_dataset(config.data, config.split, config.data_set)
    check_perturbation(config.perturb, find_task(config.task).prompt_type)
    find_protocol(config.protocol)
    device = resolve_device(config.device)
    videos = _shard(_select(split, config), config.shard)
    identity = Identity(
        task=config.task,
        method=method.method.spec.name,
        variant=method.variant,
        options=options,
        weights=None if weights is None else {name: sha256(path) for name, path in sorted(weights.items())},
        code=code_fingerprint(method.method),
        bridge=_bridge_identity(bridge),
        split=split.split,
        fingerprint=split.fingerprint,
        samples=tuple(
            f"{video.video_id}/{expression_id}" for video in videos for expression_id in video.expression_ids
        ),
        perturb=config.perturb,
        seed=config.seed,
        device=device.partition(":")[0],
        version=__version__,
        compile=config.compile,
    )
    predictor = PredictorConfig(
        task=config.task,
        method=method,
        options=options,
        weights=weights,
        device=device,
        seed=config.seed,
        data=config.data,
        split=split.split,
        perturb=config.perturb,
        out=Path(),
        bridge=bridge,
        data_set=split.info.name,
        compile=config.compile,
    )
    return RunPlan(
        config=config,
        identity=identity,
        predictor=predictor,
        videos=videos,
        provenance=UNTRAINED if weights is None else provenance(method),
        data=BUNDLED if config.data is None else str(split.root.absolute()),
        dataset=split,
    )


def _bridge(config: RunConfig, method: ResolvedMethod, store: Path) -> Bridge | None:
    name = choose_bridge(method.spec, method.name, config.task, config.bridge)
    if name is None:
        return None
    if name == "speech_to_text":
        return Bridge(name, find_asr_model(config.asr_model, store), transcripts_folder())
    return Bridge(name)


def transcripts_folder() -> Path:
    """Return the cache folder of transcripts; it need not exist."""
    return cache_path("transcripts")


def _bridge_identity(bridge: Bridge | None) -> dict[str, object] | None:
    """Return the bridge and its settings, for the manifest."""
    if bridge is None:
        return None
    asr_model = {} if bridge.asr_model is None else {"asr_model": sha256(bridge.asr_model)}
    return {"name": bridge.name, **asr_model}


def _select(split: Dataset, config: RunConfig) -> tuple[PredictionJob, ...]:
    task = find_task(config.task)
    selected = _selected(split, task, config.sample)
    videos: list[PredictionJob] = []
    left = config.limit
    for video_id in _video_ids(split, config.videos):
        expressions = _sample_ids(split, task, video_id)
        if selected is not None:
            expressions = tuple(key for key in expressions if key in selected.get(video_id, ()))
        if left is not None:
            expressions = expressions[:left]
            left -= len(expressions)
        if expressions:
            videos.append(PredictionJob(video_id, expressions, len(split.frame_names(video_id))))
    if not videos:
        raise UsageError(f"split '{split.split}' has no sample of {task.name}", location=str(split.root))
    return tuple(videos)


def _video_ids(split: Dataset, names: Sequence[str]) -> Sequence[str]:
    """Parse ``--videos``: the videos of names and ranges, in the order of the split; without names all."""
    if not names:
        return split.video_ids
    chosen: set[int] = set()
    for name in names:
        places = [split.video_ids.index(_known_video(split, end, "--videos")) for end in name.split("..", 1)]
        if places[0] > places[-1]:
            raise UsageError(f"empty range '{name}': its first video comes after its last", location="--videos")
        chosen.update(range(places[0], places[-1] + 1))
    return [split.video_ids[place] for place in sorted(chosen)]


def _known_video(split: Dataset, name: str, option: str) -> str:
    if name not in split.video_ids:
        raise UsageError(
            f"unknown video '{name}'", location=option, hint=did_you_mean(name, list(split.video_ids[:20]))
        )
    return name


def _sample_ids(split: Dataset, task: Task, video_id: str) -> tuple[str, ...]:
    return tuple(expression.id for expression in task.expressions(split, video_id))


def _shard(videos: tuple[PredictionJob, ...], shard: str | None) -> tuple[PredictionJob, ...]:
    """Return every n-th video, starting at the i-th (``i/n``); none where there are fewer than i."""
    if shard is None:
        return videos
    match = re.fullmatch(r"([1-9][0-9]*)/([1-9][0-9]*)", shard)
    if match is None or int(match[1]) > int(match[2]):
        raise UsageError(
            f"invalid shard '{shard}': expected I/N with I <= N",
            location="--shard",
            hint="For example 1/4, 2/4, 3/4 and 4/4",
        )
    return videos[int(match[1]) - 1 :: int(match[2])]


def _selected(split: Dataset, task: Task, names: Sequence[str]) -> dict[str, set[str]] | None:
    """Parse ``--sample``: expressions by video; ``None``: all."""
    if not names:
        return None
    selected: dict[str, set[str]] = {}
    for name in names:
        video_id, _, expression_id = name.partition("/")
        _known_video(split, video_id, f"--sample {name}")
        known = _sample_ids(split, task, video_id)
        if expression_id and expression_id not in known:
            hint = did_you_mean(expression_id, list(known))
            raise UsageError(f"'{name}' is not a sample of {task.name}", location=f"--sample {name}", hint=hint)
        selected.setdefault(video_id, set()).update([expression_id] if expression_id else known)
    return selected
