"""Speed of training at mini size on the bundled split, and overhead of the trainer over a bare loop.

    python -m benchmarks.training [--method mttr ...] [--steps 5] [--sentences 1 4 16]

For every method with a small recipe: seconds per step of the recipe as shipped, sentences per second where a step has
one clip with up to so many sentences, and samples per second that the loader draws alone. The overhead compares the
steps of ``Trainer.fit`` with those of a loop that does the same arithmetic on the same samples and nothing else: from
the start of one step's losses to the next one's, so that the start, checkpoints and the final curves do not count. The
two alternate, and the median round is reported. One thread.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from mevis_bench.config.paths import configs_folder
from mevis_bench.config.train_config import read_train_config
from mevis_bench.data.registry import open_dataset
from mevis_bench.methods.method_options import typed_options
from mevis_bench.methods.registry import find_methods
from mevis_bench.methods.submodules import import_submodule
from mevis_bench.records import TrainingArguments
from mevis_bench.records.training import TrainingStage
from mevis_bench.training.frame_cache import CachedData, FrameCache
from mevis_bench.training.loader import micro_batches
from mevis_bench.training.loop import LoopTrainer, StageTraining
from mevis_bench.training.processes import Processes

VARIANT = "mini"
CACHE_BYTES = 256_000_000
OVERHEAD_METHOD = "lbdt"
SEED = 0


class StageReader:
    """Trainer that keeps the stage and trains nothing."""

    is_main_process = False

    def __init__(self) -> None:
        self.stages: list[TrainingStage] = []

    def fit(self, stage: TrainingStage) -> None:
        """See :class:`mevis_bench.records.training.Trainer`."""
        self.stages.append(stage)


def read_stage(method: str, settings: Sequence[str]) -> TrainingStage:
    """Return the stage of a method's small recipe on the bundled split."""
    resolved = find_methods().resolve(method, VARIANT)
    config = read_train_config(method, VARIANT, settings)
    module = import_submodule(resolved.method, "train")
    split = open_dataset(None, "valid_u")
    data = CachedData(split, FrameCache(CACHE_BYTES))
    reader = StageReader()
    with tempfile.TemporaryDirectory() as folder:
        module.train(
            TrainingArguments(
                variant=VARIANT,
                options=config.options(module.OPTIONS[VARIANT]),
                method_options=typed_options(resolved, resolved.spec.options),
                data=data,
                val_data=data,
                out=Path(folder),
                device="cpu",
                seed=SEED,
                trainer=reader,
                progress=lambda *_: None,
                evaluate=lambda method, videos: {},
            )
        )
    (stage,) = reader.stages
    stage.module.train()
    return stage


def seconds_per_step(stage: TrainingStage, steps: int) -> tuple[float, int]:
    """Median seconds of a step after the first, and sentences of these steps in all."""
    counts: list[int] = []
    collate = stage.collate

    def counted(samples: list[object]) -> object:
        counts.append(sum(len(getattr(sample, "sentences", ())) for sample in samples))
        return collate(samples)

    stage = replace(stage, collate=counted, steps=steps + 1)
    training = StageTraining(stage, Processes("cpu"), SEED)
    batches = micro_batches(stage, SEED, 0, rank=0, processes=1, workers=0)
    seconds = []
    for step in range(steps + 1):
        start = time.process_time()
        training.run_step(step, batches)
        seconds.append(time.process_time() - start)
    return median(seconds[1:]), sum(counts[1:])


def loader_samples_per_second(stage: TrainingStage, steps: int) -> float:
    """Samples per second that the loader draws, after one step that fills the frame cache."""
    batches = micro_batches(replace(stage, steps=steps + 1), SEED, 0, rank=0, processes=1, workers=0)
    next(batches)
    start = time.process_time()
    drawn = sum(len(batch.names) for batch in batches)
    return drawn / (time.process_time() - start)


def bare_loop(stage: TrainingStage) -> None:
    """Train a stage without checks, curves or checkpoints."""
    groups = [
        {"params": list(group.parameters), "lr": group.rate, "weight_decay": group.weight_decay}
        for group in stage.groups
    ]
    optimizer = torch.optim.AdamW(groups, betas=stage.betas)
    parameters = [parameter for group in stage.groups for parameter in group.parameters]
    for batch in micro_batches(stage, SEED, 0, rank=0, processes=1, workers=0):
        optimizer.zero_grad(set_to_none=True)
        stage.loss_fn(batch.batch)["loss"].backward()
        if stage.max_gradient_norm is not None:
            torch.nn.utils.clip_grad_norm_(parameters, stage.max_gradient_norm)
        optimizer.step()


def fit(stage: TrainingStage) -> None:
    """Train a stage with the trainer, as ``mevis-bench train`` does."""
    with tempfile.TemporaryDirectory() as folder:
        LoopTrainer(Path(folder), Processes("cpu"), SEED, lambda *_: None).fit(stage)


def cpu_seconds(function: Callable[[TrainingStage], None], method: str, steps: int) -> float:
    """CPU seconds of the steps of a function on a new stage, the first one left out; frames are in the cache."""
    stage = read_stage(method, [])
    for _ in micro_batches(replace(stage, steps=steps), SEED, 0, rank=0, processes=1, workers=0):
        pass
    starts: list[float] = []
    losses = stage.loss_fn

    def timed(batch: object) -> Mapping[str, torch.Tensor]:
        starts.append(time.process_time())
        return losses(batch)

    function(replace(stage, steps=steps, evaluate=None, best_metric=None, loss_fn=timed))
    return starts[-1] - starts[1]


def overhead(steps: int, rounds: int) -> float:
    """Share of time that the trainer adds to the steps of the bare loop."""
    ratios = []
    for number in range(rounds):
        pair = (fit, bare_loop) if number % 2 else (bare_loop, fit)
        seconds = {function: cpu_seconds(function, OVERHEAD_METHOD, steps) for function in pair}
        ratios.append(seconds[fit] / seconds[bare_loop] - 1)
    return median(ratios)


def main() -> None:
    """Measure and print."""
    known = sorted(path.stem.partition("-")[0] for path in (configs_folder() / "train").glob(f"*-{VARIANT}.yaml"))
    known = [method for method in known if method not in ("lmpmpp", "videollama2")]  # several stages each
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", nargs="*", choices=known, default=known)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--sentences", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--overhead-steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    columns = "".join(f"{count:>6} a clip" for count in arguments.sentences)
    print(f"{'CPU time, mini size':<22}{'s a step':>10}{'samples/s':>12}   sentences/s:{columns}")
    for method in arguments.method:
        stage = read_stage(method, [])
        step, _ = seconds_per_step(stage, arguments.steps)
        drawn = loader_samples_per_second(stage, arguments.steps)
        rates = []
        if hasattr(stage.sample, "index"):  # clips with sentences
            for count in arguments.sentences:
                one = read_stage(method, ["batch_size=1", f"sentences={count}"])
                seconds, sentences = seconds_per_step(one, arguments.steps)
                rates.append(f"{sentences / arguments.steps / seconds:>13.1f}")
        print(f"{method:<22}{step:>10.3f}{drawn:>12.1f}               {''.join(rates)}", flush=True)
    if arguments.rounds:
        share = overhead(arguments.overhead_steps, arguments.rounds)
        print(f"trainer over a bare loop ({OVERHEAD_METHOD}, {arguments.overhead_steps} steps): {100 * share:+.1f} %")


if __name__ == "__main__":
    main()
