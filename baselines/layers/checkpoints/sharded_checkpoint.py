"""A folder of safetensors shards, as large language models are published: checked key by key, then put into a model."""

import json
from collections.abc import Callable, Collection
from pathlib import Path

import safetensors
import torch
from torch import Tensor, nn

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
    ignored: Collection[str] = (),
) -> None:
    """Put a folder's tensors into a module, in place of its own; the module may be on the meta device.

    Keys and shapes of all shards are checked before the first tensor is read.

    Args:
        folder: The shards.
        module: Gets them as its parameters.
        dtype: To which they are converted.
        device: To which they are moved, one shard after the other.
        our_key: Translates a key of the files; by default keys are the same.
        ignored: Keys, after translation, that the files may contain and the module does not have.

    Raises:
        DataError: A shard is missing or cut short, or keys or shapes are not the module's.
    """
    shards = _shards(folder)
    found: dict[str, Tensor] = {}
    for path in shards:
        with _opened(path) as shard:
            for key in shard.keys():  # noqa: SIM118 - a safetensors file is no mapping
                found[our_key(key)] = torch.empty(shard.get_slice(key).get_shape(), device="meta")
    wanted = match_keys(found, module, location=str(folder), ignored=ignored)
    for path in shards:
        with _opened(path) as shard:
            keys = [key for key in shard.keys() if our_key(key) in wanted]  # noqa: SIM118
            part = {our_key(key): shard.get_tensor(key).to(device, dtype) for key in keys}
        module.load_state_dict(part, strict=False, assign=True)


def _shards(folder: Path) -> list[Path]:
    """List a folder's shards, sorted; the index names them where there is one."""
    index = folder / INDEX
    if not index.is_file():
        if not (folder / SINGLE).is_file():
            raise DataError(f"holds neither {INDEX} nor {SINGLE}", location=str(folder))
        return [folder / SINGLE]
    try:
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
        if any(Path(name).name != name for name in names):
            raise ValueError("a shard's name leads out of the folder")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"is no index of shards ({type(error).__name__}: {error})", location=str(index)) from error
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(names)} shards are missing: {', '.join(missing)}",
            location=str(folder),
            hint="Fetch them from where the others came from.",
        )
    return [folder / name for name in names]


def _opened(path: Path) -> safetensors.safe_open:
    try:
        return safetensors.safe_open(path, framework="pt")
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise DataError(
            f"not a whole safetensors file: {error}",
            location=str(path),
            hint="Fetch the file again and compare its size and hash with the source.",
        ) from error
