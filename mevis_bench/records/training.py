"""Interface between methods and the trainer.

``baselines/<name>/train.py`` has ``train(arguments: TrainingArguments) -> None``, which builds a model, calls
``arguments.trainer.fit(stage)`` once per stage and exports the weights, and ``OPTIONS``, a mapping from each variant
that can be trained to the frozen dataclass of its options (``configs/train/<name>-<variant>.yaml``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from mevis_bench.records.ground_truth import Expression, GroundTruth
from mevis_bench.records.method import Method
from mevis_bench.records.schedules import ConstantSchedule, Schedule
from mevis_bench.records.video import Video

if TYPE_CHECKING:  # torch would make help and lists start slowly
    import numpy as np
    from torch import Tensor, nn


class TrainingData(Protocol):
    """A split with ground truth: the only door through which a method meets ground truth, and only in training."""

    @property
    def video_ids(self) -> tuple[str, ...]:
        """Ids of all videos, sorted."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of the split's annotation files; stored with the weights made from it."""
        ...

    def video(self, video_id: str) -> Video:
        """Return the frames of one video, not yet decoded."""
        ...

    def expressions(self, video_id: str) -> Sequence[Expression]:
        """Return the expressions of one video, in file order."""
        ...

    def audio(self, video_id: str, expression_id: str) -> Path | None:
        """Return the sound file of a spoken expression, ``None`` where it is not spoken."""
        ...

    def ground_truths(self, video_id: str) -> Sequence[GroundTruth]:
        """Return the ground truth of every expression of one video, in file order."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ParameterGroup:
    """Parameters that are trained with one rate and weight decay.

    Attributes:
        name: Name in reports.
        parameters: The parameters; all of them require a gradient.
        rate: Learning rate where the schedule's factor is 1.
        weight_decay: Decoupled weight decay (AdamW).
    """

    name: str
    parameters: Sequence[nn.Parameter]
    rate: float
    weight_decay: float = 0.0


@dataclass(frozen=True, slots=True)
class SamplePosition:
    """Position of a sample in a stage.

    Attributes:
        step: Optimizer step, 0..steps-1.
        index: Sample in the step, 0..batch_size-1, over all processes and micro-batches.
    """

    step: int
    index: int


CONSTANT = ConstantSchedule()


def _unnamed(sample: Any) -> str:
    return ""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingStage:
    """One training stage. Every random choice follows from the seed, the stage's name and the step.

    Attributes:
        name: Name of the stage and of its files.
        module: Module that is saved: its trained parameters and its buffers.
        groups: Every parameter of ``module`` that requires a gradient is in exactly one of them.
        sample: Draws a sample; its generator belongs to this sample alone. May run in a worker process, so it must not
            touch an accelerator.
        loss_fn: Losses of a micro-batch by name, scalars; ``loss`` is minimized, the others are only reported. Means
            over the samples, so that micro-batches and processes can be averaged.
        steps: Optimizer steps.
        batch_size: Samples per optimizer step, over all processes and micro-batches.
        collate: Makes a micro-batch of a list of samples.
        sample_name: Name of a sample in error messages.
        schedule: Factor on all rates.
        betas: Of AdamW.
        max_gradient_norm: Largest norm of the whole gradient; ``None``: not clipped.
        accumulation: Micro-batches per process and step.
        precision: ``bfloat16``: automatic mixed precision.
        ema_decay: Decay of an exponential moving average of the trained parameters, with which the stage is evaluated
            and ends; ``None``: no average.
        log_every: Steps between two points of the loss curve, each a mean over these steps.
        save_every: Steps between two checkpoints.
        evaluate: Measures the module, which is in eval mode; called in every process. ``None``: no evaluation.
        evaluate_every: Steps between two evaluations; the last step is always evaluated.
        best_metric: Metric of ``evaluate`` to maximize: the stage ends with the weights of the best evaluation.
            ``None``: with the last ones.
    """

    name: str
    module: nn.Module
    groups: Sequence[ParameterGroup]
    sample: Callable[[np.random.Generator, SamplePosition], Any]
    loss_fn: Callable[[Any], Mapping[str, Tensor]]
    steps: int
    batch_size: int = 1
    collate: Callable[[list[Any]], Any] = list
    sample_name: Callable[[Any], str] = _unnamed
    schedule: Schedule = CONSTANT
    betas: tuple[float, float] = (0.9, 0.999)
    max_gradient_norm: float | None = None
    accumulation: int = 1
    precision: Literal["float32", "bfloat16"] = "float32"
    ema_decay: float | None = None
    log_every: int = 50
    save_every: int = 200
    evaluate: Callable[[], Mapping[str, float]] | None = None
    evaluate_every: int = 1000
    best_metric: str | None = None


class Trainer(Protocol):
    """Trains stages."""

    @property
    def is_main_process(self) -> bool:
        """Whether this process writes files; exactly one of a training's processes does."""
        ...

    def fit(self, stage: TrainingStage) -> None:
        """Train a stage, or continue it from its last checkpoint; a complete one is only loaded.

        Afterwards the stage's module holds the trained weights and is in eval mode.

        Raises:
            DataError: The stage's checkpoint belongs to another module.
            MevisBenchError: A loss is not finite, the disk is full, or a loader worker was killed.
        """
        ...


Evaluate = Callable[[Method, int], Mapping[str, float]]
"""Metrics of a method on the first videos of the validation split, by the harness's own scoring."""

Progress = Callable[[str, int, int, Mapping[str, float]], None]
"""Receives (stage, steps done, steps in all, values by name)."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingArguments:
    """Arguments of a method's ``train``.

    Attributes:
        variant: Name of the variant in ``method.yaml``.
        options: The configuration (``configs/train/<method>-<variant>.yaml`` and ``--set``) as an instance of the
            method's dataclass for this variant.
        method_options: The variant's options in ``method.yaml``, as ``load`` gets them: sizes and inference.
        data: Split to train on.
        val_data: Split to evaluate on, never trained on.
        out: Folder for caches, measurements and the final weights; a second call with the same folder continues.
        device: Torch device of this process.
        seed: Seed of everything random.
        trainer: Trains the stages.
        progress: Receives the progress of work outside the trainer.
        evaluate: Scores a method on the first N videos of ``val_data``; metrics by name, undefined ones left out.
    """

    variant: str
    options: Any
    method_options: Any
    data: TrainingData
    val_data: TrainingData
    out: Path
    device: str
    seed: int
    trainer: Trainer
    progress: Progress
    evaluate: Evaluate
