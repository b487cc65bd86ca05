"""How much is saved by encoding a video once for all of its sentences.

    python benchmarks/encode_once.py [--data PATH --split NAME] [--sentences 16] [--repeats 3]

Prints the seconds of one call with all sentences and of as many calls with one sentence each, and their ratio.
"""

import argparse
import time
from pathlib import Path

from baselines.lmpmpp.method import load
from mevis_bench.data.mevis import open_split
from mevis_bench.records import MethodSetup, TextPrompt

WEIGHTS = Path(__file__).resolve().parents[1] / "baselines" / "lmpmpp" / "weights" / "mini.safetensors"


def main() -> None:
    """Measure on the split's first video."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--split", default="valid_u")
    parser.add_argument("--sentences", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3, help="the best of so many measurements counts")
    arguments = parser.parse_args()
    split = open_split(arguments.data, arguments.split)
    video = split.video(split.video_ids[0])
    texts = [expression.text for v in split.video_ids for expression in split.expressions(v)]
    prompts = [TextPrompt(str(i), text) for i, text in enumerate(texts[: arguments.sentences])]
    method = load(MethodSetup("rvos", "mini", {"answers": "language"}, {"model": WEIGHTS}, "cpu", 0))
    list(method.predict(video, prompts[:1]))  # the first call pays for lazy imports
    together = separate = float("inf")
    for _ in range(arguments.repeats):
        start = time.perf_counter()
        list(method.predict(video, prompts))
        middle = time.perf_counter()
        for prompt in prompts:
            list(method.predict(video, [prompt]))
        together = min(together, middle - start)
        separate = min(separate, time.perf_counter() - middle)
    print(f"{len(prompts)} sentences in one call: {together:.3f} s")
    print(f"{len(prompts)} calls of one sentence:  {separate:.3f} s")
    print(f"share: {together / separate:.3f}")


if __name__ == "__main__":
    main()
