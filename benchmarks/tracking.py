"""Speed of HOTA, CLEAR and Identity compared with motrics (Rust), TrackEval and the files that they come from.

    python -m benchmarks.tracking [--repeats 5] [--skip-trackeval]

Processor time of one thread, the minimum of several measurements after a warm-up; arrays are in each library's own form
before its clock starts. Ours are compared with TrackEval's values and counts, and HOTA and IDF1 with motrics';
a difference ends the benchmark with exit code 1, and so does a ratio above 1. "motrics wrong": sequences in which
motrics' CLEAR is not TrackEval's.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import motrics
import numpy as np

from mevis_bench.metrics.clear import clear_scores, count_clear
from mevis_bench.metrics.protocols import MEVIS_V1
from mevis_bench.metrics.track_pairs import TrackPairs
from mevis_bench.metrics.tracking import (
    SequenceCounts,
    check_tracks,
    combined,
    count_hota,
    count_sequence,
    hota_scores,
)
from mevis_bench.records import TrackPrediction
from mevis_bench.store.formats.refer_kitti import encode_tracks, parse_tracks

FRAMES = 70
SHAPES = ((200, 3), (60, 10), (20, 25), (10, 60))
"""Number of sequences and of objects in each."""
THRESHOLDS = MEVIS_V1.hota_thresholds
TOLERANCE = 1e-12

Pair = tuple[TrackPrediction, TrackPrediction]
Frames = tuple[list[list[int]], list[np.ndarray]]


def draw(rng: np.random.Generator, objects: int) -> Pair:
    """Boxes that move, and predictions of them with jitter, misses, false boxes and changes of identity."""
    true, predicted = [], []
    for name in range(objects):
        size = rng.uniform(20, 150, 2)
        corner, speed = rng.uniform(0, [1280, 720] - size), rng.normal(0, 4, 2)
        change = rng.integers(0, 2 * FRAMES)
        for t in range(FRAMES):
            box = np.concatenate([corner + t * speed, corner + t * speed + size])
            if rng.random() < 0.95:
                true.append((t, name, box))
            if rng.random() < 0.9:
                predicted.append(
                    (t, name if t < change else name + objects, box + rng.normal(0, 0.06, 4) * size.mean())
                )
            if rng.random() < 0.05:
                place = rng.uniform(0, 600, 2)
                predicted.append((t, 2 * objects + name, np.concatenate([place, place + size])))
    return _tracks(true), _tracks(predicted)


def _tracks(entries: list[tuple[int, int, np.ndarray]]) -> TrackPrediction:
    entries.sort(key=lambda entry: entry[0])
    frames, ids, boxes = zip(*entries, strict=True)
    return TrackPrediction(np.array(frames), np.array(ids), np.array(boxes))


def frame_lists(tracks: TrackPrediction) -> Frames:
    """Return identities and boxes frame by frame, as motrics takes them."""
    masks = [tracks.frames == t for t in range(FRAMES)]
    return [tracks.ids[mask].tolist() for mask in masks], [np.ascontiguousarray(tracks.boxes[mask]) for mask in masks]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Seconds of both sides for one piece of work."""

    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        """Our time over theirs."""
        return self.ours / self.theirs

    def __str__(self) -> str:
        return f"{1e3 * self.ours:>8.1f} {1e3 * self.theirs:>8.1f} {self.ratio:>6.2f}"


def compare(ours: Callable[[], object], theirs: Callable[[], object], repeats: int) -> Comparison:
    """Time two functions by turns, so that both see the same machine."""
    times: tuple[list[float], list[float]] = [], []
    for _ in range(repeats):
        for side, work in zip(times, (ours, theirs), strict=True):
            start = time.process_time()
            work()
            side.append(time.process_time() - start)
    return Comparison(min(times[0]), min(times[1]))


def read_tracks(path: Path) -> TrackPrediction:
    """Read and check one file of tracks."""
    tracks = parse_tracks(path.read_text(encoding="ascii"), FRAMES, str(path))
    check_tracks(tracks, FRAMES, str(path))
    return tracks


def score_files(folder: Path, count: int) -> str:
    """Return one row of a table from the files of all sequences."""
    counts = [
        count_sequence(read_tracks(folder / f"{k}.gt.txt"), read_tracks(folder / f"{k}.txt"), THRESHOLDS)
        for k in range(count)
    ]
    return _row(hota_scores(combined(counts)))


def _row(scores: object) -> str:
    return " ".join(f"{100 * getattr(scores, name):.3f}" for name in ("hota", "deta", "assa", "loca"))


def motrics_score_files(folder: Path, count: int) -> str:
    """Return a row of a table by motrics: the last sequence's, because it has no scores of several together."""
    for k in range(count):
        sides = (motrics.load_motchallenge(folder / f"{k}{suffix}.txt") for suffix in (".gt", ""))
        scores = motrics.compute_hota(*motrics.align_frames(*sides))
    return _row(scores)


