"""Frames of a video as tensors, a few at a time, so that a long video does not have to fit into memory."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from mevis_bench.records import Video

FRAMES_PER_CHUNK = 8
"""Frames that are decoded and encoded at once; results do not depend on it."""


def video_chunks(
    video: Video, device: str | torch.device, frames: range | None = None, *, at_once: int = FRAMES_PER_CHUNK
) -> Iterator[Tensor]:
    """Decode consecutive frames in chunks.

    Args:
        video: The video.
        device: Of the tensors.
        frames: Indices of the frames, step 1; ``None``: all frames.
        at_once: Upper bound of a chunk's frames.

    Yields:
        RGB uint8 ``(t, H, W, 3)``; nothing for an empty range.

    Raises:
        DataError: A frame is missing, broken, or not of the video's size.
    """
    frames = range(len(video)) if frames is None else frames
    for first in range(0, len(frames), at_once):
        pixels = [video.frame(index) for index in frames[first : first + at_once]]
        yield torch.from_numpy(np.stack(pixels)).to(device)
