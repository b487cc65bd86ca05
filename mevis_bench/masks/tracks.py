"""Tracks from masks: the one convention of the benchmark for boxes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks.mask_rows import MaskRows
from mevis_bench.records import TrackPrediction


def boxes_of(masks: MaskRows) -> NDArray[np.int64]:
    """Return the tight box ``x0, y0, x1, y1`` of every frame, half-open, ``(length, 4)``; zeros where it is empty."""
    from mevis_bench.masks.row_loops import bounding_boxes

    return bounding_boxes(masks.length, masks.offsets, masks.x)


def to_tracks(objects: Sequence[MaskRows | NDArray[np.bool_]]) -> TrackPrediction:
    """Return one track per object, numbered from 0; frames in which an object is absent have no box of it.

    Args:
        objects: Masks of one object each, bool ``(t, h, w)`` where dense; none at all means "no target".
    """
    rows = [masks if isinstance(masks, MaskRows) else MaskRows.from_dense(masks) for masks in objects]
    boxes = [boxes_of(masks) for masks in rows]
    return TrackPrediction.from_boxes(boxes, [corners[:, 3] > 0 for corners in boxes])
