"""Packing a run for an evaluation server, and checking any zip before it is sent."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mevis_bench.config.paths import configs_folder
from mevis_bench.files.atomic import atomic_write
from mevis_bench.files.tree import Folder
from mevis_bench.records import DataError, UsageError
from mevis_bench.records.dataset import Dataset, DatasetInfo
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.runs.protocol_facts import protocol_facts
from mevis_bench.schemas.json_files import encode_document
from mevis_bench.schemas.submission import SubmissionProfile, SubmissionRecord
from mevis_bench.schemas.yaml_files import read_yaml
from mevis_bench.store.formats.run_folder_lines import RunPredictions
from mevis_bench.store.prediction_lines import StoredMasks, decode_masks
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.store.submission_zip import ExpectedMasks, check_zip, write_label_images, write_zip

MAX_ERRORS = 10


def read_profile(name: str | None, info: DatasetInfo) -> SubmissionProfile:
    """Read a profile by name; ``None``: that of the data set.

    Raises:
        UsageError: There is none of this name, or the data set has no evaluation server.
    """
    name = name or info.submission
    if name is None:
        raise UsageError(f"{info.title} has no evaluation server", location="--profile", hint="Name a profile.")
    folder = configs_folder() / "submission"
    names = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in names:
        raise UsageError(f"no submission profile {name!r}", location="--profile", hint=did_you_mean(name, names))
    return read_yaml(folder / f"{name}.yaml", SubmissionProfile)


def pack(run: Path, split: Dataset, profile: SubmissionProfile, out: Path, *, predicted_on: str | None = None) -> str:
    """Write the zip for a server and ``<out>.manifest.json`` next to it; return the zip's SHA-256.

    Args:
        run: A run folder.
        split: The split that the server scores.
        profile: Rules of the server.
        out: Zip file to write.
        predicted_on: The split that the run was predicted on, where ``split`` is another one; else ``None``.


    Raises:
        DataError: A prediction is missing, no mask prediction, or of another size or length.
    """
    if profile.layout == "label_images":
        digest = write_label_images(out, _label_images(run, split, profile))
    else:
        digest = write_zip(out, _samples(run, split, profile), bits=profile.bits)
    record = SubmissionRecord(
        sha256=digest,
        bytes=out.stat().st_size,
        server=profile.server,
        split=split.split,
        fingerprint=split.fingerprint,
        run=run.resolve().name,
        videos=len(split.video_ids),
        expressions=sum(len(split.expressions(video)) for video in split.video_ids),
        predicted_on=predicted_on,
        protocol=protocol_facts(run) if RunFolder(run).manifest_path.is_file() else {},
    )
    atomic_write(out.with_name(out.name + ".manifest.json"), encode_document(record))
    return digest


def check(path: Path, split: Dataset, profile: SubmissionProfile) -> tuple[str, ...]:
    """Return the first ten errors of a zip as messages; empty if the server can read it.

    Raises:
        DataError: The file is missing or no zip.
        UsageError: The profile's files are not masks.
    """
    if profile.layout != "masks":
        raise UsageError("only zips of masks are checked", location="--profile", hint="Score it: mevis-bench score ZIP")
    return tuple(islice(check_zip(path, list(_expected(split, profile)), profile.max_bytes), MAX_ERRORS))


def _expected(split: Dataset, profile: SubmissionProfile) -> Iterator[ExpectedMasks]:
    prefix = _prefix(profile)
    for video_id in split.video_ids:
        video = split.video(video_id)
        for expression in sorted(split.expressions(video_id), key=lambda expression: expression.id):
            yield ExpectedMasks(f"{prefix}{video_id}/{expression.id}", video.frame_names, video.height, video.width)


def _label_images(run: Path, split: Dataset, profile: SubmissionProfile) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield ``anno_<annotator>/<video>`` with its labels: object 1, 2, ... in the order of the expressions.

    Of objects that overlap the first one keeps the pixel.

    Raises:
        UsageError: The expressions of the split have no annotators.
    """
    samples = _samples(run, split, profile)
    for video_id in split.video_ids:
        expressions = sorted(split.expressions(video_id), key=lambda expression: expression.id)
        masks = {expression.id: next(samples)[1] for expression in expressions}
        labels: dict[str, NDArray[np.uint8]] = {}
        counts: dict[str, int] = {}
        for expression in split.expressions(video_id):
            if expression.annotator is None:
                raise UsageError("expressions have no annotators", location=f"--profile, {split.info.title}")
            annotator, mask = expression.annotator, masks[expression.id]
            image = labels.setdefault(annotator, np.zeros(mask.shape, np.uint8))
            counts[annotator] = counts.get(annotator, 0) + 1
            image[mask & (image == 0)] = counts[annotator]
        yield from ((f"anno_{annotator}/{video_id}", image) for annotator, image in sorted(labels.items()))


def _prefix(profile: SubmissionProfile) -> str:
    return "" if profile.folder is None else f"{profile.folder}/"


def _samples(
    run: Path, split: Dataset, profile: SubmissionProfile
) -> Iterator[tuple[ExpectedMasks, NDArray[np.bool_]]]:
    predictions = RunPredictions(Folder(run / "predictions"))
    for expected in _expected(split, profile):
        video_id, expression_id = expected.folder.removeprefix(_prefix(profile)).split("/")
        if expression_id not in predictions.lines(video_id):
            hint = (
                "A server wants every sample: finish the run by its own command (--retry-failed where samples failed)."
            )
            raise DataError(f"sample {video_id}/{expression_id} has no prediction", location=str(run), hint=hint)
        stored, location = predictions.stored(video_id, expression_id)
        if not isinstance(stored, StoredMasks):
            raise DataError("not a mask prediction; servers take masks", location=location)
        shape = (len(stored.masks), stored.height, stored.width)
        required = (len(expected.frame_names), expected.height, expected.width)
        if shape != required:
            raise DataError(f"masks are {shape} (frames, rows, columns), the video is {required}", location=location)
        yield expected, decode_masks(stored).masks
