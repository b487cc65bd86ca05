"""Seconds per video: all expressions in one call compared with one call per expression.

    python benchmarks/encode_once_methods.py referformer mutr mttr [--expressions 16] [--frames 16] [--device cuda]
    python benchmarks/encode_once_methods.py mttr --precision float32 bfloat16 --device cuda
    python benchmarks/encode_once_methods.py mttr:mini --compile

Methods run with seeded random weights, whose cost is that of trained ones, on frames of seeded noise. For every
precision after the first, and with compiled layers, the share of mask pixels that differ from the first row is printed.
Compilation happens before the clock starts.
"""

import argparse
import itertools
import json
import platform
import tempfile
import time
import wave
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mevis_bench.execution.compilation import compile_layers
from mevis_bench.methods.loading import load_method
from mevis_bench.methods.registry import ResolvedMethod, find_methods
from mevis_bench.records import Method, MethodConfig, Prompt, SpeechPrompt, TextPrompt, Video

EXPRESSION = "the bird that flies from left to right and then turns around number"


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: seconds for the video with one call and with separate calls, and differences of the masks."""

    method: str
    precision: str
    together: float
    separate: float
    differing: int
    changed: float | None


def noise_video(folder: Path, frames: int, height: int, width: int) -> Video:
    """Write frames of seeded noise."""
    numbers = np.random.RandomState(0)
    paths = [folder / f"{index:05d}.png" for index in range(frames)]
    for path in paths:
        Image.fromarray(numbers.randint(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
    return Video("noise", tuple(path.stem for path in paths), tuple(paths), height, width)


def make_prompts(task: str, count: int, folder: Path) -> list[Prompt]:
    """Return ``count`` different sentences, or recordings of three seconds of noise."""
    if task != "avos":
        return [TextPrompt(str(index), f"{EXPRESSION} {index}") for index in range(count)]
    numbers = np.random.RandomState(1)
    prompts: list[Prompt] = []
    for index in range(count):
        path = folder / f"{index}.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16000)
            file.writeframes(numbers.randint(-9000, 9000, 48000).astype("<i2").tobytes())
        prompts.append(SpeechPrompt(str(index), path))
    return prompts


def predict(method: Method, video: Video, calls: Sequence[Sequence[Prompt]]) -> tuple[float, list[np.ndarray]]:
    """Return the total seconds of all calls and every prompt's masks."""
    start = time.perf_counter()
    masks = [prediction.masks for prompts in calls for prediction in method.predict(video, prompts)]
    return time.perf_counter() - start, masks


def benchmark(resolved: ResolvedMethod, options: argparse.Namespace, video: Video, prompts: list[Prompt]) -> list[Row]:
    """Return one row per precision, then with compiled layers; a method without the option has one precision."""
    known = "precision" in resolved.spec.options
    precisions = options.precision if known else options.precision[:1]
    rows, first = [], None
    for compiled, precision in itertools.product([False, True] if options.compile else [False], precisions):
        settings = {**resolved.spec.options, "precision": precision} if known else resolved.spec.options
        config = MethodConfig(options.task, resolved.variant, settings, None, options.device, 0)
        method = load_method(resolved.method, config)
        if compiled:
            compile_layers(method, resolved.name)
            predict(method, video, [prompts])
        predict(method, video, [prompts[:1]])  # warm-up: lazy imports and allocations
        together, masks = predict(method, video, [prompts])
        separate, alone = predict(method, video, [[prompt] for prompt in prompts])
        method.close()
        differing = sum(int((a != b).sum()) for a, b in zip(masks, alone, strict=True))
        changed = None
        if first is None:
            first = masks
        else:
            changed = float(np.mean([(a != b).mean() for a, b in zip(masks, first, strict=True)]))
        name = f"{resolved.name} compiled" if compiled else resolved.name
        rows.append(Row(name, precision if known else "float32", together, separate, differing, changed))
    return rows


def main() -> None:
    """Run the benchmark and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("methods", nargs="+", metavar="NAME[:VARIANT]")
    parser.add_argument("--task", default="rvos", choices=("rvos", "avos"))
    parser.add_argument("--expressions", type=int, default=16)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--size", default="144x256", help="rows x columns of the frames")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", nargs="+", default=["float32"])
    parser.add_argument("--compile", action="store_true", help="also with compiled layers")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    options = parser.parse_args()
    height, width = (int(side) for side in options.size.split("x"))
    registry = find_methods()
    machine = torch.cuda.get_device_name() if options.device.startswith("cuda") else platform.machine()
    print(f"{options.expressions} expressions, {options.frames} frames of {options.size}, {options.device} ({machine}, "
          f"{torch.get_num_threads()} threads), torch {torch.__version__}")  # fmt: skip
    print(f"{'method':<32} {'precision':<9} {'one call':>9} {'separate':>9} {'ratio':>6} {'differ':>7} {'changed':>9}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        video = noise_video(Path(folder), options.frames, height, width)
        prompts = make_prompts(options.task, options.expressions, Path(folder))
        for name in options.methods:
            for row in benchmark(registry.resolve(name), options, video, prompts):
                rows.append(row)
                changed = "-" if row.changed is None else f"{row.changed:.2e}"
                print(f"{row.method:<32} {row.precision:<9} {row.together:>8.2f}s {row.separate:>8.2f}s "
                      f"{row.separate / row.together:>6.2f} {row.differing:>7} {changed:>9}", flush=True)  # fmt: skip
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
