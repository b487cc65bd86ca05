"""One video and one prompt through several methods: one run folder per method."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mevis_bench.data.footage import EXPRESSION, SPLIT, VIDEO, import_footage
from mevis_bench.data.registry import open_dataset
from mevis_bench.methods.registry import find_methods
from mevis_bench.records import DataError, MethodError, TrackPrediction, UsageError, Video
from mevis_bench.runs.predict import RunCallback
from mevis_bench.runs.run import run
from mevis_bench.schemas.manifest import Provenance
from mevis_bench.schemas.run_config import RunConfig
from mevis_bench.store.open_predictions import open_predictions
from mevis_bench.store.prediction_source import FrameSpec, LoadedMasks


@dataclass(frozen=True, slots=True)
class Attempt:
    """One method's prediction.

    Attributes:
        label: Method and variant.
        provenance: Origin of its weights.
        prediction: Masks or tracks of the whole video.
        run: Its run folder.
    """

    label: str
    provenance: Provenance
    prediction: LoadedMasks | TrackPrediction
    run: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """Predictions of all methods.

    Attributes:
        video: The frames that were used.
        attempts: One per method, as given.
    """

    video: Video
    attempts: tuple[Attempt, ...]


def try_methods(
    source: Path,
    prompt: str | Path,
    methods: Sequence[str],
    out: Path,
    config: RunConfig,
    every: int,
    callback: RunCallback,
) -> Outcome:
    """Run methods on a user's own video.

    Args:
        source: Video file, GIF or folder of frames, or the id of a video of the bundled split.
        prompt: The sentence, or a sound file.
        methods: ``name`` or ``name:variant``.
        out: Output folder; an earlier attempt's files there are replaced.
        config: Configuration of every run; method, data and output are set here.
        every: Every Nth frame is used.
        callback: Gets the progress of each run.

    Raises:
        UsageError: A method, the prompt or ``source`` is wrong, or ``out`` holds other files.
        DataError: The video or the sound cannot be read.
        MethodError: A method failed on the video.
    """
    resolved = [find_methods(config.method_dir).resolve(method) for method in methods]
    if out.exists() and not (out.is_dir() and ((out / SPLIT).is_dir() or not any(out.iterdir()))):
        raise UsageError("the folder holds other files", location=str(out), hint="Give another --out.")
    shutil.rmtree(out / "runs", ignore_errors=True)
    sound = prompt if isinstance(prompt, Path) else None
    sentence = "" if isinstance(prompt, Path) else prompt
    import_footage(_footage(source), out, sentence=sentence, sound=sound, every=every)
    dataset = open_dataset(out, SPLIT, None)
    video = dataset.video(VIDEO)
    attempts = []
    for method in resolved:
        folder = out / "runs" / method.name.replace(":", "-")
        report = run(replace(config, method=method.name, data=out, split=SPLIT, out=folder), callback).report
        if report.failed:
            hint = "The run folder has the log."
            raise MethodError(f"{method.name} failed: {report.failed[0].error}", location=str(folder), hint=hint)
        frames = FrameSpec(VIDEO, dataset.frame_names(VIDEO), video.height, video.width)
        prediction = open_predictions(folder).only(VIDEO).read(EXPRESSION, frames)
        if not isinstance(prediction, LoadedMasks | TrackPrediction):
            raise DataError("expected masks or tracks", location=str(folder))
        attempts.append(Attempt(method.name, report.manifest.provenance, prediction, folder))
    return Outcome(video, tuple(attempts))


def _footage(source: Path) -> Path:
    if source.exists():
        return source
    bundled = open_dataset(None, None, None)
    known = str(source) in bundled.video_ids
    return bundled.video(str(source)).frame_paths[0].parent if known else source
