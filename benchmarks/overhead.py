"""What the harness costs over a bare loop around the same model, and whether memory grows with the number of videos.

    python -m benchmarks.overhead [--method lmpmpp] [--rounds 3]

The bare loop opens the embedded split, asks the model about each video and drops what it answers: it checks, encodes,
writes, records and resumes nothing. Both use the same loaded code in this process; they take turns, and of each the
fastest round counts. Memory is that of fresh processes that run generated splits of three sizes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

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


def bare_loop(plan: RunPlan, method: Method) -> Callable[[], None]:
    """The loop one would write around a model."""
    split, task = open_split(plan.config.data, plan.config.split), find_task("rvos")
    prompts: dict[str, list[Prompt]] = {
        video_id: [task.prompt(split, video_id, expression) for expression in task.expressions(split, video_id)]
        for video_id in split.video_ids
    }

    def run() -> None:
        for video_id, asked in prompts.items():
            for _ in method.predict(split.video(video_id), asked):
                pass

    return run


def harness(plan: RunPlan, scratch: Path) -> Callable[[], None]:
    """The same through the runner's own loop, with everything written to disk; loading is left out on both sides."""
    folder = RunFolder(scratch)
    worker = VideoWorker(replace(plan.work, out=scratch))

    def run() -> None:
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
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    child = subprocess.Popen([*program, *run, "--out", str(scratch / f"run-{videos}")], **quiet)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"the run of {videos} videos ended with exit code {os.waitstatus_to_exitcode(status)}")
    return used.ru_maxrss / 1024


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
    with tempfile.TemporaryDirectory() as scratch:
        bare, through = bare_loop(plan, method), harness(plan, Path(scratch))
        seconds(bare)
        rounds = [(seconds(bare), seconds(through)) for _ in range(asked.rounds)]
    samples = len(plan.identity.samples)
    for index, clock in enumerate(("by the clock", "on the processor")):
        loop, harnessed = (min(each[side][index] for each in rounds) for side in (0, 1))
        more = f"{harnessed / loop - 1:+.1%}, {(harnessed - loop) / samples * 1e3:.2f} ms a sample"
        print(f"{asked.method}, {samples} samples, {clock}: bare loop {loop:.2f} s, harness {harnessed:.2f} s: {more}")
    with tempfile.TemporaryDirectory() as scratch:
        peaks = {videos: round(peak_memory(asked.method, videos, Path(scratch))) for videos in VIDEOS}
    print("peak memory in MiB by number of videos:", json.dumps(peaks))


if __name__ == "__main__":
    main()
