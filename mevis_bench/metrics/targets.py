"""Targets of a video's expressions: every object is decoded once, every union of objects computed once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks import MaskRows
from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.metrics.boundary import Boundary, boundary_of
from mevis_bench.records import GroundTruth


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Ground-truth masks of one expression.

    Attributes:
        rows: Union of the objects.
        boundary: Boundary of ``rows``.
        areas: int64 ``(length,)``, pixels of ``rows`` in every frame.
        objects: Every object by its annotation id, in the order of the annotation ids; empty: no target.
    """

    rows: MaskRows
    boundary: Boundary
    areas: NDArray[np.int64]
    objects: Mapping[str, MaskRows]


class TargetCache:
    """Cache of the targets of one video, which has many expressions but few objects."""

    def __init__(self) -> None:
        self._objects: dict[str, MaskRows] = {}
        self._targets: dict[tuple[str, ...], Target] = {}

    def target(self, ground_truth: GroundTruth) -> Target:
        """Return the target of one expression of this video.

        Raises:
            DataError: A ground-truth mask cannot be decoded or does not have the size of the video.
        """
        ids = ground_truth.expression.annotation_ids
        assert ids is not None, "ground truth has annotation ids"
        key = tuple(sorted(set(ids)))
        if key not in self._targets:
            objects = {name: self._object(name, index, ground_truth) for index, name in enumerate(ids)}
            empty = MaskRows.empty(ground_truth.length, ground_truth.height, ground_truth.width)
            rows = reduce(union, [objects[name] for name in key], empty)
            self._targets[key] = Target(rows, boundary_of(rows), rows.areas(), objects)
        return self._targets[key]

    def _object(self, name: str, index: int, ground_truth: GroundTruth) -> MaskRows:
        if name not in self._objects:
            location = f"ground truth of {ground_truth.video_id}, object {name}"
            self._objects[name] = rows_from_rle(
                ground_truth.objects[index], ground_truth.height, ground_truth.width, location=location
            )
        return self._objects[name]


def union(a: MaskRows, b: MaskRows) -> MaskRows:
    """Return the pixels that are in either mask."""
    if a.is_empty or b.is_empty:
        return b if a.is_empty else a
    from mevis_bench.masks.row_loops import unite

    return MaskRows(a.length, a.height, a.width, *unite(a.offsets, a.x, b.offsets, b.x))


TARGET_COLUMNS = ("targets", "frames", "visible", "size", "moving", "returns")


def target_columns(ground_truth: GroundTruth, target: Target) -> dict[str, float | None]:
    """Return the columns of a target, for slices.

    Returns:
        ``targets``: number of objects. ``frames``: length of the video. ``visible``: share of frames in which the
        target is visible. ``size``: its mean share of the frame where visible. ``moving``: share of the steps from
        frame to frame in which one of its objects moves. ``returns``: number of reappearances of its objects.
        ``None`` where there is no target (or, for ``moving``, a single frame).
    """
    columns: dict[str, float | None] = {"targets": len(target.objects), "frames": ground_truth.length}
    if not target.objects:
        return columns | {"visible": None, "size": None, "moving": None, "returns": None}
    visible = target.areas > 0
    moves = [_moves(masks) for masks in target.objects.values()]
    return columns | {
        "visible": float(visible.mean()),
        "size": float(target.areas[visible].mean() / (ground_truth.height * ground_truth.width))
        if visible.any()
        else None,
        "moving": float(np.logical_or.reduce(moves).mean()) if ground_truth.length > 1 else None,
        "returns": sum(_reappearances(masks) for masks in target.objects.values()),
    }


MIN_SHIFT = 0.005
"""An object moves where the center of its box shifts by more than this share of the frame's diagonal."""


def _moves(masks: MaskRows) -> NDArray[np.bool_]:
    from mevis_bench.masks.row_loops import bounding_boxes

    boxes = bounding_boxes(masks.length, masks.offsets, masks.x).astype(np.float64)
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    visible = boxes[:, 3] > 0
    shift = np.hypot(*np.diff(centers, axis=0).T)
    moved: NDArray[np.bool_] = visible[1:] & visible[:-1] & (shift > MIN_SHIFT * np.hypot(masks.height, masks.width))
    return moved


def _reappearances(masks: MaskRows) -> int:
    visible = masks.areas() > 0
    appearances = int(visible[0]) + int(np.count_nonzero(visible[1:] & ~visible[:-1]))
    return max(0, appearances - 1)


def all_targets(ground_truths: Sequence[GroundTruth]) -> list[Target]:
    """Return the targets of one video's expressions, in order."""
    cache = TargetCache()
    return [cache.target(ground_truth) for ground_truth in ground_truths]
