"""Yardsticks of a split: what answers are worth that read no word, and what no better method could exceed.

    mevis-bench run --task rvos --method every_object --out runs/every-object
    python -m benchmarks.yardsticks runs/every-object
    python -m benchmarks.yardsticks runs/every-object --references runs/references

The second one writes the answers of ``REFERENCES`` as predictions that ``mevis-bench score`` reads, for the rows of
``report --leaderboard`` that use the ground truth.

Both tables use the ground truth, so none of their rows is a method. RVOS: objects of the ground truth (``perfect``) and
tracks of the extractor that ``every_object`` ran (``extractor``), in percent. RMEG (mini split): captions that know the
target's noun, so that the noun's share of a score can be distinguished from that of the moves.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from baselines.trajectory_words.trajectory import trace
from baselines.trajectory_words.wording import sentence
from mevis_bench.api import score_captions, score_masks
from mevis_bench.data.synthetic.sprites import KINDS
from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.masks.rle_json import to_json
from mevis_bench.records import GroundTruth, Rle
from mevis_bench.records.dataset import Dataset
from mevis_bench.runs.run_split import open_split
from mevis_bench.store.open_predictions import open_predictions
from mevis_bench.store.prediction_source import FrameSpec, LoadedMasks, PredictionSource

Masks = NDArray[np.bool_]
Answers = dict[str, Masks]

REFERENCES = {
    "extractor-oracle": "extractor: best tracks of all targets",
    "single-query-ceiling": "perfect: one target, never none",
}
"""Answers that ``--references`` writes, by the name of the file: the best that is possible on the extractor's masks,
and with one object per sentence."""

METRICS = ("J&F", "J", "F", "N-acc", "T-acc")


def video_answers(
    ground_truths: Sequence[GroundTruth], tracks: Sequence[Masks], rng: np.random.Generator
) -> Iterator[tuple[GroundTruth, Answers]]:
    """Yield every answer to every expression of one video, each bool ``(t, h, w)``, by the table's row.

    Args:
        ground_truths: All expressions of the video.
        tracks: The extractor's objects, each bool ``(t, h, w)``.
        rng: Draws the random objects.
    """
    objects = {
        name: _dense(masks, ground_truth)
        for ground_truth in ground_truths
        for name, masks in zip(ground_truth.expression.annotation_ids or (), ground_truth.objects, strict=True)
    }
    shape = (ground_truths[0].length, ground_truths[0].height, ground_truths[0].width)
    everything, every_track = _union(list(objects.values()), shape), _union(tracks, shape)
    for ground_truth in ground_truths:
        targets = [objects[name] for name in ground_truth.expression.annotation_ids or ()]
        matched = [max(tracks, key=lambda track, target=target: _iou(track, target)) for target in targets if tracks]
        anything = list(objects.values())[rng.integers(len(objects))] if objects else everything
        yield (
            ground_truth,
            {
                "no object": _union([], shape),
                "perfect: one random object": anything,
                "perfect: every object": everything,
                "perfect: one target, never none": targets[0] if targets else anything,
                "perfect: all targets, never none": _union(targets, shape) if targets else everything,
                "extractor: every track": every_track,
                "extractor: best track of one target": matched[0] if matched else every_track,
                "extractor: best tracks of all targets": _union(matched, shape),
            },
        )


def answers_of(dataset: Dataset, predictions: PredictionSource, seed: int = 0) -> Iterator[tuple[GroundTruth, Answers]]:
    """Yield every answer to every expression of a split, see :func:`video_answers`.

    Args:
        dataset: The split.
        predictions: A run of ``every_object`` on it; the objects of each video are the extractor's tracks.
        seed: Seed of the random objects.
    """
    rng = np.random.default_rng(seed)
    for video_id in dataset.video_ids:
        ground_truths = dataset.ground_truths(video_id)
        if not ground_truths:
            continue
        first = ground_truths[0]
        frames = FrameSpec(video_id, dataset.frame_names(video_id), first.height, first.width)
        loaded = predictions.read(first.expression.id, frames)
        if not isinstance(loaded, LoadedMasks) or loaded.objects is None:
            raise SystemExit("expected a run of every_object on rvos or avos")
        tracks = [_dense(masks, first) for masks in loaded.objects]
        yield from video_answers(ground_truths, tracks, rng)


def segmentation_table(answered: Iterable[tuple[GroundTruth, Answers]]) -> Mapping[str, list[float]]:
    """Return the means of ``METRICS`` over all answers, in percent, by row."""
    scores: dict[str, list[dict[str, float | None]]] = {}
    for ground_truth, answers in answered:
        target = _union([_dense(masks, ground_truth) for masks in ground_truth.objects], answers["no object"].shape)
        for row, masks in answers.items():
            scores.setdefault(row, []).append(score_masks(masks, target))
    return {row: [_mean(samples, metric) for metric in METRICS] for row, samples in scores.items()}


def write_references(answered: Iterable[tuple[GroundTruth, Answers]], folder: Path) -> None:
    """Write ``<name>.json`` for every entry of ``REFERENCES``: predictions of all expressions, as run lengths."""
    documents: dict[str, dict[str, dict[str, object]]] = {name: {} for name in REFERENCES}
    for ground_truth, answers in answered:
        for name, row in REFERENCES.items():
            video = documents[name].setdefault(ground_truth.video_id, {})
            video[ground_truth.expression.id] = to_json(answers[row])
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document))


def caption_table(dataset: Dataset) -> Mapping[str, list[float]]:
    """Return METEOR and CIDEr of captions that know the target's noun, in percent, by row."""
    nouns = {noun: kind.noun for kind in KINDS for noun in (kind.noun, kind.plural)}
    ground_truths = [truth for video_id in dataset.video_ids for truth in dataset.ground_truths(video_id)]
    ground_truths = [truth for truth in ground_truths if truth.objects and truth.references]
    named = re.compile(rf"\b({'|'.join(sorted(nouns, key=len, reverse=True))})\b")
    patterns = Counter(named.sub("{noun}", text.lower()) for truth in ground_truths for text in truth.references)
    most_common = patterns.most_common(1)[0][0]
    captions: dict[str, list[str]] = {}
    for truth in ground_truths:
        found = named.search(" ".join(truth.references).lower())
        noun = nouns[found[0]] if found else "object"
        traced = [trajectory for masks in truth.objects if (trajectory := trace(masks)) is not None]
        moves = sentence(traced)
        captions.setdefault("trajectory_words", []).append(moves)
        captions.setdefault("most common sentence, right noun", []).append(most_common.replace("{noun}", noun))
        captions.setdefault("trajectory_words, right noun", []).append(moves.replace("object", noun))
    references = [truth.references for truth in ground_truths]
    scores = {row: score_captions(sentences, references) for row, sentences in captions.items()}
    return {row: [100 * (values[name] or 0.0) for name in ("METEOR", "CIDEr")] for row, values in scores.items()}


