"""Masks decoded the slow way, by Pillow and pycocotools: what ``score --verify`` reads predictions with."""

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import Rle, UsageError
from mevis_bench.records.image_file import open_image
from mevis_bench.store.formats.json_predictions import JsonPredictions
from mevis_bench.store.formats.official_png import PngPredictions
from mevis_bench.store.formats.run_folder_lines import RunPredictions
from mevis_bench.store.prediction_source import FrameSpec, PredictionSource


def decode_rle(masks: Sequence[Rle | None], height: int, width: int) -> NDArray[np.bool_]:
    """Decode with pycocotools; bool ``(t, h, w)``."""
    from pycocotools import mask as coco

    dense = np.zeros((len(masks), height, width), bool)
    for frame, mask in zip(dense, masks, strict=True):
        if mask is not None:
            frame[:] = coco.decode(mask.to_coco())
    return dense


def read_dense(source: PredictionSource, expression_id: str, clip: FrameSpec) -> NDArray[np.bool_]:
    """Read one sample's masks, bool ``(t, h, w)``.

    Raises:
        UsageError: These predictions hold no masks.
    """
    sample = f"{clip.video_id}/{expression_id}"
    if isinstance(source, PngPredictions):
        return _read_png(source, sample, clip)
    if isinstance(source, RunPredictions):
        lines = source.files.read(f"{clip.video_id}.jsonl").splitlines()
        counts = {line["expression"]: line for line in map(json.loads, lines)}[expression_id]["masks"]
    elif isinstance(source, JsonPredictions):
        entries: Any = source.videos[clip.video_id][expression_id]
        counts = [_counts(entry) for entry in entries]
    else:
        raise UsageError("these predictions hold no masks", location=source.format)
    rles = [None if text is None else Rle(clip.height, clip.width, text.encode("ascii")) for text in counts]
    return decode_rle(rles, clip.height, clip.width)


def _counts(entry: Any) -> str | None:
    """Return COCO's compressed counts of one entry, which may have plain ones."""
    if entry is None or isinstance(entry["counts"], str):
        return None if entry is None else str(entry["counts"])
    from pycocotools import mask as coco

    return str(coco.frPyObjects(entry, *entry["size"])["counts"].decode("ascii"))


def _read_png(source: PngPredictions, sample: str, clip: FrameSpec) -> NDArray[np.bool_]:
    lowest = 1 if source.threshold is None else source.threshold
    frames = []
    for name in clip.frame_names:
        path = f"{sample}/{name}.png"
        with open_image(io.BytesIO(source.files.read(path)), source.files.location(path), ("PNG",)) as image:
            gray = image.convert("L") if image.mode == "1" else image  # Pillow widens 2- and 4-bit gray by itself
            frames.append(np.asarray(gray) >= lowest)
    return np.stack(frames)
