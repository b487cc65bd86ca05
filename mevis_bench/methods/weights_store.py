"""Putting weights into the user's store: checked, converted once to safetensors, nothing in them executed."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mevis_bench.files.atomic import atomic_write
from mevis_bench.methods.loading import load_method
from mevis_bench.methods.registry import ResolvedMethod
from mevis_bench.methods.submodules import import_built_in
from mevis_bench.methods.weights import find_weights, origin_path, sha256, store_path
from mevis_bench.records import DataError, MethodConfig, UsageError
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.schemas.json_files import encode_document
from mevis_bench.schemas.method_file import WeightSpec
from mevis_bench.schemas.weights_record import WeightsRecord

_READER = "baselines.layers.checkpoints.checkpoint_file"
"""The one safe reader of untrusted checkpoints; it needs torch, so it is imported by name when it is needed."""

_ENTRIES = ("model", "model_state_dict", "state_dict")
"""Keys under which training scripts put the state dict next to optimizer and arguments."""


@dataclass(frozen=True, slots=True)
class AddedWeights:
    """Result of ``add_weights``.

    Attributes:
        paths: Path of each file now.
        missing: Weights of the variant that are still missing; only where there are none, the method was loaded with
            what was added, so that a file of another model was refused.
    """

    paths: Mapping[str, Path]
    missing: tuple[str, ...]


def add_weights(resolved: ResolvedMethod, files: Mapping[str, Path], store: Path) -> AddedWeights:
    """Check files and put them into the store; where one is refused, nothing is stored.

    Args:
        resolved: Whose weights they are.
        files: By the weights' name in ``method.yaml``; ``""``: the only one.
        store: The user's weights store.

    Raises:
        UsageError: A name is none of the variant's, or a file is not there.
        DataError: A hash is not the known one; a file is no checkpoint, is cut short, or holds code; or the method
            cannot be loaded with it.
    """
    specs = resolved.spec.weights
    folder = store / resolved.method.spec.name
    sources = {}
    for name, source in files.items():
        known = next(iter(specs)) if name == "" and len(specs) == 1 else name
        if known not in specs:
            what = f"has no weights '{name}'" if name else f"has {len(specs)} weights files: give NAME=FILE"
            raise UsageError(f"{resolved.name} {what}", hint=did_you_mean(name, list(specs)))
        if not source.exists():
            raise UsageError("no such file or folder", location=str(source))
        sources[known] = source
    drafts = folder / "adding"
    shutil.rmtree(drafts, ignore_errors=True)
    try:
        hashes = {name: sha256(source) for name, source in sources.items()}
        added = {
            name: make_draft(source, hashes[name], specs[name], drafts / specs[name].file)
            for name, source in sources.items()
        }
        found = {name: added.get(name) or find_weights(resolved, spec, store) for name, spec in specs.items()}
        here = {name: path for name, path in found.items() if path is not None}
        missing = tuple(name for name in specs if name not in here)
        if not missing and resolved.method.spec.environment is None:
            _load_once(resolved, here, sources)
        kept = {
            name: keep(
                draft,
                WeightsRecord(sources[name].name, hashes[name], sha256(draft)),
                store_path(store, resolved.method.spec.name, specs[name]),
            )
            for name, draft in added.items()
        }
        return AddedWeights(kept, missing)
    finally:
        shutil.rmtree(drafts, ignore_errors=True)


def _load_once(resolved: ResolvedMethod, weights: Mapping[str, Path], sources: Mapping[str, Path]) -> None:
    """Load the method with its weights; an error names the user's file, not its copy."""
    variant = resolved.spec
    config = MethodConfig(variant.tasks[0], resolved.variant, variant.options, weights, "cpu", 0)
    try:
        load_method(resolved.method, config).close()
    except DataError as error:
        location = error.location or ""
        for name, source in sources.items():
            location = location.replace(str(weights[name]), str(source))
        raise DataError(error.message, location=location or None, hint=error.hint) from error


def make_draft(
    source: Path,
    source_hash: str,
    spec: WeightSpec,
    draft: Path,
    copy: Callable[[Any, Any], object] = shutil.copyfile,
) -> Path:
    """Write what the store will keep of a file or folder: a copy, or the tensors of a checkpoint as safetensors.

    Args:
        source: The file or folder.
        source_hash: Its hash.
        spec: The weights that it should be.
        draft: Path to write.
        copy: Copies one file.

    Raises:
        DataError: The hash is not the known one, or the file is no checkpoint, is cut short, or holds code.
    """
    if spec.sha256 is not None and source_hash != spec.sha256:
        raise DataError(
            f"not the expected file: sha256 is {source_hash}, expected {spec.sha256}",
            location=str(source),
            hint=f"Get it again: {spec.source}",
        )
    draft.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, draft, copy_function=copy)
    elif draft.suffix == ".safetensors" and source.suffix != ".safetensors":
        _convert(source, draft)
    else:
        copy(source, draft)
    return draft


def keep(draft: Path, record: WeightsRecord, place: Path) -> Path:
    """Move a draft to its place in the store and write the record of its origin next to it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir():
        shutil.rmtree(place)
    draft.replace(place)
    atomic_write(origin_path(place), encode_document(record))
    return place


def _convert(source: Path, place: Path) -> None:
    from safetensors.torch import save_file

    reader: Any = import_built_in(_READER)
    tensors = reader.read_tensors(source, entry=_ENTRIES, namespace=True)
    # Files may share storage between keys, which safetensors refuses; each key gets its own.
    save_file({key: tensor.clone().contiguous() for key, tensor in tensors.items()}, place)
