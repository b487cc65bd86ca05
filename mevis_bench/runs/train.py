"""Training of a method on a given or generated split; the same call again continues."""

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from filelock import FileLock

from mevis_bench.config.train_config import TrainConfig
from mevis_bench.data import synthetic
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic import make_mini
from mevis_bench.data.synthetic.plan import OPPOSITE_ORDERS
from mevis_bench.data.synthetic.world import find_world
from mevis_bench.files.atomic import atomic_write
from mevis_bench.files.cache import cache_path
from mevis_bench.methods.method_options import typed_options
from mevis_bench.methods.registry import ResolvedMethod
from mevis_bench.methods.submodules import import_submodule
from mevis_bench.records import DataError, MethodError, TrainingArguments, UsageError
from mevis_bench.records.dataset import Dataset
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.records.training import Progress, Trainer
from mevis_bench.runs.system_info import resolve_device
from mevis_bench.runs.validation import Validation
from mevis_bench.schemas.json_files import encode_document, plain, read_json_file
from mevis_bench.schemas.train_config import MiniData
from mevis_bench.schemas.training import TrainingRecord
from mevis_bench.store.run_folder import RunFolder

if TYPE_CHECKING:  # the command line imports this module before it knows whether torch is needed
    from mevis_bench.training.dry_run import StageReport

_RECORD = "training.json"


@dataclass(frozen=True, slots=True)
class Training:
    """A training as requested on the command line.

    Attributes:
        method: Method and variant.
        config: Its configuration.
        data: A MeViS folder; ``None``: mini, generated once and kept in the cache.
        split: Name of the split to train on; of mini it is ``train``.
        val_split: Name of the split to evaluate on; of mini it is ``held_out``.
        out: Folder of checkpoints, curves and weights.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        seed: Seed of everything random.
    """

    method: ResolvedMethod
    config: TrainConfig
    data: Path | None
    split: str
    val_split: str
    out: Path
    device: str
    seed: int


def train(training: Training, progress: Progress) -> tuple[Path, ...]:
    """Train, or continue a training that was stopped.

    Where torchrun started several processes, the first one makes the data and holds the folder; the others wait for it.

    Returns:
        The weights files in ``out`` at the end.

    Raises:
        UsageError: ``out`` holds a training with other settings, another process uses it, or the variant cannot be
            trained.
        DataError: The configuration or the data is wrong.
        MethodError: The method has no ``train.py``.
    """
    from mevis_bench.training.loop import LoopTrainer
    from mevis_bench.training.processes import Processes

    module, options = _load(training)
    if not is_main_process():
        _await(training.out / _RECORD)
    data, val_data = _splits(training, progress)
    with RunFolder(training.out).locked() if is_main_process() else contextlib.nullcontext():
        if is_main_process():
            _check_same(training, data, val_data)
        processes = Processes(resolve_device(training.device))
        trainer = LoopTrainer(training.out, processes, training.seed, progress, training.config.loader.workers)
        module.train(_arguments(training, options, data, val_data, str(processes.device), trainer, progress))
    return tuple(sorted(training.out.glob("*.safetensors")))


DRY_RUN_VIDEOS = 32
"""Videos of each split that a dry run uses."""


def dry_run(training: Training, progress: Progress) -> "tuple[StageReport, ...]":
    """Make ten steps of every stage on the first videos, in a temporary folder, and report sizes and times.

    Raises:
        MevisBenchError: As `train`.
    """
    from mevis_bench.training.dry_run import DryRunTrainer
    from mevis_bench.training.processes import Processes

    module, options = _load(training)
    mini = training.config.mini
    small = replace(
        mini,
        videos=min(mini.videos, DRY_RUN_VIDEOS),
        val_videos=min(mini.val_videos, DRY_RUN_VIDEOS),
        spoken_videos=min(mini.spoken_videos, DRY_RUN_VIDEOS),
    )
    training = replace(training, config=replace(training.config, mini=small))
    data, val_data = _splits(training, progress)
    processes = Processes(resolve_device(training.device))
    trainer = DryRunTrainer(processes, training.seed, training.config.loader.workers)
    with tempfile.TemporaryDirectory() as folder:
        training = replace(training, out=Path(folder))
        device = str(processes.device)
        module.train(_arguments(training, options, data, val_data, device, trainer, progress, DRY_RUN_VIDEOS))
    return tuple(trainer.reports)


def _load(training: Training) -> tuple[ModuleType, object]:
    """Import the method's ``train.py`` and read the options of the variant."""
    module = import_submodule(training.method.method, "train")
    kinds: Mapping[str, type[object]] | None = getattr(module, "OPTIONS", None)
    path = str(training.method.method.folder / "train.py")
    if kinds is None:
        raise MethodError("has no mapping OPTIONS from variants to option dataclasses", location=path)
    variant = training.method.variant
    if variant not in kinds:
        hint = did_you_mean(variant, list(kinds))
        raise UsageError(f"variant '{variant}' cannot be trained", location=path, hint=hint)
    return module, training.config.options(kinds[variant])


