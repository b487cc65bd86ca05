"""Putting weights into the user's store: checked, converted once to safetensors, nothing in them executed."""

import importlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mevis_bench.methods.method_spec import WeightSpec
from mevis_bench.methods.registry import ChosenMethod
from mevis_bench.methods.weights import origin_path, sha256
from mevis_bench.records import DataError, UsageError
from mevis_bench.records.suggestion import did_you_mean

_READER = "baselines.layers.checkpoint_file"
"""The one safe reader of strangers' checkpoints; it needs torch, so it is imported by name when it is needed."""

_ENTRIES = ("model", "model_state_dict", "state_dict")
"""Keys under which training scripts put the state dict beside optimiser and arguments."""


def add_weights(chosen: ChosenMethod, files: Mapping[str, Path], store: Path) -> dict[str, Path]:
    """Check files and put them into the store.

    Args:
        chosen: Whose weights they are.
        files: By the weights' name in ``method.yaml``; ``""``: the only one.
        store: The user's weights store.

    Returns:
        Where each lies now.

    Raises:
        UsageError: A name is none of the variant's, or a file is not there.
        DataError: A hash is not the known one, or a file is no checkpoint, is cut short, or holds code.
    """
    specs = chosen.spec.weights
    stored = {}
    for name, source in files.items():
        known = next(iter(specs)) if name == "" and len(specs) == 1 else name
        if known not in specs:
            what = f"has no weights '{name}'" if name else f"has {len(specs)} weights files: say which, NAME=FILE"
            raise UsageError(f"{chosen.name} {what}", hint=did_you_mean(name, list(specs)))
        if not source.exists():
            raise UsageError("no such file or folder", where=str(source))
        stored[known] = _add(source, specs[known], store / chosen.method.spec.name / specs[known].file)
    return stored


def _add(source: Path, spec: WeightSpec, place: Path) -> Path:
    source_hash = sha256(source)
    if spec.sha256 is not None and source_hash != spec.sha256:
        raise DataError(
            f"is not the file that is wanted: sha256 {source_hash}, expected {spec.sha256}",
            where=str(source),
            hint=f"Get it again: {spec.source}",
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f"{place.stem}.part{place.suffix}")
    if source.is_dir():
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(source, draft)
        shutil.rmtree(place, ignore_errors=True)
    elif place.suffix == ".safetensors" and source.suffix != ".safetensors":
        _convert(source, draft)
    else:
        shutil.copyfile(source, draft)
    draft.replace(place)
    origin = {"file": source.name, "sha256": source_hash, "stored_sha256": sha256(place)}
    origin_path(place).write_text(json.dumps(origin, indent=2) + "\n")
    return place


def _convert(source: Path, place: Path) -> None:
    from safetensors.torch import save_file

    reader: Any = importlib.import_module(_READER)
    for entry in _ENTRIES:
        try:
            tensors = reader.read_tensors(source, entry=entry, namespace=True)
            break
        except DataError as error:
            # A file with its tensors under another of the known keys reads as one without tensors.
            if entry == _ENTRIES[-1] or "holds no tensors by name" not in error.what:
                raise
    # Files may share storage between keys, which safetensors refuses; each key gets its own.
    save_file({key: tensor.clone().contiguous() for key, tensor in tensors.items()}, place)
