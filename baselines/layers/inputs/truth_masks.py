"""Truth as arrays, for training."""

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from mevis_bench.records import Truth


def target_mask(truth: Truth, index: int) -> NDArray[np.uint8]:
    """Union of a sentence's objects in one frame: uint8 ``(h, w)``, all zero where there is no target."""
    union = np.zeros((truth.height, truth.width), np.uint8)
    for masks in truth.objects:
        rle = masks[index]
        if rle is not None:
            union |= coco.decode(rle.to_coco())
    return union
