"""Safe reading of checkpoint files, and validation of their keys and shapes against a model."""

import argparse
import pickle
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from baselines.layers.checkpoints.known_keys import owner
from mevis_bench.records import DataError

_MAX_LISTED = 10
"""Keys per kind that an error lists."""


def read_tensors(path: Path, *, entry: str | tuple[str, ...] = (), namespace: bool = False) -> dict[str, Tensor]:
    """Read a file of named tensors: safetensors by its suffix, else a PyTorch file with ``weights_only``.

    Args:
        path: The file.
        entry: Key of the state dict in a PyTorch file, or several keys of which the first one present is used; without
            any of them the file is the state dict.
        namespace: Accept an ``argparse.Namespace`` in addition to tensors, as DETR-like training scripts save one.

    Raises:
        DataError: The file is missing, truncated, not a checkpoint, contains code, or has no named tensors.
    """
    location = str(path)
    if not path.is_file():
        raise DataError("file not found", location=location)
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (safetensors.SafetensorError, OSError, ValueError) as error:
            raise DataError(
                f"invalid or truncated safetensors file: {error}", location=location, hint=_AGAIN
            ) from error
    allowed: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [argparse.Namespace] if namespace else []
    try:
        with torch.serialization.safe_globals(allowed):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "GLOBAL" not in str(error) and not _starts_as_pickle(path):
            raise DataError("not a checkpoint, or truncated", location=location, hint=_AGAIN) from error
        raise DataError(
            "the file contains Python objects besides tensors, which may be code, so it is not loaded",
            location=location,
            hint="Request safetensors from its authors, or save only its state dict, on an isolated machine.",
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise DataError("not a checkpoint, or truncated", location=location, hint=_AGAIN) from error
    entries = (entry,) if isinstance(entry, str) else entry
    if isinstance(content, Mapping):
        content = next((content[name] for name in entries if name in content), content)
    if not isinstance(content, Mapping):
        raise DataError(f"expected named tensors, got a {type(content).__name__}", location=location)
    tensors = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        raise DataError("contains no named tensors", location=location)
    return tensors


def _starts_as_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1) == pickle.PROTO


_AGAIN = "Download the file again and compare its size and hash with the source."


def match_keys(
    tensors: Mapping[str, Tensor],
    expected: nn.Module | Mapping[str, Tensor],
    *,
    location: str,
    ignored: Collection[str] | re.Pattern[str] = (),
) -> dict[str, Tensor]:
    """Validate a file's tensors against a model's keys and shapes.

    Args:
        tensors: The file's tensors, under the model's keys.
        expected: The model (on any device, meta included) or its state dict.
        location: The file, for errors.
        ignored: Keys that the file may contain and the model does not have, or a pattern that they fit whole.

    Returns:
        The tensors of exactly the model's keys.

    Raises:
        DataError: Keys are missing or unexpected, or shapes differ; the first ten of each kind are listed, and the
            method whose file it seems to be.
    """
    state = expected.state_dict() if isinstance(expected, nn.Module) else expected
    missing = [key for key in state if key not in tensors]
    allowed = ignored.fullmatch if isinstance(ignored, re.Pattern) else ignored.__contains__
    unexpected = [key for key in tensors if key not in state and not allowed(key)]
    misshapen = [
        f"{key} {tuple(tensors[key].shape)} instead of {tuple(state[key].shape)}"
        for key in state
        if key in tensors and tensors[key].shape != state[key].shape
    ]
    problems = {"missing": missing, "unexpected": unexpected, "with a different shape": misshapen}
    lines = [f"{len(keys)} {problem}: {_first(keys)}" for problem, keys in problems.items() if keys]
    if lines:
        found = owner(tensors)
        if found is not None and found != owner(state):
            lines.append(f"these keys are those of {found}")
        elif not missing and not unexpected:
            lines.append("the keys are this model's, its sizes are not: another variant's file?")
        raise DataError(
            "the file does not match this model: " + "; ".join(lines),
            location=location,
            hint="Check that it is the file of this method and variant: `mevis-bench weights list`.",
        )
    return {key: tensors[key] for key in state}


def _first(keys: list[str]) -> str:
    return ", ".join(keys[:_MAX_LISTED]) + (", ..." if len(keys) > _MAX_LISTED else "")
