"""Speed of scoring compared with the official algorithm and pycocoevalcap.

    python benchmarks/scoring.py [--frames 70] [--expressions 16] [--large 50] [--only masks growth memory rmeg]

Times of one process are processor time, the minimum of several measurements after a warm-up. Scores of both sides are
compared, too; a difference ends the benchmark.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.mevis_shape import Shape, SplitFiles, make
from benchmarks.official_algorithm import Reader, score_expression
from benchmarks.peak_memory import peak_mib
from mevis_bench.metrics.protocols import MEVIS_V1
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.runs.score import score_run

OPTIONS = ScoringOptions(protocol=MEVIS_V1)  # the only protocol of the official script


def best_of(repeats: int, work: Callable[[], object]) -> float:
    """Return the minimum processor seconds of several calls."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def masks(shape: Shape, root: Path) -> None:
    """Time every format against the official algorithm."""
    paths = make(root, shape)
    split, ground_truth = (
        json.loads((paths.split / name).read_text()) for name in ("meta_expressions.json", "mask_dict.json")
    )
    frames = shape.videos * shape.expressions * shape.frames
    slow = {name: _official(split, ground_truth, reader) for name, reader in _readers(paths).items()}
    print(f"\nJ and F: {shape.videos} videos x {shape.expressions} expressions x {shape.frames} frames, 720p and 1080p")
    print(f"{'predictions':<12} {'official ms/frame':>18} {'ours ms/frame':>14} {'frames/s':>9} {'times faster':>13}")
    for name, path in (
        ("PNG tree", paths.png),
        ("zip of PNG", paths.zip),
        ("run folder", paths.run),
        ("JSON", paths.json),
    ):
        reference, scores = slow["png" if "PNG" in name else "rle"]
        scored = score_run(path, data=paths.split, options=OPTIONS, out=root / "out")
        _check(scores, {score.sample: (score.values["J"], score.values["F"]) for score in scored.scores})
        ours = (
            best_of(3, lambda path=path: score_run(path, data=paths.split, options=OPTIONS, out=root / "out")) / frames
        )
        print(f"{name:<12} {1e3 * reference:>18.1f} {1e3 * ours:>14.3f} {1 / ours:>9.0f} {reference / ours:>13.0f}")


def _readers(paths: SplitFiles) -> dict[str, Reader]:
    return {"png": Reader(png=paths.png), "rle": Reader(run=paths.run)}


def _official(split: dict, ground_truth: dict, read: Reader) -> tuple[float, dict[str, tuple[float, float]]]:
    """Return seconds per frame and scores of every fourth expression by the official algorithm."""
    scores, frames, start = {}, 0, time.process_time()
    for video, entry in split["videos"].items():
        for expression in list(entry["expressions"])[1::4]:
            scores[f"{video}/{expression}"] = score_expression(split, ground_truth, video, expression, read)
            frames += len(entry["frames"])
    return (time.process_time() - start) / frames, scores


def _check(reference: dict[str, tuple[float, float]], ours: dict[str, tuple[float, float]]) -> None:
    for sample, scores in reference.items():
        if ours[sample] != scores:
            sys.exit(f"{sample}: {ours[sample]} here, {scores} by the official algorithm")


def growth(shape: Shape, root: Path) -> None:
    """Print the cost by number of expressions, frames and workers."""
    print("\nCost of a run folder, ms per frame (processor time)")
    for label, changed in (
        *((f"{n} expressions", Shape(2, shape.frames, n)) for n in (1, 4, 16)),
        *((f"{n} frames", Shape(2, n, 16)) for n in (10, 35, 70)),
    ):
        paths = make(root / label, changed, with_png=False)
        frames = changed.videos * changed.expressions * changed.frames
        score_run(paths.run, data=paths.split, options=OPTIONS)
        ours = best_of(3, lambda paths=paths: score_run(paths.run, data=paths.split, options=OPTIONS))
        print(f"{label:<16} {1e3 * ours / frames:.3f}")
    paths = make(root / "workers", Shape(24, shape.frames, shape.expressions), with_png=False)
    print("Total seconds for 24 videos, including the start of the processes")
    for workers in (1, 2, 4):
        start = time.perf_counter()
        score_run(paths.run, data=paths.split, options=OPTIONS, workers=workers)
        print(f"{workers} workers        {time.perf_counter() - start:.2f}")


def memory(shape: Shape, root: Path, videos: int) -> None:
    """Print the peak memory of scoring a split of valid_u's size in a new process."""
    paths = make(root, Shape(videos, shape.frames, 18), with_png=False)
    words = [sys.executable, "-m", "mevis_bench", "score", str(paths.run), "--data", str(paths.split), "--workers", "1"]
    start = time.perf_counter()
    peak = peak_mib(words)
    seconds = time.perf_counter() - start
    print(f"\n{videos} videos x 18 expressions x {shape.frames} frames in a new process: {seconds:.1f} s, ", end="")
    print(f"peak memory {peak:.0f} MiB")


def captions(count: int = 900) -> None:
    """Print the time of METEOR and CIDEr without the start of Java, which is measured first."""
    from mevis_bench.metrics.aggregation import ScoredSample
    from mevis_bench.metrics.captions import CaptionSample, Meteor, fill_empty, tokenize_samples
    from mevis_bench.metrics.description import CaptionAggregator

    words = ["bird", "dog", "flies", "runs", "left", "right", "first", "stops", "away", "camera", "other", "waits"]
    rng = np.random.default_rng(0)
    samples = [
        CaptionSample(" ".join(rng.choice(words, 9)), tuple(" ".join(rng.choice(words, 8)) for _ in range(4)))
        for _ in range(count)
    ]
    start = time.perf_counter()
    meteor = Meteor()
    meteor.send([fill_empty(sample) for sample in tokenize_samples(samples[:1])])
    meteor.statistics(1)
    alone = time.perf_counter() - start
    meteor.close()
    start = time.perf_counter()
    aggregator = CaptionAggregator()
    aggregator.update(
        [ScoredSample(f"v/{k}", {}, (sample, ("v", frozenset([str(k)])))) for k, sample in enumerate(samples)]
    )
    scores = aggregator.compute()
    total = time.perf_counter() - start
    aggregator.close()
    print(
        f"\nMETEOR and CIDEr of {count} captions with 4 references: {total:.1f} s, start of Java {alone:.1f} s, ",
        end="",
    )
    print(f"without it {total - alone:.1f} s ({', '.join(f'{k} {v:.4f}' for k, v in scores.items() if v is not None)})")


def main() -> None:
    """Run the selected parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=70)
    parser.add_argument("--expressions", type=int, default=16)
    parser.add_argument("--large", type=int, default=50, help="number of videos of the memory measurement")
    parser.add_argument("--only", nargs="+", default=["masks", "growth", "memory", "rmeg"])
    arguments = parser.parse_args()
    shape = Shape(2, arguments.frames, arguments.expressions)
    with tempfile.TemporaryDirectory() as folder:
        parts: dict[str, Callable[[], None]] = {
            "masks": lambda: masks(shape, Path(folder) / "masks"),
            "growth": lambda: growth(shape, Path(folder) / "growth"),
            "memory": lambda: memory(shape, Path(folder) / "memory", arguments.large),
            "rmeg": captions,
        }
        for name in arguments.only:
            parts[name]()


if __name__ == "__main__":
    main()
