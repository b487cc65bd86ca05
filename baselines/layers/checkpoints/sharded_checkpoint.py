"""Loader for folders of safetensors shards, the format of published language models."""

import json
import re
from collections.abc import Callable, Collection
from pathlib import Path

import safetensors
import torch
from torch import nn

from baselines.layers.checkpoints.checkpoint_file import match_keys
from mevis_bench.records import DataError

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"


def load_shards(
    folder: Path,
    module: nn.Module,
    *,
    dtype: torch.dtype,
    device: str,
    our_key: Callable[[str], str] = str,
    ignored: Collection[str] | re.Pattern[str] = (),
) -> None:
    """Load a folder's tensors into a module, which may be on the meta device.

    Keys and shapes of all shards are validated before the first tensor is read.

    Args:
        folder: The shards.
        module: The module; its parameters are replaced.
        dtype: Type of the loaded tensors.
        device: Device of the loaded tensors; shards are moved in turn.
        our_key: Maps a key of the files to the module's; by default the identity.
        ignored: Keys, after translation, that the files may contain and the module does not have, or a pattern that
            they fit whole.

    Raises:
        DataError: A shard is missing or cut short, or keys or shapes are not the module's.
    """
    tensors = {our_key(key): torch.empty(shape, device="meta") for key, shape in shard_shapes(folder).items()}
    expected = match_keys(tensors, module, location=str(folder), ignored=ignored)
    for path in _shards(folder):
        with _opened(path) as shard:
            keys = [key for key in shard.keys() if our_key(key) in expected]  # noqa: SIM118
            part = {our_key(key): shard.get_tensor(key).to(device, dtype) for key in keys}
        module.load_state_dict(part, strict=False, assign=True)


def shard_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Read the shapes of all tensors of a folder, by key, without the tensors.

    Raises:
        DataError: A shard is missing or cut short.
    """
    shapes = {}
    for path in _shards(folder):
        with _opened(path) as shard:
            for key in shard.keys():  # noqa: SIM118 - a safetensors file is no mapping
                shapes[key] = tuple(shard.get_slice(key).get_shape())
    return shapes


def _shards(folder: Path) -> list[Path]:
    """List a folder's shards, sorted, from its index if there is one."""
    index = folder / INDEX
    if not index.is_file():
        if not (folder / SINGLE).is_file():
            raise DataError(f"expected {INDEX} or {SINGLE}, found neither", location=str(folder))
        return [folder / SINGLE]
    try:
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
        if any(Path(name).name != name for name in names):
            raise ValueError("a shard's name is outside the folder")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"invalid index of shards ({type(error).__name__}: {error})", location=str(index)) from error
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(names)} shards are missing: {', '.join(missing)}",
            location=str(folder),
            hint="Download them from the source of the other shards.",
        )
    return [folder / name for name in names]


def _opened(path: Path) -> safetensors.safe_open:
    try:
        return safetensors.safe_open(path, framework="pt")
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise DataError(
            f"invalid safetensors file: {error}",
            location=str(path),
            hint="Download the file again and compare its size and hash with the source.",
        ) from error
