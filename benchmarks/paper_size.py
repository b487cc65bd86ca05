"""LMPM++ in the paper's sizes with random weights: what it takes to run, and what a training step takes.

    python -m benchmarks.paper_size predict [--frames 200] [--precision bfloat16] [--device cuda]
    python -m benchmarks.paper_size train [--steps 2] [--frames 16] [--device cuda]

``predict`` segments one sentence about a video of noise at 360x640, 20 object tokens a frame, by the protocol of
``mevis-bench cost``: model-only seconds leave the decoding of frames out, and the first one, which includes one-time
set-up, is of one frame and does not count. ``train`` takes steps of configs/train/lmpmpp-paper.yaml of one clip.
"""

import argparse
import itertools
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import mean

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from benchmarks.encode_once_methods import EXPRESSION, noise_video
from mevis_bench.config.train_config import read_train_config
from mevis_bench.execution.profiling import device_name, measure_resource_usage, peak_bytes
from mevis_bench.execution.timed_video import TimedVideo
from mevis_bench.methods.loading import load_method
from mevis_bench.methods.registry import ResolvedMethod, find_methods
from mevis_bench.records import MethodConfig, TextPrompt, Video
from mevis_bench.runs.system_info import resolve_device
from mevis_bench.runs.train import Training, train

HEIGHT, WIDTH = 360, 640

GIB = 1024**3


def predict(resolved: ResolvedMethod, frames: int, precision: str, device: str) -> None:
    """Answer one sentence about a long video."""
    options = {**resolved.spec.options, "precision": precision, "window": frames}
    method = load_method(resolved.method, MethodConfig("rvos", "paper", options, None, device, 0))
    with tempfile.TemporaryDirectory() as folder:
        video = TimedVideo.of(noise_video(Path(folder), frames, HEIGHT, WIDTH))
        first = Video("first", video.frame_names[:1], video.frame_paths[:1], HEIGHT, WIDTH)
        prompt = TextPrompt("0", EXPRESSION)
        list(method.predict(first, [prompt]))
        start = time.perf_counter()
        list(method.predict(video, [prompt]))
        seconds = time.perf_counter() - start
    costs = measure_resource_usage(method, device)
    model = seconds - video.decoding.seconds
    print(f"{frames} frames, {20 * frames} object tokens, {precision}, {location(device)}")
    print(f"  {frames / model:.2f} frames a second in the model, {frames / seconds:.2f} with decoding")
    print(f"  {(costs.parameters or 0) / 1e9:.2f} G parameters, {(costs.trainable or 0) / 1e6:.2f} M of them trained")
    print(f"  at most {peaks(device)}")


def take_steps(resolved: ResolvedMethod, steps: int, frames: int, precision: str, device: str) -> None:
    """Train for a few steps on a generated split; the first, which includes set-up, is reported separately."""
    settings = [f"steps={steps}", f"frames={frames}", f"precision={precision}", "samples=1"]
    config = read_train_config("lmpmpp", "paper", settings)
    config = replace(config, mini=replace(config.mini, videos=4, val_videos=2))
    losses: dict[str, float] = {}
    times = [time.perf_counter()]
    hook = register_optimizer_step_post_hook(lambda *_: times.append(time.perf_counter()))
    with tempfile.TemporaryDirectory() as folder:
        training = Training(resolved, config, None, "train", "held_out", Path(folder), device, 0)
        train(training, lambda stage, step, total, means: losses.update(means if stage == "paper" else {}))
    hook.remove()
    each = [after - before for before, after in itertools.pairwise(times[1:])]
    print(f"{steps} steps of one clip of {frames} frames, {precision}, {location(device)}")
    print(f"  {mean(each):.1f} seconds a step, {times[1] - times[0]:.0f} until the end of the first")
    print("  mean losses: " + ", ".join(f"{name} {value:.3f}" for name, value in losses.items()))
    print(f"  at most {peaks(device)}")


def location(device: str) -> str:
    """Return the device's name and the number of threads."""
    return f"{device_name(device)}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def peaks(device: str) -> str:
    """Return the peak memory of this process."""
    host, on_device = peak_bytes(device)
    return f"{host / GIB:.1f} GiB" + ("" if on_device is None else f", {on_device / GIB:.1f} GiB on the device")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("predict", "train"))
    parser.add_argument("--frames", type=int, help="default: 200 to predict, 16 to train")
    parser.add_argument("--steps", type=int, default=3, help="of the training, 2 or more")
    parser.add_argument("--precision", default="bfloat16", choices=("float32", "bfloat16"))
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    if args.steps < 2:
        parser.error("--steps must be 2 or more: the first step is set-up")
    resolved, device = find_methods().resolve("lmpmpp:paper"), resolve_device(args.device)
    if args.what == "predict":
        predict(resolved, args.frames or 200, args.precision, device)
    else:
        take_steps(resolved, args.steps, args.frames or 16, args.precision, device)


if __name__ == "__main__":
    main()
