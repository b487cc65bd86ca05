"""What the harness costs over a bare loop around the same model, and whether memory grows with the number of videos.

    python -m benchmarks.overhead [--method lmpmpp] [--rounds 3] [--limit N] [--untrained]

The bare loop opens the embedded split, asks the model about each video and drops what it answers: it checks, encodes,
writes, records and resumes nothing. The loop that writes saves a PNG per frame, as the authors' scripts do. All use the
same loaded code in this process and take turns. A clock stands around the model, too, so that what a loop does beside
it is known apart from how long the model took this time; the median round counts. Memory is that of fresh processes
that run generated splits of three sizes.
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
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from benchmarks.peak_memory import peak_mib
from mevis_bench.config.run_config import RunConfig
from mevis_bench.data.mevis.split import open_split
from mevis_bench.execution.video_predictor import VideoPredictor
from mevis_bench.records import Method, Prediction, Prompt, Video
from mevis_bench.runs.plan import RunPlan, plan_run
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.store.sample_index import SampleIndex
from mevis_bench.tasks import find_task

VIDEOS = (4, 10, 40)
"""Sizes of the splits that memory is measured on."""


def bare_loop(plan: RunPlan, method: Method, folder: Path | None = None) -> Callable[[], None]:
    """The loop one would write around a model; with a folder, masks are saved there as PNG files."""
    split, task = open_split(plan.config.data, plan.config.split), find_task("rvos")
    prompts: dict[str, list[Prompt]] = {}
    for work in plan.videos:
        said = {expression.id: expression for expression in task.expressions(split, work.video_id)}
        prompts[work.video_id] = [task.prompt(split, work.video_id, said[one]) for one in work.expression_ids]

    def run() -> None:
        for video_id, asked in prompts.items():
            video = split.video(video_id)
            for prompt, answer in zip(asked, method.predict(video, asked), strict=True):
                if folder is not None:
                    place = folder / video_id / prompt.id
                    place.mkdir(parents=True, exist_ok=True)
                    for name, mask in zip(video.frame_names, answer.masks, strict=True):
                        Image.fromarray(mask.astype(np.uint8) * 255).save(place / f"{name}.png")

    return run


def harness(plan: RunPlan, worker: VideoPredictor, scratch: Path) -> Callable[[], None]:
    """The same through the runner's own loop, with everything written to disk; loading is left out on both sides.

    Each round is a run of its own, in a new folder: putting a file in another one's place makes some file systems wait
    for the disk.
    """
    rounds = itertools.count()

    def run() -> None:
        worker.folder = folder = RunFolder(scratch / f"{next(rounds)}")
        folder.path.mkdir(parents=True)
        index = SampleIndex(folder.samples_path)
        for work in plan.videos:
            for status in worker.answer(work):
                index.append(status)
        index.close()
        folder.flush()

    return run


class Timed:
    """A method with a clock around it."""

    def __init__(self, method: Method) -> None:
        self.method, self.seconds = method, 0.0

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[Prediction]:
        """See ``Method.predict``."""
        start = time.perf_counter()
        for answer in self.method.predict(video, prompts):
            self.seconds += time.perf_counter() - start
            yield answer
            start = time.perf_counter()
        self.seconds += time.perf_counter() - start

    def close(self) -> None:
        """See ``Method.close``."""
        self.method.close()


def seconds(loop: Callable[[], None], method: Timed) -> tuple[float, float]:
    """Time one round: all of it, and what of it is not the model's."""
    os.sync()  # the harness flushes its files, and should not wait for those of the loop before
    start, before = time.perf_counter(), method.seconds
    loop()
    total = time.perf_counter() - start
    return total, total - (method.seconds - before)


def peak_memory(method: str, videos: int, scratch: Path) -> float:
    """Peak memory in MiB of a process that runs a generated split of so many videos."""
    data = scratch / f"{videos}"
    program = [sys.executable, "-m", "mevis_bench"]
    make = ["data", "make-mini", "--split", "train", "--videos", str(videos), "--seed", "5", "--out", str(data)]
    run = ["run", "--task", "rvos", "--method", method, "--data", str(data), "--split", "train", "--device", "cpu"]
    subprocess.run([*program, *make], check=True, capture_output=True)
    return peak_mib([*program, *run, "--out", str(scratch / f"run-{videos}")])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", default="lmpmpp")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, help="only the first so many samples; memory is then not measured")
    parser.add_argument("--untrained", action="store_true", help="with random weights")
    asked = parser.parse_args()
    weights = ("untrained",) if asked.untrained else ()
    plan = plan_run(RunConfig(task="rvos", method=asked.method, weights=weights, limit=asked.limit, device="cpu"))
    worker = VideoPredictor(plan.work)
    worker.method = method = Timed(worker.method)
    samples = len(plan.identity.samples)
    with tempfile.TemporaryDirectory() as scratch:
        loops = {
            "bare loop": bare_loop(plan, method),
            "loop that writes PNG": bare_loop(plan, method, Path(scratch) / "png"),
            "harness": harness(plan, worker, Path(scratch) / "run"),
        }
        for name in ("bare loop", "harness"):  # the first time pays for imports
            seconds(loops[name], method)
        rounds = [{name: seconds(loop, method) for name, loop in loops.items()} for _ in range(asked.rounds)]
    total, beside = ({name: median(each[name][index] for each in rounds) for name in loops} for index in (0, 1))
    print(f"{asked.method}, {samples} samples, median of {asked.rounds} rounds")
    for name in loops:
        print(f"  {name}: {total[name]:.2f} s, beside the model {beside[name] / samples * 1e3:.2f} ms a sample")
    more = beside["harness"] - beside["bare loop"]
    added, share = more / samples * 1e3, more / total["bare loop"]
    print(f"  the harness adds {added:.2f} ms a sample, {share:.1%} of the bare loop")
    print(f"  (2% of a model that takes {added * 50:.0f} ms a sample)")
    if asked.limit is not None:
        return
    with tempfile.TemporaryDirectory() as scratch:
        peaks = {videos: round(peak_memory(asked.method, videos, Path(scratch))) for videos in VIDEOS}
    print("peak memory in MiB by number of videos:", json.dumps(peaks))


if __name__ == "__main__":
    main()
