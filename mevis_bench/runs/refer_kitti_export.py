"""Export a split, and tracks made on it, in the layout of Refer-KITTI, for TransRMOT's and TempRMOT's own scripts.

::

    KITTI/training/image_02/<video>/000000.jpg          frames, numbered from 0
    KITTI/labels_with_ids/image_02/<video>/000000.txt   "0 <id> x y w h" of every object, as shares of the frame
    expression/<video>/<expression>.json                {"label": {"<frame, from 0>": [ids]}, "sentence": ...}
    frames.txt                                          all frames, a line each: the list that training reads
    seqmap.txt                                          "<video>+<expression>" a line: the list that scoring reads;
                                                        of expressions with predictions, where some are given
    results/<video>/<expression>/gt.txt                 "frame,id,x,y,w,h,1,1,1" in pixels, frames from 1
    results/<video>/<expression>/predict.txt            the same of given predictions

Label file k, key k of an expression and frame k + 1 of ``gt.txt`` and ``predict.txt`` are one and the same frame.
TransRMOT's test script writes a ``gt.txt`` of its own that is one frame late; these are right. Of Refer-KITTI itself
only ``seqmap.txt`` and ``results`` are written, under its own names and with the boxes that the protocol says.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mevis_bench.data.refer_kitti.files import EXPRESSIONS, FRAMES, LABELS
from mevis_bench.data.refer_kitti.split import ReferKittiSplit
from mevis_bench.files.atomic import atomic_write
from mevis_bench.files.names import safe_join
from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.masks.tracks import boxes_of
from mevis_bench.metrics.protocols import PROTOCOLS
from mevis_bench.records import DataError, Expression, GroundTruth, TrackPrediction, UsageError, Video
from mevis_bench.records.dataset import Dataset
from mevis_bench.store.formats.refer_kitti import PREDICTIONS, TRUTH, encode_tracks, expression_name
from mevis_bench.store.open_predictions import open_predictions
from mevis_bench.store.prediction_source import FrameSpec, PredictionSource


@dataclass(frozen=True, slots=True)
class Exported:
    """Counts of the written files.

    Attributes:
        videos: Number of videos.
        expressions: Number of expressions, those without target included.
        frames: Number of frames.
        predictions: Number of expressions with predictions.
    """

    videos: int
    expressions: int
    frames: int
    predictions: int


@dataclass(frozen=True, slots=True, eq=False)
class _Boxes:
    """Boxes of one video's objects: int64 ``(t, 4)`` by annotation id, half-open; all zero where one is absent."""

    by_annotation: dict[str, NDArray[np.int64]]

    def tracks(self, annotation_ids: Sequence[str]) -> TrackPrediction:
        """Return the boxes of some objects; identities are places in this video's order of objects."""
        ids = [number for number, name in enumerate(self.by_annotation) if name in annotation_ids]
        boxes = [corners for name, corners in self.by_annotation.items() if name in annotation_ids]
        return TrackPrediction.from_boxes(boxes, [corners[:, 3] > 0 for corners in boxes], ids)


def export_split(
    split: Dataset,
    out: Path,
    *,
    copy_frames: bool,
    predictions: Path | None,
    advance: Callable[[int, int], None],
) -> Exported:
    """Write a split in the layout of Refer-KITTI.

    Args:
        split: A split with truth.
        out: A new or empty folder.
        copy_frames: Copy the image files; otherwise links point to them.
        predictions: Tracks to write in addition to the ground truth, in any format that can be scored; ``None``: none.
        advance: Called with videos done and videos in all.

    Raises:
        UsageError: ``out`` is not empty, or the split has no truth.
        DataError: The data or a prediction is broken, or a prediction holds no tracks.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError("is not empty", location=str(out), hint="Give a new folder with --out.")
    source = None if predictions is None else open_predictions(predictions)
    if isinstance(split, ReferKittiSplit):
        return _export_results(split, out, source, advance)
    sequences: list[str] = []
    frames: list[str] = []
    expressions = 0
    for done, video_id in enumerate(split.video_ids, start=1):
        video, ground_truths = split.video(video_id), split.ground_truths(video_id)
        frames += _write_frames(video, out, copy=copy_frames)
        boxes = _boxes(ground_truths)
        _write_labels(video, boxes, out)
        for ground_truth in ground_truths:
            sequence = _write_expression(video, ground_truth.expression, boxes, out)
            expressions += 1
            name = sequence.partition("+")[2]
            if source is None or _write_prediction(source, video, ground_truth.expression, out, name):
                sequences.append(sequence)
        advance(done, len(split.video_ids))
    atomic_write(out / "frames.txt", "".join(f"{line}\n" for line in frames))
    atomic_write(out / "seqmap.txt", "".join(f"{line}\n" for line in sequences))
    return Exported(len(split.video_ids), expressions, len(frames), 0 if source is None else len(sequences))


def _export_results(
    split: ReferKittiSplit, out: Path, source: PredictionSource | None, advance: Callable[[int, int], None]
) -> Exported:
    """Write what the originals' scorer reads next to the data set: the seqmap, and per sequence its two files."""
    sequences, expressions = [], 0
    for done, video_id in enumerate(split.video_ids, start=1):
        video = split.video(video_id)
        for ground_truth in split.ground_truths(video_id):
            name = ground_truth.expression.id
            boxes = ground_truth.boxes[PROTOCOLS[split.info.protocol].boxes]
            _write_text(out / "results" / video_id / name / TRUTH, encode_tracks(boxes))
            expressions += 1
            if source is None or _write_prediction(source, video, ground_truth.expression, out, name):
                sequences.append(f"{video_id}+{name}\n")
        advance(done, len(split.video_ids))
    atomic_write(out / "seqmap.txt", "".join(sequences))
    return Exported(len(split.video_ids), expressions, 0, 0 if source is None else len(sequences))


