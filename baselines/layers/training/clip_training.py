"""One stage on clips, from a method's losses to its weights file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from baselines.layers.checkpoints.weights_file import save_weights
from baselines.layers.nn.text_encoder import PAD, Tokenizer
from baselines.layers.training.clip_sampling import ClipSampler, ClipTrainOptions, SampledClip
from mevis_bench.records import Method, MissingWeightsError, TrainingArguments
from mevis_bench.records.schedules import MultiStepSchedule, Schedule
from mevis_bench.records.training import CONSTANT, ParameterGroup, TrainingStage


@dataclass(frozen=True, slots=True, eq=False)
class ClipStage:
    """Contributions of a method to a training on clips.

    Attributes:
        name: Name of the stage.
        network: The network, on its device.
        groups: Its parameter groups.
        sampler: Draws clips.
        loss_fn: Losses of some clips by name, ``loss`` among them.
        method: The network as a method, for evaluations.
        best_metric: Metric of which the best evaluation is kept.
        schedule: Factor on all rates.
        max_gradient_norm: Largest norm of the whole gradient; ``None``: not clipped.
        precision: Data type of the network.
        key: Name of a tensor in the weights file, from its name in the network; ``None``: it is left out.
        half: Whether the weights file is in half precision.
    """

    name: str
    network: nn.Module
    groups: Sequence[ParameterGroup]
    sampler: ClipSampler
    loss_fn: Callable[[list[SampledClip]], Mapping[str, Tensor]]
    method: Method
    best_metric: str = "J&F"
    schedule: Schedule = CONSTANT
    max_gradient_norm: float | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    key: Callable[[str], str | None] = str
    half: bool = False


def fit(arguments: TrainingArguments, options: ClipTrainOptions, stage: ClipStage, weights_file: str) -> None:
    """Train a stage, or continue it, and write the weights as a file that the method's ``load`` reads.

    With ``val_videos`` the weights are those of the best evaluation.
    """

    def evaluate() -> Mapping[str, float]:
        return arguments.evaluate(stage.method, options.val_videos)

    evaluated = options.val_videos > 0
    arguments.trainer.fit(
        TrainingStage(
            name=stage.name,
            module=stage.network,
            groups=stage.groups,
            sample=stage.sampler,
            sample_name=lambda clip: clip.name,
            loss_fn=stage.loss_fn,
            steps=options.count_steps(len(stage.sampler.index)),
            batch_size=options.batch_size,
            schedule=stage.schedule,
            max_gradient_norm=stage.max_gradient_norm,
            precision=stage.precision,
            save_every=options.save_every,
            log_every=options.log_every,
            evaluate=evaluate if evaluated else None,
            evaluate_every=options.evaluate_every,
            best_metric=stage.best_metric if evaluated else None,
        )
    )
    if arguments.trainer.is_main_process:
        named = ((stage.key(name), value) for name, value in stage.network.state_dict().items())
        tensors = {key: value.half() if stage.half else value.clone() for key, value in named if key is not None}
        metadata = {"data_fingerprint": arguments.data.fingerprint, "seed": str(arguments.seed)}
        save_weights(tensors, arguments.out / weights_file, metadata)


def drop_schedule(drops: Sequence[int], epochs: int, gamma: float = 0.1) -> MultiStepSchedule:
    """Multiply the rates by ``gamma`` at the start of epochs ``drops``, wherever ``steps`` ends the training."""
    return MultiStepSchedule(tuple(drop / epochs for drop in drops), gamma)


def existing_file(path: str, option: str) -> Path:
    """Return the path of a file to start from.

    Raises:
        MissingWeightsError: There is none.
    """
    if not Path(path).is_file():
        raise MissingWeightsError(
            "file to start from not found", location=path, hint=f"Give its path: --set {option}=FILE."
        )
    return Path(path)


def token_batch(texts: Sequence[str], tokenizer: Tokenizer) -> tuple[list[list[int]], list[list[int]]]:
    """Tokenize sentences and pad them to the longest one.

    Returns:
        Ids and attention masks, 1 on tokens and 0 on padding, one row per sentence.
    """
    rows = [list(tokenizer.encode(text).ids) for text in texts]
    longest = max(len(row) for row in rows)
    ids = [row + [PAD] * (longest - len(row)) for row in rows]
    return ids, [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
