"""Training a method: its data is found or generated, and the same call again continues."""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from mevis_bench.data import synthetic
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic import make_mini
from mevis_bench.data.synthetic.plan import OPPOSITE_ORDERS
from mevis_bench.files.atomic import atomic_write
from mevis_bench.methods.registry import ResolvedMethod
from mevis_bench.methods.submodules import import_submodule
from mevis_bench.records import DataError, TrainingArguments, UsageError
from mevis_bench.records.dataset import Dataset
from mevis_bench.runs.system_info import resolve_device
from mevis_bench.schemas.train_config import MiniData, TrainConfig
from mevis_bench.store.run_folder import RunFolder

_RECORD = "training.json"

Progress = Callable[[str, int, int, Mapping[str, float]], None]


@dataclass(frozen=True, slots=True)
class Training:
    """What ``mevis-bench train`` was asked.

    Attributes:
        chosen: Method and variant.
        config: Its configuration.
        data: A MeViS folder; ``None``: mini, generated once and kept in the cache.
        split: Name of the split to learn from; of mini it is ``train``.
        held_out: Name of the split to measure on; of mini it is ``held_out``.
        out: Folder of checkpoints, curves and weights.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        seed: Seed of everything random.
    """

    chosen: ResolvedMethod
    config: TrainConfig
    data: Path | None
    split: str
    held_out: str
    out: Path
    device: str
    seed: int


def train(training: Training, progress: Progress) -> tuple[Path, ...]:
    """Train, or go on with a training that was stopped.

    Where torchrun started several processes, the first one makes the data and holds the folder; the others wait for it.

    Returns:
        The weights files that lie in ``out`` at the end.

    Raises:
        UsageError: ``out`` holds a training with other settings, or another process is at it.
        MethodError: The method has no ``train.py``.
    """
    module = import_submodule(training.chosen.method, "train")
    device = resolve_device(training.device)
    if not is_main_process():
        _await(training.out / _RECORD)
    if training.data is None:
        mini = training.config.mini
        spoken = min(mini.spoken_videos, mini.videos)
        data = mini_split("train", mini.videos, mini.seed, mini.annotators, spoken, mini.opposite_orders, progress)
        heard = mini.held_out_videos if spoken else 0
        held_out = mini_split("held_out", mini.held_out_videos, mini.seed, 1, heard, OPPOSITE_ORDERS, progress)
    else:
        data, held_out = open_dataset(training.data, training.split), open_dataset(training.data, training.held_out)
    _check_splits(data, held_out)
    with RunFolder(training.out).locked() if is_main_process() else contextlib.nullcontext():
        if is_main_process():
            _check_same(training, data, held_out)
        setup = TrainingArguments(
            variant=training.chosen.variant,
            options=training.config.options,
            data=data,
            held_out=held_out,
            out=training.out,
            device=device,
            seed=training.seed,
            progress=progress,
        )
        module.train(setup)
    return tuple(sorted(training.out.glob("*.safetensors")))


def cache_folder() -> Path:
    """Return where generated splits are kept; it need not exist."""
    return Path.home() / ".cache" / "mevis-bench" / "mini"


def mini_split(
    name: str, videos: int, seed: int, annotators: int, spoken: int, opposite_orders: float, progress: Progress
) -> Dataset:
    """Return a generated split, made on first use and kept in the cache as long as the generator does not change."""
    known_by = (name, videos, seed, annotators, spoken, opposite_orders, _generator_version())
    folder = cache_folder() / "-".join(map(str, known_by))
    if not (folder / name).is_dir():
        make_mini(
            name,
            videos,
            seed,
            folder,
            "one" if spoken else "none",
            annotators,
            spoken_videos=spoken,
            opposite_orders=opposite_orders,
            progress=lambda what, done, total: progress(f"{name}: {what}", done, total, {}),
        )
    return open_dataset(folder, name)


def _generator_version() -> str:
    """Return the start of the sha256 of the generator's source."""
    sources = sorted(Path(synthetic.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:8]


def describe(mini: MiniData) -> str:
    """Say what is generated, in words."""
    return f"mini: {mini.videos} videos to learn from, {mini.held_out_videos} held out, seed {mini.seed}"


def is_main_process() -> bool:
    """Tell whether this is the only process of a training, or the first of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def _await(path: Path) -> None:
    """Wait until the first process of a training has written ``path``; torchrun ends all of them if it fails."""
    while not path.is_file():
        time.sleep(0.2)


def _check_splits(data: Dataset, held_out: Dataset) -> None:
    for split in (data, held_out):
        if not split.has_ground_truth:
            raise DataError(
                "the split has no truth (mask_dict.json), so nothing can be learned", location=str(split.root)
            )
    if data.fingerprint == held_out.fingerprint:
        raise UsageError(
            "the held-out split is the one to learn from", location=str(data.root), hint="Give --held-out."
        )


def _check_same(training: Training, data: Dataset, held_out: Dataset) -> None:
    """Write what this training is, or compare with what is written there."""
    asked = {
        "method": training.chosen.name,
        "options": training.config.options,
        "seed": training.seed,
        "data": data.fingerprint,
        "held_out": held_out.fingerprint,
    }
    path = training.out / _RECORD
    if not path.is_file():
        atomic_write(path, json.dumps({**asked, "mini": asdict(training.config.mini)}, indent=2) + "\n")
        return
    there = json.loads(path.read_text())
    different = [name for name, value in asked.items() if there.get(name) != json.loads(json.dumps(value))]
    if different:
        raise UsageError(
            f"the folder holds a training with other settings: {', '.join(different)}",
            location=str(training.out),
            hint="Give another --out, or remove the folder.",
        )
