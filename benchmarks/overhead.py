"""Overhead of the harness over a bare loop around the same model, and growth of memory with the number of videos.

    python -m benchmarks.overhead [--method lmpmpp] [--rounds 3] [--limit N] [--untrained]

The bare loop opens the mini split, runs the model on each video and discards its predictions: no checks, encoding,
files or resuming. The loop that writes saves a PNG per frame, as the authors' scripts do. All loops alternate in one
process. The model is timed separately, so that overhead is independent of the model's own variation; the median round
is reported. Memory is that of new processes that run generated splits of three sizes.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from benchmarks.peak_memory import peak_mib
from mevis_bench.data.registry import open_dataset
from mevis_bench.execution.video_predictor import VideoPredictor
from mevis_bench.records import Method, Prediction, Prompt, Video
from mevis_bench.runs.plan import RunPlan, plan_run
from mevis_bench.schemas.run_config import RunConfig
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.store.sample_index import SampleIndex
from mevis_bench.tasks import find_task

VIDEOS = (4, 10, 40)
"""Sizes of the splits for the memory measurement."""


def bare_loop(plan: RunPlan, method: Method, folder: Path | None = None) -> Callable[[], None]:
    """Return a plain loop around a model; with a folder, masks are saved there as PNG files."""
    split, task = open_dataset(plan.config.data, plan.config.split), find_task("rvos")
    prompts: dict[str, list[Prompt]] = {}
    for job in plan.videos:
        expressions = {expression.id: expression for expression in task.expressions(split, job.video_id)}
        prompts[job.video_id] = [
            task.make_prompt(split, job.video_id, expressions[expression_id]) for expression_id in job.expression_ids
        ]

    def run() -> None:
        for video_id, video_prompts in prompts.items():
            video = split.video(video_id)
            for prompt, prediction in zip(video_prompts, method.predict(video, video_prompts), strict=True):
                if folder is not None:
                    target = folder / video_id / prompt.id
                    target.mkdir(parents=True, exist_ok=True)
                    for name, mask in zip(video.frame_names, prediction.masks, strict=True):
                        Image.fromarray(mask.astype(np.uint8) * 255).save(target / f"{name}.png")

    return run


def harness(plan: RunPlan, predictor: VideoPredictor, scratch: Path) -> Callable[[], None]:
    """Return the same loop in the harness, with everything written to disk; loading is excluded from both.

    Each round writes to a new folder, because replacing a file makes some file systems wait for the disk.
    """
    rounds = itertools.count()

    def run() -> None:
        predictor.folder = folder = RunFolder(scratch / f"{next(rounds)}")
        folder.path.mkdir(parents=True)
        index = SampleIndex(folder.samples_path)
        for job in plan.videos:
            for status in predictor.predict(job):
                index.append(status)
        index.close()
        folder.flush()

    return run


class Timed:
    """A method that records its time."""

    def __init__(self, method: Method) -> None:
        self.method, self.seconds = method, 0.0

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[Prediction]:
        """See ``Method.predict``."""
        start = time.perf_counter()
        for prediction in self.method.predict(video, prompts):
            self.seconds += time.perf_counter() - start
            yield prediction
            start = time.perf_counter()
        self.seconds += time.perf_counter() - start

    def close(self) -> None:
        """See ``Method.close``."""
        self.method.close()


def seconds(loop: Callable[[], None], method: Timed) -> tuple[float, float]:
    """Return the seconds of one round: in total, and outside the model."""
    os.sync()  # the harness flushes its files and must not wait for those of the previous loop
    start, before = time.perf_counter(), method.seconds
    loop()
    total = time.perf_counter() - start
    return total, total - (method.seconds - before)


def peak_memory(method: str, videos: int, scratch: Path) -> float:
    """Return the peak memory in MiB of a process that runs a generated split of ``videos`` videos."""
    data = scratch / f"{videos}"
    program = [sys.executable, "-m", "mevis_bench"]
    generate = ["data", "make-mini", "--split", "train", "--videos", str(videos), "--seed", "5", "--out", str(data)]
    run = ["run", "--task", "rvos", "--method", method, "--data", str(data), "--split", "train", "--device", "cpu"]
    subprocess.run([*program, *generate], check=True, capture_output=True)
    return peak_mib([*program, *run, "--out", str(scratch / f"run-{videos}")])


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", default="lmpmpp")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, help="only the first N samples; memory is then not measured")
    parser.add_argument("--untrained", action="store_true", help="with random weights")
    arguments = parser.parse_args()
    weights = ("untrained",) if arguments.untrained else ()
    plan = plan_run(
        RunConfig(task="rvos", method=arguments.method, weights=weights, limit=arguments.limit, device="cpu")
    )
    samples = len(plan.identity.samples)
    with tempfile.TemporaryDirectory() as scratch:
        predictor = VideoPredictor(replace(plan.predictor, out=Path(scratch)))
        predictor.method = method = Timed(predictor.method)
        loops = {
            "bare loop": bare_loop(plan, method),
            "loop that writes PNG": bare_loop(plan, method, Path(scratch) / "png"),
            "harness": harness(plan, predictor, Path(scratch) / "run"),
        }
        for name in ("bare loop", "harness"):  # warm-up: imports
            seconds(loops[name], method)
        rounds = [{name: seconds(loop, method) for name, loop in loops.items()} for _ in range(arguments.rounds)]
    total, outside = ({name: median(times[name][index] for times in rounds) for name in loops} for index in (0, 1))
    print(f"{arguments.method}, {samples} samples, median of {arguments.rounds} rounds")
    for name in loops:
        print(f"  {name}: {total[name]:.2f} s, outside the model {outside[name] / samples * 1e3:.2f} ms per sample")
    more = outside["harness"] - outside["bare loop"]
    added, share = more / samples * 1e3, more / total["bare loop"]
    print(f"  the harness adds {added:.2f} ms per sample, {share:.1%} of the bare loop")
    print(f"  (2% of a model that takes {added * 50:.0f} ms per sample)")
    if arguments.limit is not None:
        return
    with tempfile.TemporaryDirectory() as scratch:
        peaks = {videos: round(peak_memory(arguments.method, videos, Path(scratch))) for videos in VIDEOS}
    print("peak memory in MiB by number of videos:", json.dumps(peaks))


if __name__ == "__main__":
    main()
