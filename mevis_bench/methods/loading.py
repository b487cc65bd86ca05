"""From a method's folder to a loaded method."""

import hashlib
from dataclasses import replace
from typing import Any

from mevis_bench.methods.method_options import typed_options
from mevis_bench.methods.registry import MethodEntry, ResolvedMethod
from mevis_bench.methods.stored_predictions import PredictionReader
from mevis_bench.methods.submodules import import_submodule
from mevis_bench.records import Method, MethodConfig, MethodError

SHARED_LAYERS = "layers"
"""Folder next to the built-in methods that several of them share."""


def load_method(found: MethodEntry, config: MethodConfig[Any]) -> Method:
    """Import a method's ``method.py`` and call its ``load``.

    Raises:
        MethodError: It cannot be imported (a package is missing), has no ``load``, calls ``sys.exit``, or
            ``load`` returns no method.
        MevisBenchError: Raised by ``load`` itself.
    """
    location = str(found.folder / "method.py")
    options = typed_options(ResolvedMethod(found, config.variant), config.options)
    try:
        load = getattr(import_submodule(found, "method"), "load", None)
        if load is None:
            raise MethodError("has no function load(config)", location=location)
        method: Method = load(replace(config, options=options, open_predictions=PredictionReader))
    except SystemExit as error:  # it would end the run with the method's exit code, perhaps 0
        raise MethodError(f"calls sys.exit({error.code!r:.80}) while it is loaded", location=location) from error
    if not callable(getattr(method, "predict", None)):
        raise MethodError(f"load() returned {type(method).__name__}, which has no predict", location=location)
    return method


def code_fingerprint(found: MethodEntry) -> str:
    """Return the sha256 of a method's Python and text files, ``method.yaml``, requirements and shared layers."""
    digest = hashlib.sha256()
    environment = found.spec.environment
    if environment is not None and environment.requirements is not None:
        requirements = found.folder / environment.requirements
        digest.update(requirements.read_bytes() if requirements.is_file() else b"")
    folders = [found.folder]
    if found.package is not None:
        folders.append(found.folder.parent / SHARED_LAYERS)
    for folder in folders:
        for path in sorted((*folder.rglob("*.py"), *folder.rglob("*.txt"), *folder.glob("method.yaml"))):
            digest.update(path.relative_to(folder.parent).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
