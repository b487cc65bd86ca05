"""Small vectors that stay in the repository: every k-th number of the originals' stored outputs.

They guard a method where the full vectors are absent. The numbers are the originals' outputs, never ours; the inputs
are seeded random frames, made again here; those in half precision lie on a grid of eighths.
``python -m tests.baselines.small_vectors lmpm parity_lmpm_5x128x224.npz``
writes tests/baselines/lmpm/small_vector.npz from the full file.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.baselines.parity import check_close, load_vectors
from tests.paths import PARITY, ROOT

NUMBERS = 400
"""About how many numbers of an array are kept."""
NUMBERS_BY_METHOD = {"transrmot": 80, "temprmot": 80}
"""The same for files of many arrays."""
GRID_SEEDS = {"soc": 21, "sgmg": 31, "r2vos": 41, "losh": 51}
"""Seeds of the frames on a grid."""
LEFT_OUT = "out_f2_"
"""Arrays of the trackers' third frame."""


def small_vector(method: str) -> Path:
    """Path of a method's small vector."""
    return ROOT / "tests" / "baselines" / method / "small_vector.npz"


def seeded_frames(*expected: tuple[tuple[int, ...], np.dtype]) -> list[NDArray]:
    """The vectors' input frames, one array after another from torch's generator with seed 1.

    Args:
        expected: Shape and dtype of each: bytes or standard normal numbers.
    """
    generator = torch.Generator().manual_seed(1)
    arrays = []
    for shape, dtype in expected:
        if dtype == np.uint8:
            arrays.append(torch.randint(0, 256, shape, generator=generator).to(torch.uint8).numpy())
        else:
            arrays.append(torch.randn(shape, generator=generator).numpy())
    return arrays


def grid_frames(shape: tuple[int, ...], seed: int) -> NDArray:
    """Normal numbers rounded to eighths, at most 4 in size, float16."""
    numbers = np.random.RandomState(seed).standard_normal(shape)
    return ((numbers * 8).round().clip(-32, 32) / 8).astype(np.float16)


def thinned(array: NDArray, numbers: int = NUMBERS) -> NDArray:
    """Every k-th number of an array in row-major order, about ``numbers`` of them; k is odd, to meet every column.

    Signed integers, such as identities, are kept whole; masks are not.
    """
    if array.dtype.kind == "i":
        return array
    step = max(1, array.size // numbers) | 1
    return array.reshape(-1)[::step]


def make(method: str, source: Path, *frames: str) -> Path:
    """Write a method's small vector from a full one; ``frames`` are the inputs that are made again from their seed."""
    arrays = load_vectors(source)
    images = [arrays.pop(name) for name in frames]
    again = (
        [grid_frames(images[0].shape, GRID_SEEDS[method])]
        if method in GRID_SEEDS
        else seeded_frames(*((array.shape, array.dtype) for array in images))
    )
    for name, array, seeded in zip(frames, images, again, strict=True):
        if not np.array_equal(array, seeded):
            raise SystemExit(f"{name} of {source.name} are not the seeded frames")
    numbers = NUMBERS_BY_METHOD.get(method, NUMBERS)
    kept = {name: array if name.startswith("in_") else thinned(array, numbers) for name, array in arrays.items()}
    kept = {name: array for name, array in kept.items() if not name.startswith(LEFT_OUT)}
    for name, array in zip(frames, images, strict=True):
        kept[f"shape_{name}"] = np.array(array.shape)
        kept[f"dtype_{name}"] = np.array(array.dtype.str)
    path = small_vector(method)
    np.savez_compressed(path, **kept)
    return path


def load_small_vector(method: str, *frames: str) -> dict[str, NDArray]:
    """Arrays of a small vector, the input frames (``in_frames``, or those named, in the order they were made) too."""
    names = frames or ("in_frames",)
    arrays = load_vectors(small_vector(method))
    expected = [
        (tuple(arrays.pop(f"shape_{name}").tolist()), np.dtype(str(arrays.pop(f"dtype_{name}")))) for name in names
    ]
    if method in GRID_SEEDS:
        return {**arrays, "in_frames": grid_frames(expected[0][0], GRID_SEEDS[method])}
    return {**arrays, **dict(zip(names, seeded_frames(*expected), strict=True))}


def check_thinned(
    name: str, ours: Tensor, kept: NDArray, *, atol: float = 1e-3, rtol: float = 1e-3, numbers: int = NUMBERS
) -> None:
    """Assert that the kept numbers of an array agree."""
    found = thinned(ours.detach().cpu().numpy(), numbers)
    check_close(name, torch.from_numpy(found.copy()), kept, atol=atol, rtol=rtol)


if __name__ == "__main__":
    written = make(sys.argv[1], PARITY / sys.argv[2], *(sys.argv[3:] or ["in_frames"]))
    print(f"{written.relative_to(ROOT)}: {written.stat().st_size} bytes")
