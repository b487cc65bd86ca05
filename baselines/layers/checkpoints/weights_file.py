"""Writing of weights files; equal weights give equal bytes."""

import errno
import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from mevis_bench.records import MevisBenchError

LENGTH_BYTES = 8
"""A safetensors file starts with the length of its JSON header."""


def save_weights(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Write safetensors, complete or not at all.

    Args:
        tensors: By name.
        path: The file.
        metadata: For the header. The library writes its keys in a random order; here they are sorted.

    Raises:
        MevisBenchError: The disk is full.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        save_file({name: value.contiguous() for name, value in tensors.items()}, draft, dict(metadata))
        _sort_metadata(draft)
        draft.replace(path)
    except (OSError, SafetensorError) as error:
        draft.unlink(missing_ok=True)
        if not _is_disk_full(error):
            raise
        raise MevisBenchError(
            "the disk is full: the weights cannot be written",
            location=str(path),
            hint="Free some space and start the same command again: it continues from the last checkpoint.",
        ) from error


def _sort_metadata(path: Path) -> None:
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        packed = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        if len(packed) > length:
            raise ValueError(f"the header of {path} grew from {length} to {len(packed)} bytes")
        file.seek(LENGTH_BYTES)
        file.write(packed.ljust(length))


def _is_disk_full(error: Exception) -> bool:
    numbers = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    if isinstance(error, OSError):
        return error.errno in numbers
    return any(f"(os error {number})" in str(error) for number in numbers)
