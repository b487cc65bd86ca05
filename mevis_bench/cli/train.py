"""``mevis-bench train``: train a method."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mevis_bench.cli import options
from mevis_bench.cli.option_groups import with_groups

if TYPE_CHECKING:
    from mevis_bench.cli.progress import Bar
    from mevis_bench.training.dry_run import StageReport


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedOptions:
    """Method to train, and its data."""

    method: options.TrainedMethodName
    variant: options.Variant = None
    data: options.TrainData = None
    split: options.TrainSplit = "train"
    val_split: options.ValSplit = "valid_u"
    held_out: options.HeldOut = None


@with_groups
def command(
    trained: TrainedOptions,
    settings: options.Settings,
    method_dir: options.MethodDirs,
    out: options.TrainOut = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    dry_run: options.DryRun = False,
    json: options.Json = False,
) -> None:
    """Train a method and write its weights; running the same command again resumes."""
    from mevis_bench.cli.console import err, print_deprecated, print_json
    from mevis_bench.cli.progress import Bar
    from mevis_bench.config.train_config import read_train_config
    from mevis_bench.methods.registry import find_methods
    from mevis_bench.runs.train import Training, describe, is_main_process, train
    from mevis_bench.runs.train import dry_run as measure

    if trained.held_out is not None:
        print_deprecated("--held-out", "--val-split")
    resolved = find_methods(method_dir).resolve(trained.method, trained.variant)
    config = read_train_config(resolved.method.spec.name, resolved.variant, settings)
    folder = out or Path("runs") / f"train-{resolved.method.spec.name}-{resolved.variant}"
    training = Training(
        resolved, config, trained.data, trained.split, trained.held_out or trained.val_split, folder, device, seed
    )
    if not is_main_process():
        (measure if dry_run else train)(training, lambda *_: None)
        return
    verb = "dry run of" if dry_run else "training"
    err().print(f"{verb} {resolved.name} on {trained.data or describe(config.mini)}", markup=False, soft_wrap=True)
    with Bar("steps") as bar:
        if dry_run:
            reports = measure(training, _ProgressBarCallback(bar))
        else:
            weights = train(training, _ProgressBarCallback(bar))
    if dry_run:
        _print_reports(reports, json=json)
        return
    if json:
        print_json({"out": str(folder), "weights": [str(path) for path in weights]})
        return
    for path in weights:
        err().print(f"written to {path}", markup=False, soft_wrap=True)
    task = resolved.spec.tasks[0]
    made = {name: weight for name, weight in resolved.spec.weights.items() if weight.owner is None}
    files = {name: folder / Path(weight.file).name for name, weight in made.items()}
    found = files and all(path.exists() for path in files.values())
    named = " ".join(f"--weights {name}={path}" for name, path in files.items()) if found else "--weights FILE"
    use = f"Use the weights: mevis-bench run --task {task} --method {resolved.name} {named}"
    err().print(use, style="cyan", soft_wrap=True)


class _ProgressBarCallback:
    """Training callback that shows one progress bar per stage."""

    def __init__(self, bar: "Bar") -> None:
        self._bar = bar
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int, values: Mapping[str, float]) -> None:
        if stage != self._stage:
            self._stage = stage
            self._bar.begin(stage, total, done)
        self._bar.advance_to(done, "  ".join(f"{name} {value:.4g}" for name, value in values.items()))


def _print_reports(reports: "Sequence[StageReport]", *, json: bool) -> None:
    from dataclasses import asdict

    from mevis_bench.cli.console import out, print_json

    if json:
        print_json({"stages": [{**asdict(report), "seconds": report.seconds} for report in reports]})
        return
    for report in reports:
        lines = [f"stage {report.name}: {report.steps} steps of {report.batch_size} samples, {report.samples} in all"]
        for group in report.groups:
            decay = f"weight decay {group.weight_decay:g}"
            lines.append(f"  {group.name}: {group.parameters:,} parameters, rate {group.rate:g}, {decay}")
        lines.append(f"  frozen: {report.frozen_parameters:,} parameters")
        lines.append(f"  peak memory {report.peak_memory / 1e9:.2f} GB, {report.seconds_per_step:.3g} s per step")
        lines.append(f"  estimate: {datetime.timedelta(seconds=round(report.seconds))}")
        out().print("\n".join(lines), soft_wrap=True)
