"""Small vectors that stay in the repository: every k-th number of the originals' stored outputs.

They guard a method where the full vectors are absent. The numbers are the originals' outputs, never ours; the inputs
are seeded random frames, made again here. ``python -m tests.baselines.small_vectors lmpm parity_lmpm_5x128x224.npz``
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


def small_vector(method: str) -> Path:
    """Where a method's small vector lies."""
    return ROOT / "tests" / "baselines" / method / "small_vector.npz"


def seeded_frames(shape: tuple[int, ...], dtype: np.dtype) -> NDArray:
    """The vectors' input frames: bytes or standard normal numbers from torch's generator with seed 1."""
    generator = torch.Generator().manual_seed(1)
    if dtype == np.uint8:
        return torch.randint(0, 256, shape, generator=generator).to(torch.uint8).numpy()
    return torch.randn(shape, generator=generator).numpy()


def thinned(array: NDArray) -> NDArray:
    """Every k-th number of an array in row-major order, about ``NUMBERS`` of them; k is odd, to meet every column."""
    step = max(1, array.size // NUMBERS) | 1
    return array.reshape(-1)[::step]


def make(method: str, source: Path, frames: str = "in_frames") -> Path:
    """Write a method's small vector from a full one; ``frames`` is the input that is made again from its seed."""
    arrays = load_vectors(source)
    images = arrays.pop(frames)
    if not np.array_equal(images, seeded_frames(images.shape, images.dtype)):
        raise SystemExit(f"{frames} of {source.name} are not the seeded frames")
    kept = {name: array if name.startswith("in_") else thinned(array) for name, array in arrays.items()}
    kept[f"shape_{frames}"] = np.array(images.shape)
    kept[f"dtype_{frames}"] = np.array(images.dtype.str)
    path = small_vector(method)
    np.savez_compressed(path, **kept)
    return path


def load_small_vector(method: str, frames: str = "in_frames") -> dict[str, NDArray]:
    """Arrays of a small vector, the input frames included."""
    arrays = load_vectors(small_vector(method))
    shape, dtype = arrays.pop(f"shape_{frames}"), arrays.pop(f"dtype_{frames}")
    return {**arrays, frames: seeded_frames(tuple(shape.tolist()), np.dtype(str(dtype)))}


def check_thinned(name: str, ours: Tensor, kept: NDArray, *, atol: float = 1e-3, rtol: float = 1e-3) -> None:
    """Assert that the kept numbers of an array agree."""
    check_close(name, torch.from_numpy(thinned(ours.detach().cpu().numpy()).copy()), kept, atol=atol, rtol=rtol)


if __name__ == "__main__":
    written = make(sys.argv[1], PARITY / sys.argv[2], *sys.argv[3:])
    print(f"{written.relative_to(ROOT)}: {written.stat().st_size} bytes")
