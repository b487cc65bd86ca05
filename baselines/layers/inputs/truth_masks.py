"""Truth as arrays, for training."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import GroundTruth


def target_mask(ground_truth: GroundTruth, index: int) -> NDArray[np.uint8]:
    """Union of a sentence's objects in one frame: uint8 ``(h, w)``, all zero where there is no target."""
    union = np.zeros((ground_truth.height, ground_truth.width), np.uint8)
    for masks in ground_truth.objects:
        rle = masks[index]
        if rle is not None:
            union |= rle.decode(f"{ground_truth.sample}, frame {index}")
    return union


def object_masks(ground_truth: GroundTruth, indices: Sequence[int]) -> NDArray[np.uint8]:
    """Masks of each of a sentence's objects in some frames: uint8 ``(o, t, h, w)``; without objects ``o`` is 0."""
    masks = np.zeros((len(ground_truth.objects), len(indices), ground_truth.height, ground_truth.width), np.uint8)
    for number, rows in enumerate(ground_truth.objects):
        for place, index in enumerate(indices):
            rle = rows[index]
            if rle is not None:
                masks[number, place] = rle.decode(f"{ground_truth.sample}, frame {index}")
    return masks
