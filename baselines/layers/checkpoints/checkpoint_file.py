"""Read a stranger's checkpoint without running anything in it, and hold its keys against a model's."""

import argparse
import pickle
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from mevis_bench.records import DataError

_SHOWN = 10
"""How many keys of each kind an error lists."""


def read_tensors(path: Path, *, entry: str | None = None, namespace: bool = False) -> dict[str, Tensor]:
    """Read a file of named tensors: safetensors by its suffix, else a PyTorch file with ``weights_only``.

    Args:
        path: The file.
        entry: Key under which a PyTorch file keeps the state dict, where it has that key; ``None``: the file itself.
        namespace: Also accept an ``argparse.Namespace`` beside the tensors, as DETR-like training scripts save one.

    Raises:
        DataError: The file is missing, cut short, not a checkpoint, holds code, or has no tensors where they belong.
    """
    location = str(path)
    if not path.is_file():
        raise DataError("no such file", location=location)
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (safetensors.SafetensorError, OSError, ValueError) as error:
            raise DataError(f"not a whole safetensors file: {error}", location=location, hint=_AGAIN) from error
    allowed: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [argparse.Namespace] if namespace else []
    try:
        with torch.serialization.safe_globals(allowed):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "GLOBAL" not in str(error) and not _starts_as_pickle(path):
            raise DataError("not a checkpoint, or one that is cut short", location=location, hint=_AGAIN) from error
        raise DataError(
            "the file holds Python objects besides tensors, which may be code, so it is not opened",
            location=location,
            hint="Ask its authors for safetensors, or save its state dict alone on a machine you don't mind losing.",
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise DataError("not a checkpoint, or one that is cut short", location=location, hint=_AGAIN) from error
    if entry is not None and isinstance(content, Mapping) and entry in content:
        content = content[entry]
    if not isinstance(content, Mapping):
        raise DataError(f"holds a {type(content).__name__}, no named tensors", location=location)
    tensors = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        raise DataError("holds no tensors by name", location=location)
    return tensors


def _starts_as_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1) == pickle.PROTO


_AGAIN = "Fetch the file again and compare its size and hash with the source."


def match_keys(
    tensors: Mapping[str, Tensor],
    expected: nn.Module | Mapping[str, Tensor],
    *,
    location: str,
    ignored: Collection[str] = (),
) -> dict[str, Tensor]:
    """Hold a file's tensors against a model, key by key and shape by shape.

    Args:
        tensors: The file's tensors, already under our names.
        expected: The model (on any device, meta included) or its state dict.
        where: The file, for the error.
        ignored: Keys that the file may contain and the model does not have.

    Returns:
        Exactly the model's keys.

    Raises:
        DataError: Keys are missing, unexpected, or of another shape: the first ten of each kind are named.
    """
    wanted = expected.state_dict() if isinstance(expected, nn.Module) else expected
    missing = [key for key in wanted if key not in tensors]
    unexpected = [key for key in tensors if key not in wanted and key not in ignored]
    misshapen = [
        f"{key} {tuple(tensors[key].shape)} instead of {tuple(wanted[key].shape)}"
        for key in wanted
        if key in tensors and tensors[key].shape != wanted[key].shape
    ]
    faults = {"missing": missing, "unexpected": unexpected, "of another shape": misshapen}
    lines = [f"{len(keys)} {kind}: {_first(keys)}" for kind, keys in faults.items() if keys]
    if lines:
        raise DataError(
            "the file does not fit this model: " + "; ".join(lines),
            location=location,
            hint="Is it the file of this method and of this variant's backbone? `mevis-bench weights list` names it.",
        )
    return {key: tensors[key] for key in wanted}


def _first(keys: list[str]) -> str:
    return ", ".join(keys[:_SHOWN]) + (", ..." if len(keys) > _SHOWN else "")