def check(pairs: Sequence[Pair], counts: Sequence[SequenceCounts], lists: Sequence[tuple]) -> None:
    """End the benchmark where HOTA or Identity differs from motrics'."""
    for k, (pair, ours, arguments) in enumerate(zip(pairs, counts, lists, strict=True)):
        theirs = motrics.evaluate(motrics.Frames(*arguments[:2]), motrics.Frames(*arguments[2:]))
        scores = hota_scores(ours)
        differences = {
            name: abs(getattr(scores, name) - getattr(theirs.hota, name)) for name in ("hota", "deta", "assa")
        }
        differences["idf1"] = abs(clear_scores(count_clear(TrackPairs.of(*pair))).idf1 - theirs.identity.idf1)
        worst = max(differences, key=differences.__getitem__)
        if differences[worst] > TOLERANCE:
            sys.exit(f"sequence {k}: {worst} differs from motrics' by {differences[worst]}")


def check_trackeval(
    pairs: Sequence[Pair], counts: Sequence[SequenceCounts], lists: Sequence[tuple]
) -> tuple[float, int]:
    """Return TrackEval's time for HOTA and in how many sequences motrics' CLEAR is not TrackEval's.

    A count of ours that differs ends the benchmark.
    """
    from tests.references.trackeval_hota import evaluate, evaluate_clear

    sequences = [(*pair, FRAMES) for pair in pairs]
    start = time.process_time()
    each, _ = evaluate(sequences)
    seconds, others = time.process_time() - start, 0
    for k, (ours, hota, clear, arguments) in enumerate(
        zip(counts, each, evaluate_clear(sequences)[0], lists, strict=True)
    ):
        of_clear = count_clear(TrackPairs.of(*pairs[k]))
        ours_of_clear = [of_clear.tp, of_clear.switches, of_clear.idtp]
        theirs_of_clear = [clear["CLR_TP"], clear["IDSW"], clear["IDTP"]]
        if [ours.tp.tolist(), ours.fp.tolist()] != [hota["HOTA_TP"].tolist(), hota["HOTA_FP"].tolist()]:
            sys.exit(f"sequence {k}: counts of HOTA differ from TrackEval's")
        if abs(hota_scores(ours).hota - float(np.mean(hota["HOTA"]))) > TOLERANCE:
            sys.exit(f"sequence {k}: HOTA differs from TrackEval's")
        if ours_of_clear != theirs_of_clear:
            sys.exit(f"sequence {k}: counts of CLEAR are {ours_of_clear}, TrackEval's {theirs_of_clear}")
        rust = motrics.compute_clear(*arguments)
        others += [rust.num_matches, rust.num_switches] != theirs_of_clear[:2]
    return seconds, others


def measure(sequences: int, objects: int, repeats: int, with_trackeval: bool) -> bool:
    """Print one shape's row; return whether no ratio is above 1."""
    rng = np.random.default_rng(0)
    pairs = [draw(rng, objects) for _ in range(sequences)]
    lists = [(*frame_lists(true), *frame_lists(predicted)) for true, predicted in pairs]
    sides = [(motrics.Frames(*lists_[:2]), motrics.Frames(*lists_[2:])) for lists_ in lists]

    def all_metrics() -> None:
        for pair in pairs:
            both = TrackPairs.of(*pair)
            count_hota(both, THRESHOLDS)
            count_clear(both)

    counts = [count_sequence(*pair, THRESHOLDS) for pair in pairs]
    check(pairs, counts, lists)
    hota = compare(
        lambda: [count_sequence(*pair, THRESHOLDS) for pair in pairs],
        lambda: [motrics.compute_hota(*arguments) for arguments in lists],
        repeats,
    )
    everything = compare(all_metrics, lambda: [motrics.evaluate(*both) for both in sides], repeats)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for k, (true, predicted) in enumerate(pairs):
            (folder / f"{k}.gt.txt").write_text(encode_tracks(true))
            (folder / f"{k}.txt").write_text(encode_tracks(predicted))
        files = compare(lambda: score_files(folder, sequences), lambda: motrics_score_files(folder, sequences), repeats)
    trackeval = ""
    if with_trackeval:
        seconds, others = check_trackeval(pairs, counts, lists)
        trackeval = f"{seconds / hota.ours:>15.0f} {others:>15}"
    print(f"{sequences:>9} x {objects:<3} {hota} {everything} {files} {trackeval}", flush=True)
    return max(hota.ratio, everything.ratio, files.ratio) <= 1


def main() -> None:
    """Run all shapes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--skip-trackeval", action="store_true")
    arguments = parser.parse_args()
    print(f"Tracking metrics, {FRAMES} frames, ms here and in motrics {motrics.__version__}, and their ratio")
    print(f"{'sequences x objects':<14}{'HOTA':>18} {'+ CLEAR, Identity':>24} {'files to table':>24}", end="")
    print("" if arguments.skip_trackeval else f" {'TrackEval/ours':>15} {'motrics wrong':>15}")
    results = [measure(*shape, arguments.repeats, not arguments.skip_trackeval) for shape in SHAPES]
    if not all(results):
        sys.exit("slower than motrics")


if __name__ == "__main__":
    main()
