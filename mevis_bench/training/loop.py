"""The training loop: AdamW on parameter groups, a schedule, several processes, checkpoints and resume."""

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from mevis_bench.records import MevisBenchError
from mevis_bench.records.training import Progress, TrainingStage
from mevis_bench.schemas.scores import Value
from mevis_bench.schemas.stage_state import StageState
from mevis_bench.training.checkpoints import (
    CheckpointFiles,
    check_match,
    load_model,
    model_tensors,
    pack_optimizer,
    part,
    trained_parameters,
    unpack_optimizer,
)
from mevis_bench.training.curves import CurveFiles
from mevis_bench.training.loader import MicroBatch, micro_batches
from mevis_bench.training.moving_average import MovingAverage
from mevis_bench.training.processes import Processes
from mevis_bench.training.random_seeds import deterministic_sums, seed_losses


class LossModule(nn.Module):
    """A stage's module and losses as one module, because processes average the gradients of a module's forward.

    Args:
        stage: The stage.
    """

    def __init__(self, stage: TrainingStage) -> None:
        super().__init__()
        self.module = stage.module
        self._loss_fn = stage.loss_fn
        self._precision = stage.precision

    def forward(self, micro_batch: MicroBatch, device: str) -> dict[str, Tensor]:
        """Losses of a micro-batch by name."""
        with torch.autocast(device, torch.bfloat16, enabled=self._precision == "bfloat16"):
            return dict(self._loss_fn(micro_batch.batch))