def main() -> None:
    """Print both tables, or write the references."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run folder of every_object, rvos or avos")
    parser.add_argument("--data", type=Path, help="its split, if it was moved")
    parser.add_argument("--references", type=Path, metavar="DIR", help="write predictions to DIR, print no table")
    arguments = parser.parse_args()
    dataset = open_split(arguments.run, data=arguments.data).dataset
    answered = answers_of(dataset, open_predictions(arguments.run))
    if arguments.references is not None:
        write_references(answered, arguments.references)
        return
    tables = (
        ("RVOS", METRICS, segmentation_table(answered)),
        ("RMEG", ("METEOR", "CIDEr"), caption_table(dataset)),
    )
    for title, columns, rows in tables:
        table = Table("answer", *columns, title=f"{title}, percent, {dataset.split}", title_justify="left")
        for row, values in rows.items():
            table.add_row(row, *(f"{value:.1f}" for value in values))
        Console().print(table)


def _dense(masks: Sequence[Rle | None], truth: GroundTruth) -> Masks:
    return rows_from_rle(masks, truth.height, truth.width, location=truth.video_id).to_dense()


def _union(objects: Sequence[Masks], shape: tuple[int, ...]) -> Masks:
    out: Masks = np.zeros(shape, bool)
    for masks in objects:
        out |= masks
    return out


def _iou(one: Masks, other: Masks) -> float:
    return float((one & other).sum() / max((one | other).sum(), 1))


def _mean(samples: Sequence[Mapping[str, float | None]], metric: str) -> float:
    values = [value for sample in samples if (value := sample[metric]) is not None]
    return 100 * float(np.mean(values)) if values else float("nan")


if __name__ == "__main__":
    main()