def _write_frames(video: Video, out: Path, *, copy: bool) -> list[str]:
    folder = safe_join(out / FRAMES, video.id, kind="video id")
    folder.mkdir(parents=True)
    lines = []
    for index, path in enumerate(video.frame_paths):
        name = f"{index:06d}{path.suffix}"
        if not path.is_file():
            raise DataError("image is missing", location=str(path))
        if copy:
            shutil.copyfile(path, folder / name)
        else:
            (folder / name).symlink_to(path.resolve())
        lines.append(f"{FRAMES}/{video.id}/{name}")
    return lines


def _boxes(ground_truths: Sequence[GroundTruth]) -> _Boxes:
    """Return the boxes of every object that some expression means, in the order in which they first come up."""
    boxes: dict[str, NDArray[np.int64]] = {}
    for ground_truth in ground_truths:
        for annotation_id, masks in zip(
            ground_truth.expression.annotation_ids or (), ground_truth.objects, strict=True
        ):
            if annotation_id not in boxes:
                location = f"video {ground_truth.video_id}, annotation {annotation_id}"
                rows = rows_from_rle(masks, ground_truth.height, ground_truth.width, location=location)
                boxes[annotation_id] = boxes_of(rows)
    return _Boxes(boxes)


def _write_labels(video: Video, boxes: _Boxes, out: Path) -> None:
    tracks = boxes.tracks(tuple(boxes.by_annotation))
    lines: list[list[str]] = [[] for _ in range(len(video))]
    for frame, identity, (x0, y0, x1, y1) in zip(
        tracks.frames.tolist(), tracks.ids.tolist(), tracks.boxes.tolist(), strict=True
    ):
        shares = x0 / video.width, y0 / video.height, (x1 - x0) / video.width, (y1 - y0) / video.height
        lines[frame].append(f"0 {identity + 1} " + " ".join(f"{share:.8f}" for share in shares) + "\n")
    for frame, entries in enumerate(lines):
        _write_text(out / LABELS / video.id / f"{frame:06d}.txt", "".join(entries))


def _write_expression(video: Video, expression: Expression, boxes: _Boxes, out: Path) -> str:
    name = expression_name(expression.id, expression.text)
    tracks = boxes.tracks(expression.annotation_ids or ())
    label: dict[str, list[int]] = {}
    for frame, identity in sorted(zip(tracks.frames.tolist(), tracks.ids.tolist(), strict=True)):
        label.setdefault(str(frame), []).append(identity + 1)
    content = {"label": label, "ignore": [], "video_name": video.id, "sentence": expression.text}
    _write_text(out / EXPRESSIONS / video.id / f"{name}.json", json.dumps(content) + "\n")
    _write_text(out / "results" / video.id / name / TRUTH, encode_tracks(tracks))
    return f"{video.id}+{name}"


def _write_prediction(source: PredictionSource, video: Video, expression: Expression, out: Path, name: str) -> bool:
    """Write one sample's tracks; ``False`` where the predictions do not have it."""
    sample = f"{video.id}/{expression.id}"
    if sample not in source.samples():
        return False
    answer = source.only(video.id).read(
        expression.id, FrameSpec(video.id, video.frame_names, video.height, video.width)
    )
    if not isinstance(answer, TrackPrediction):
        raise DataError("the prediction holds no tracks", location=sample, hint="Give a run of --task rmot.")
    _write_text(out / "results" / video.id / name / PREDICTIONS, encode_tracks(answer))
    return True


def _write_text(path: Path, text: str) -> None:
    """Write without flushing to the disk: an export can be repeated, and 100,000 small files would take an hour."""
    atomic_write(path, text, durable=False)