class StageTraining:
    """A stage in training: module, optimizer and moving average.

    Args:
        stage: The stage.
        processes: Processes of the training.
        seed: Seed of the training.

    Raises:
        ValueError: The parameter groups are not the trained parameters of the module.
    """

    def __init__(self, stage: TrainingStage, processes: Processes, seed: int) -> None:
        self.stage, self.processes, self.seed = stage, processes, seed
        self.trained = trained_parameters(stage.module)
        _check_groups(stage, self.trained)
        self.wrapped = processes.wrap(LossModule(stage))
        groups = [
            {"params": list(group.parameters), "lr": group.rate, "weight_decay": group.weight_decay}
            for group in stage.groups
        ]
        self.optimizer = torch.optim.AdamW(groups, betas=stage.betas)
        self.average = None if stage.ema_decay is None else MovingAverage(self.trained, stage.ema_decay)

    def run_step(self, step: int, batches: Iterator[MicroBatch]) -> dict[str, float]:
        """Make one optimizer step.

        Returns:
            Losses by name, means over micro-batches and processes.

        Raises:
            MevisBenchError: The loss or the gradient is not finite; the weights are unchanged.
        """
        stage = self.stage
        self._set_rates(step)
        self.optimizer.zero_grad(set_to_none=True)
        sums: dict[str, Tensor] = {}
        names: list[str] = []
        for turn in range(stage.accumulation):
            micro_batch = next(batches)
            names += micro_batch.names
            last = turn == stage.accumulation - 1
            with contextlib.nullcontext() if last else self.processes.without_averaging(self.wrapped):
                losses = self._backward(step, micro_batch)
            for name, value in losses.items():
                sums[name] = sums[name] + value.detach() if name in sums else value.detach()
        largest = math.inf if stage.max_gradient_norm is None else stage.max_gradient_norm
        norm = self.processes.clip(self.trained.values(), largest)
        means = self.processes.means({**sums, "": norm})
        finite = math.isfinite(means.pop("")) and math.isfinite(means["loss"])
        if not finite:
            self._refuse(step, names, means)
        self.optimizer.step()
        if self.average is not None:
            self.average.update()
        return {name: value / stage.accumulation for name, value in means.items()}

    def _backward(self, step: int, micro_batch: MicroBatch) -> dict[str, Tensor]:
        seed_losses(self.seed, self.stage.name, step, micro_batch.number)
        with deterministic_sums(self.processes.device):
            losses: dict[str, Tensor] = self.wrapped(micro_batch, self.processes.device.type)
            self.processes.backward(losses["loss"] / self.stage.accumulation)
        return losses

    def _set_rates(self, step: int) -> None:
        factor = self.stage.schedule.factor(step, self.stage.steps)
        for options, group in zip(self.optimizer.param_groups, self.stage.groups, strict=True):
            options["lr"] = group.rate * factor

    def _refuse(self, step: int, names: list[str], means: dict[str, float]) -> None:
        samples = ", ".join(self.processes.gather_names(names))
        losses = ", ".join(f"{name} {value:.4g}" for name, value in means.items())
        raise MevisBenchError(
            f"stage '{self.stage.name}', step {step}: the loss or its gradient is not finite ({losses}); "
            f"samples: {samples}",
            hint="Try a lower learning rate or precision float32.",
        )

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Context with the module in eval mode, with averaged weights if there are any."""
        self.stage.module.eval()
        with contextlib.nullcontext() if self.average is None else self.average.applied():
            yield
        self.stage.module.train()


@dataclass(frozen=True, slots=True)
class LoopTrainer:
    """See :class:`mevis_bench.records.training.Trainer`.

    Attributes:
        out: Folder of checkpoints and curves.
        processes: Processes of the training.
        seed: Seed of everything random.
        progress: Receives the losses of every logged step and the results of evaluations.
        workers: Worker processes that draw samples, per process; 0: none.
    """

    out: Path
    processes: Processes
    seed: int
    progress: Progress
    workers: int = 0

    @property
    def is_main_process(self) -> bool:
        """See :class:`mevis_bench.records.training.Trainer`."""
        return self.processes.rank == 0

    def fit(self, stage: TrainingStage) -> None:
        """See :class:`mevis_bench.records.training.Trainer`."""
        stage.module.train()
        training = StageTraining(stage, self.processes, self.seed)
        files = CheckpointFiles(self.out, stage.name)
        state, sums = self._resume(training, files)
        if state.step < stage.steps:
            self._train(training, files, state, sums)
        self.processes.wait()
        if stage.best_metric is not None and files.best.is_file():
            tensors, _ = files.load(files.best)
            load_model(stage.module, part(tensors, "model."), files.best)
        elif training.average is not None:
            training.average.write()
        stage.module.eval()
        stage.module.zero_grad(set_to_none=True)
        self.processes.release()

    def _resume(self, training: StageTraining, files: CheckpointFiles) -> tuple[StageState, dict[str, float]]:
        if not files.last.is_file():
            threads = torch.get_num_threads()
            return StageState(step=0, curve=[], evaluations=[], best=None, best_step=None, threads=threads), {}
        tensors, state = files.load(files.last)
        load_model(training.stage.module, part(tensors, "model."), files.last)
        unpack_optimizer(training.optimizer, training.trained, tensors, state.step, files.last)
        average, sums = part(tensors, "ema."), part(tensors, "sums.")
        check_match(average, {} if training.average is None else training.average.tensors, files.last)
        check_match(sums, {name: torch.zeros(()) for name in sums}, files.last)
        if training.average is not None:
            training.average.load(average)
        if state.threads is not None:
            torch.set_num_threads(state.threads)
        return state, {name: float(value) for name, value in sums.items()}

    def _train(
        self, training: StageTraining, files: CheckpointFiles, state: StageState, sums: dict[str, float]
    ) -> None:
        stage, processes = training.stage, self.processes
        batches = micro_batches(
            stage, self.seed, state.step, rank=processes.rank, processes=processes.count, workers=self.workers
        )
        with contextlib.closing(batches), self._curves(stage, state.step) as curves:
            while state.step < stage.steps:
                losses = self._step(training, state.step, batches, files)
                state.step += 1
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0.0) + value
                done = state.step == stage.steps
                if state.step % stage.log_every == 0 or done:
                    self._log(stage, state, sums, curves)
                    sums = {}
                if stage.evaluate is not None and (state.step % stage.evaluate_every == 0 or done):
                    self._evaluate(training, files, state, curves)
                if curves is not None and (state.step % stage.save_every == 0 or done):
                    self._save(training, files, state, sums)
                    curves.write(state)
            if curves is not None:
                curves.draw(state)

    def _step(
        self, training: StageTraining, step: int, batches: Iterator[MicroBatch], files: CheckpointFiles
    ) -> dict[str, float]:
        try:
            return training.run_step(step, batches)
        except MevisBenchError as error:
            if error.location is None:
                error.location = files.describe()
            raise

    def _curves(self, stage: TrainingStage, step: int) -> contextlib.AbstractContextManager[CurveFiles | None]:
        return CurveFiles(self.out, stage.name, step) if self.is_main_process else contextlib.nullcontext()

    def _log(self, stage: TrainingStage, state: StageState, sums: dict[str, float], curves: CurveFiles | None) -> None:
        before = int(state.curve[-1]["step"] or 0) if state.curve else 0
        values = {name: value / (state.step - before) for name, value in sums.items()}
        state.curve.append({"step": state.step, **_finite(values)})
        if curves is not None:
            rate = {"rate_factor": stage.schedule.factor(state.step - 1, stage.steps)}
            curves.add(state.step, {**values, **rate})
            self.progress(stage.name, state.step, stage.steps, values)

    def _evaluate(
        self, training: StageTraining, files: CheckpointFiles, state: StageState, curves: CurveFiles | None
    ) -> None:
        stage = training.stage
        assert stage.evaluate is not None
        with training.averaged():
            metrics = dict(stage.evaluate())
            state.evaluations.append({"step": state.step, **_finite(metrics)})
            value = None if stage.best_metric is None else _finite(metrics).get(stage.best_metric)
            if value is not None and (state.best is None or value > state.best):
                state.best, state.best_step = value, state.step
                if curves is not None:
                    model = {f"model.{name}": tensor for name, tensor in model_tensors(stage.module).items()}
                    files.save(files.best, model, state)
        if curves is not None:
            shown = {f"val_{name}": value for name, value in metrics.items()}
            curves.add(state.step, shown)
            self.progress(stage.name, state.step, stage.steps, shown)

    def _save(self, training: StageTraining, files: CheckpointFiles, state: StageState, sums: dict[str, float]) -> None:
        tensors = {f"model.{name}": tensor for name, tensor in model_tensors(training.stage.module).items()}
        tensors |= pack_optimizer(training.optimizer, training.trained)
        if training.average is not None:
            tensors |= {f"ema.{name}": tensor for name, tensor in training.average.tensors.items()}
        tensors |= {f"sums.{name}": torch.tensor(value, dtype=torch.float64) for name, value in sums.items()}
        files.save(files.last, tensors, state)


def _finite(values: Mapping[str, float]) -> dict[str, Value]:
    """Return values as they are stored: JSON has no NaN and no infinity."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _check_groups(stage: TrainingStage, trained: dict[str, nn.Parameter]) -> None:
    names = {id(parameter): name for name, parameter in trained.items()}
    grouped = [id(parameter) for group in stage.groups for parameter in group.parameters]
    if len(grouped) != len(set(grouped)):
        raise ValueError(f"stage '{stage.name}': a parameter is in two groups")
    if set(grouped) != set(names):
        wrong = next(iter(set(grouped) ^ set(names)))
        name = names.get(wrong, "a frozen parameter, or one of another module")
        raise ValueError(f"stage '{stage.name}': {name} is trained in no group, or in a group and not trained")