def _splits(training: Training, progress: Progress) -> tuple[Dataset, Dataset]:
    """Open the splits to train and evaluate on, or generate them."""
    if training.data is not None:
        data, val_data = (open_dataset(training.data, name) for name in (training.split, training.val_split))
    else:
        mini = training.config.mini
        data = mini_split("train", mini, progress)
        validation = replace(mini, videos=mini.val_videos, annotators=1, opposite_orders=OPPOSITE_ORDERS)
        validation = replace(validation, spoken_videos=mini.val_videos if mini.spoken_videos else 0)
        val_data = mini_split("held_out", validation, progress)
    _check_splits(data, val_data)
    return data, val_data


def _arguments(
    training: Training,
    options: object,
    data: Dataset,
    val_data: Dataset,
    device: str,
    trainer: Trainer,
    progress: Progress,
    max_videos: int | None = None,
) -> TrainingArguments:
    from mevis_bench.training.frame_cache import CachedData, FrameCache

    loader = training.config.loader
    cache = FrameCache(loader.frame_cache_mb * 1_000_000 // max(1, loader.workers))
    return TrainingArguments(
        variant=training.method.variant,
        options=options,
        method_options=typed_options(training.method, training.method.spec.options),
        data=CachedData(data, cache, max_videos),
        val_data=CachedData(val_data, cache, max_videos),
        out=training.out,
        device=device,
        seed=training.seed,
        trainer=trainer,
        progress=progress,
        evaluate=Validation(training.method.spec.tasks[0], val_data),
    )


def cache_folder() -> Path:
    """Return where generated splits are kept; it need not exist."""
    return cache_path("mini")


def mini_split(name: str, mini: MiniData, progress: Progress) -> Dataset:
    """Return a generated split of ``mini.videos``, kept in the cache as long as the generator does not change."""
    spoken = min(mini.spoken_videos, mini.videos)
    known_by = (name, mini.videos, mini.seed, mini.annotators, spoken, mini.opposite_orders, mini.world)
    folder = cache_folder() / "-".join(map(str, (*known_by, _generator_version())))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):  # another training may be making the same split
        if not (folder / name).is_dir():
            make_mini(
                name,
                mini.videos,
                mini.seed,
                folder,
                "one" if spoken else "none",
                mini.annotators,
                spoken_videos=spoken,
                opposite_orders=mini.opposite_orders,
                world=mini.world,
                progress=lambda what, done, total: progress(f"{name}: {what}", done, total, {}),
            )
    return open_dataset(folder, name)


def _generator_version() -> str:
    """Return the start of the sha256 of the generator's source."""
    sources = sorted(Path(synthetic.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:8]


def describe(mini: MiniData) -> str:
    """Return a description of the generated data."""
    data_set = find_world(mini.world).data_set
    return f"{data_set}: {mini.videos} videos to train on, {mini.val_videos} held out, seed {mini.seed}"


def is_main_process() -> bool:
    """Whether this is the only process of a training, or the first of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def _await(path: Path) -> None:
    """Wait until the first process of a training has written ``path``; torchrun ends all of them if it fails."""
    while not path.is_file():
        time.sleep(0.2)


def _check_splits(data: Dataset, val_data: Dataset) -> None:
    for split in (data, val_data):
        if not split.has_ground_truth:
            raise DataError(
                "the split has no ground truth (mask_dict.json), so it cannot be trained on", location=str(split.root)
            )
    if data.fingerprint == val_data.fingerprint:
        raise UsageError(
            "the validation split is the training split", location=str(data.root), hint="Give --val-split."
        )


def _check_same(training: Training, data: Dataset, val_data: Dataset) -> None:
    """Write the settings of this training, or compare them with those of the folder.

    Settings of a start that failed before it saved anything are replaced.
    """
    settings = TrainingRecord(
        method=training.method.name,
        options=plain(training.config.plain_options()),
        seed=training.seed,
        data=data.fingerprint,
        val_data=val_data.fingerprint,
        mini=training.config.mini,
    )
    path = training.out / _RECORD
    if not path.is_file() or next(training.out.rglob("*.safetensors"), None) is None:
        atomic_write(path, encode_document(settings))
        return
    existing = read_json_file(path, TrainingRecord, hint="Give another --out, or remove the folder.")
    names = [field.name for field in fields(TrainingRecord) if field.name != "mini"]  # its fingerprints are compared
    different = [name for name in names if getattr(existing, name) != getattr(settings, name)]
    if different:
        raise UsageError(
            f"the folder holds a training with other settings: {', '.join(different)}",
            location=str(training.out),
            hint="Give another --out, or remove the folder.",
        )
