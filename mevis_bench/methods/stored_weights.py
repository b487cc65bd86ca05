"""Check and clean-up of the weights files on this machine."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mevis_bench.methods.registry import Registry
from mevis_bench.methods.weights import known_hashes, origin_path, sha256, shipped_path, store_path


@dataclass(frozen=True, slots=True)
class VerifiedWeights:
    """One weights file on this machine.

    Attributes:
        method: The first method that uses it.
        name: Name of the weights in its ``method.yaml``.
        path: The file or folder.
        sha256: Its hash.
        result: ``ok``: the known hash; ``changed``: another one; ``unknown``: no hash is known.
    """

    method: str
    name: str
    path: str
    sha256: str
    result: Literal["ok", "changed", "unknown"]


def verify_weights(registry: Registry, store: Path, method: str | None = None) -> list[VerifiedWeights]:
    """Return the check of every weights file that is shipped or in the store, each once.

    A hash is known from ``method.yaml``, or from the record that was written when the file was stored.

    Args:
        registry: All methods.
        store: The user's weights store.
        method: Only files of this method; ``None``: of all.
    """
    found: dict[Path, VerifiedWeights] = {}
    for entry in registry.methods.values():
        if method not in (None, entry.spec.name):
            continue
        for variant in entry.spec.variants.values():
            for name, spec in variant.weights.items():
                for path in (shipped_path(entry.folder, spec), store_path(store, entry.spec.name, spec)):
                    if path.exists() and path not in found:
                        digest, known = sha256(path), known_hashes(path, spec)
                        result: Literal["ok", "changed", "unknown"] = "ok" if digest in known else "changed"
                        found[path] = VerifiedWeights(
                            entry.spec.name, name, str(path), digest, result if known else "unknown"
                        )
    return list(found.values())


def unused_files(registry: Registry, store: Path) -> Mapping[Path, int]:
    """Return the files of the store that no method names, with their sizes in bytes, sorted.

    The record next to a file belongs to the file.
    """
    used = {
        store_path(store, entry.spec.name, spec)
        for entry in registry.methods.values()
        for variant in entry.spec.variants.values()
        for spec in variant.weights.values()
    }
    used |= {origin_path(path) for path in used}
    files = sorted(path for path in store.rglob("*") if path.is_file() or path.is_symlink())
    return {path: path.lstat().st_size for path in files if used.isdisjoint((path, *path.parents))}


def delete_unused(files: Iterable[Path], store: Path) -> None:
    """Delete files of the store, and folders that are empty afterwards."""
    for path in files:
        path.unlink()
        for folder in path.parents:
            if folder == store or any(folder.iterdir()):
                break
            folder.rmdir()
