"""What the harness costs over a bare loop around the same model, and whether memory grows with the number of videos.

    python -m benchmarks.overhead [--method lmpmpp] [--rounds 3]

The bare loop opens the embedded split, asks the model about each video and drops what it answers: it checks, encodes,
writes, records and resumes nothing. The loop that writes saves a PNG per frame, as the authors' scripts do. All use the
same loaded code in this process; they take turns, and of each the fastest round counts. Memory is that of fresh
processes that run generated splits of three sizes.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.peak_memory import peak_mib
from mevis_bench.config.run_config import RunConfig
from mevis_bench.data.mevis import open_split
from mevis_bench.execution.video_worker import VideoWorker
from mevis_bench.methods.loading import load_method
from mevis_bench.records import Method, MethodSetup, Prompt
from mevis_bench.runs.plan import RunPlan, plan_run
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.store.sample_index import SampleIndex
from mevis_bench.tasks import find_task

VIDEOS = (4, 10, 40)
"""Sizes of the splits that memory is measured on."""


def bare_loop(plan: RunPlan, method: Method, folder: Path | None = None) -> Callable[[], None]:
    """The loop one would write around a model; with a folder, masks are saved there as PNG files."""
    split, task = open_split(plan.config.data, plan.config.split), find_task("rvos")
    prompts: dict[str, list[Prompt]] = {
        video_id: [task.prompt(split, video_id, expression) for expression in task.expressions(split, video_id)]
        for video_id in split.video_ids
    }

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


def harness(plan: RunPlan, scratch: Path) -> Callable[[], None]:
    """The same through the runner's own loop, with everything written to disk; loading is left out on both sides.

    Each round is a run of its own, in a new folder: putting a file in another one's place makes some file systems wait
    for the disk.
    """
    worker = VideoWorker(replace(plan.work, out=scratch))
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


def seconds(act: Callable[[], None]) -> tuple[float, float]:
    """Time one round: by the clock, and on the processor, which other programs disturb less."""
    wall, processor = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - wall, time.process_time() - processor


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
    asked = parser.parse_args()
    plan = plan_run(RunConfig(task="rvos", method=asked.method, device="cpu"))
    work = plan.work
    setup = MethodSetup("rvos", work.chosen.variant, work.options, work.weights, work.device, work.seed)
    method = load_method(work.chosen.method, setup)
    samples = len(plan.identity.samples)
    with tempfile.TemporaryDirectory() as scratch:
        loops = {
            "bare loop": bare_loop(plan, method),
            "loop that writes PNG": bare_loop(plan, method, Path(scratch) / "png"),
            "harness": harness(plan, Path(scratch) / "run"),
        }
        seconds(loops["bare loop"])
        rounds = [{name: seconds(loop) for name, loop in loops.items()} for _ in range(asked.rounds)]
    for index, clock in enumerate(("by the clock", "on the processor")):
        best = {name: min(each[name][index] for each in rounds) for name in loops}
        print(f"{asked.method}, {samples} samples, {clock}:", ", ".join(f"{n} {s:.2f} s" for n, s in best.items()))
        more = best["harness"] - best["bare loop"]
        share, each = more / best["bare loop"], more / samples * 1e3
        print(f"  the harness costs {share:+.1%} over the bare loop, {each:.2f} ms a sample")
    with tempfile.TemporaryDirectory() as scratch:
        peaks = {videos: round(peak_memory(asked.method, videos, Path(scratch))) for videos in VIDEOS}
    print("peak memory in MiB by number of videos:", json.dumps(peaks))


if __name__ == "__main__":
    main()
