"""Videos of a few noise frames on disk, for driving methods end to end."""

from pathlib import Path

import numpy as np
from PIL import Image

from mevis_bench.records import Video


def noise_video(folder: Path, frames: int, height: int, width: int) -> Video:
    """Write PNG frames of seeded noise and return the video."""
    numbers = np.random.RandomState(0)
    paths = []
    for index in range(frames):
        path = folder / f"{index:05d}.png"
        Image.fromarray(numbers.randint(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
        paths.append(path)
    return Video(folder.name, tuple(path.stem for path in paths), tuple(paths), height, width)
