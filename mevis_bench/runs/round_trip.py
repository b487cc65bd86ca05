"""Round trip of RMEG: a generated sentence is given to an RVOS method, its reader, and its masks are scored.

A sentence identifies its target if the reader finds the target by it. An empty one identifies nothing and counts 0.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from mevis_bench.execution.inline import Inline
from mevis_bench.methods.registry import find_methods
from mevis_bench.metrics.aggregation import mean_of
from mevis_bench.metrics.description import round_trip_metric
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.records import CaptionPrediction, DataError, Expression, MethodError, UsageError
from mevis_bench.records.dataset import Dataset
from mevis_bench.runs.plan import plan_run
from mevis_bench.runs.predict import RunCallback, find_folder, predict
from mevis_bench.runs.score import score_run
from mevis_bench.schemas.manifest import Provenance
from mevis_bench.schemas.run_config import RunConfig
from mevis_bench.schemas.scores import GENERATED_SENTENCES, Results, SampleScore
from mevis_bench.store.open_predictions import open_predictions
from mevis_bench.store.prediction_source import FrameSpec
from mevis_bench.store.round_trips import OWN_SENTENCES, reader_folder
from mevis_bench.store.score_files import read_results, read_scores, write_scores


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """Outcome of a round trip.

    Attributes:
        results: Scores of the RMEG run with the new metric.
        metric: Its name.
        provenance: Origin of the reader's weights.
        empty: Number of empty sentences.
        ceiling: The same metric of the data set's own sentences, 0..1; ``None``: not requested.
    """

    results: Results
    metric: str
    provenance: Provenance
    empty: int
    ceiling: float | None


class _Described:
    """A split whose expressions have other sentences."""

    def __init__(self, dataset: Dataset, sentences: Mapping[str, str]) -> None:
        self._dataset, self._sentences = dataset, sentences

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dataset, name)

    def expressions(self, video_id: str) -> tuple[Expression, ...]:
        """See ``Dataset.expressions``."""
        return tuple(
            replace(expression, text=self._sentences.get(f"{video_id}/{expression.id}", expression.text))
            for expression in self._dataset.expressions(video_id)
        )


def round_trip(
    run: Path, dataset: Dataset, reader: RunConfig, callback: RunCallback, *, predictions: Path | None, ceiling: bool
) -> RoundTrip:
    """Predict masks from the sentences of a scored RMEG run with a reader, and add their J&F to the run's scores.

    The reader's masks are a run in ``run/roundtrip/<reader>/``; the same call continues it.

    Args:
        run: The scored folder.
        dataset: Its split.
        reader: The reader and where it runs; task, data, samples and output are set here.
        callback: Gets the progress.
        predictions: The sentences, where they are not in ``run``.
        ceiling: Whether the reader also gets the data set's own sentences.

    Raises:
        UsageError: The run is not of RMEG, or the reader is unknown or not of RVOS.
        DataError: A sentence cannot be read.
        MethodError: The reader failed on a sample.
    """
    results, rows = read_results(run), read_scores(run)
    if results.task != "rmeg":
        raise UsageError(f"expected a run of rmeg, got {results.task}", location=str(run))
    name = find_methods(reader.method_dir).resolve(reader.method, reader.variant).name
    sentences = _sentences(predictions or run, dataset, rows)
    full = {sample: text for sample, text in sentences.items() if text.strip()}
    config = replace(reader, task="rvos", data=dataset.root, split=dataset.split, data_set=dataset.info.name)
    folder = reader_folder(run, name)
    values, provenance = _read(config, dataset, full, folder, callback)
    values |= dict.fromkeys(sentences.keys() - full.keys(), 0.0)
    metric = round_trip_metric(name).name
    own = None
    if ceiling:
        own = mean_of(list(_read(config, dataset, dict.fromkeys(sentences), folder, callback)[0].values()))
    added = _with_metric(results, rows, metric, values)
    write_scores(run, *added)
    return RoundTrip(added[1], metric, provenance, len(sentences) - len(full), own)


def _sentences(predictions: Path, dataset: Dataset, rows: tuple[SampleScore, ...]) -> dict[str, str]:
    """Return the generated sentence of every scored sample; a missing one, which counted as zero, is empty."""
    source = open_predictions(predictions)
    stored, sentences = source.samples(), {}
    for row in rows:
        if row.sample not in stored:
            sentences[row.sample] = ""
            continue
        expression = row.sample.rsplit("/", 1)[1]
        truth = dataset.ground_truth(row.video, expression)
        frames = FrameSpec(row.video, dataset.frame_names(row.video), truth.height, truth.width)
        prediction = source.only(row.video).read(expression, frames)
        if not isinstance(prediction, CaptionPrediction):
            raise DataError("expected a sentence", location=row.sample)
        sentences[row.sample] = prediction.text
    return sentences


def _read(
    config: RunConfig, dataset: Dataset, sentences: Mapping[str, str | None], out: Path, callback: RunCallback
) -> tuple[dict[str, float], Provenance]:
    """Return J&F by sample of the masks that the reader predicts from sentences; ``None``: the data set's own."""
    if not sentences:
        return {}, "heuristic"
    texts = {sample: text for sample, text in sentences.items() if text is not None}
    digest = hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()[:12] if texts else OWN_SENTENCES
    plan = plan_run(replace(config, sample=tuple(sentences), out=out / digest))
    described = cast(Dataset, _Described(dataset, texts))
    if texts:
        plan = replace(plan, identity=replace(plan.identity, perturb=f"{GENERATED_SENTENCES}{digest}"))
    folder = find_folder(plan)
    report = predict(plan, folder, Inline(described), callback)
    if report.failed:
        raise MethodError(f"the reader failed: {report.failed[0].error}", location=report.failed[0].id)
    options = ScoringOptions().for_data_set(dataset.info.protocol)
    scored = score_run(folder.path, dataset=dataset, task="rvos", options=options)
    return {row.sample: _jf(row) for row in scored.scores}, plan.provenance


def _jf(row: SampleScore) -> float:
    j, f = row.values.get("J"), row.values.get("F")
    if j is None or f is None:
        raise DataError("the data set's protocol gives a sample no J and F", location=row.sample)
    return (j + f) / 2


def _with_metric(
    results: Results, rows: tuple[SampleScore, ...], metric: str, values: Mapping[str, float]
) -> tuple[list[SampleScore], Results]:
    slices = {
        name: {**given, metric: mean_of([values[row.sample] for row in rows if name in row.groups])}
        for name, given in results.slices.items()
    }
    mean = mean_of([values[row.sample] for row in rows])
    scores = [replace(row, values={**row.values, metric: values[row.sample]}) for row in rows]
    return scores, replace(results, metrics={**results.metrics, metric: mean}, slices=slices)
