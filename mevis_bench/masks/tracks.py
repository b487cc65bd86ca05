"""Boxes from masks: the one convention of the benchmark."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks.mask_rows import MaskRows
from mevis_bench.records import TrackPrediction


def boxes_of(masks: MaskRows) -> NDArray[np.int64]:
    """Return the tight box ``x0, y0, x1, y1`` of every frame, half-open, ``(length, 4)``; zeros where nothing is."""
    from mevis_bench.masks.row_loops import bounding_boxes

    return bounding_boxes(masks.length, masks.offsets, masks.x)


def tracks_of(objects: Sequence[MaskRows]) -> TrackPrediction:
    """Return one track per object, numbered from 0; a frame in which an object is absent has no box of it."""
    frames, ids, corners = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros((0, 4))]
    for number, masks in enumerate(objects):
        boxes = boxes_of(masks)
        (seen,) = np.nonzero(boxes[:, 3])
        frames.append(seen.astype(np.int64))
        ids.append(np.full(seen.size, number, np.int64))
        corners.append(boxes[seen].astype(np.float64))
    return TrackPrediction(np.concatenate(frames), np.concatenate(ids), np.concatenate(corners))
