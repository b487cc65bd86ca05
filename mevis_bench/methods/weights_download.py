"""Weights by name: from the Hugging Face hub at a pinned commit into the user's store."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mevis_bench.files.hub import download, forget, pinned_revisions
from mevis_bench.files.place_file import link_or_copy
from mevis_bench.methods.registry import ResolvedMethod
from mevis_bench.methods.weights import find_weights, sha256, store_path
from mevis_bench.methods.weights_store import keep, make_draft
from mevis_bench.records import DataError, MissingWeightsError
from mevis_bench.records.hub_source import HubSource
from mevis_bench.schemas.method_file import WeightSpec
from mevis_bench.schemas.weights_record import WeightsRecord


@dataclass(frozen=True, slots=True)
class MissingWeights:
    """Weights of a variant that are not on this machine, by their name in ``method.yaml``.

    Attributes:
        hub: Those that can be downloaded.
        by_hand: Those that a person has to get: behind a login, a form or a drive's page.
    """

    hub: Mapping[str, HubSource]
    by_hand: Mapping[str, WeightSpec]

    def check_by_hand(self, resolved: ResolvedMethod) -> None:
        """Raise ``MissingWeightsError`` if a person has to get some, saying where and what to do with them."""
        if self.by_hand:
            owner = next(iter(self.by_hand.values())).owner or resolved.method.spec.name
            places = [f"{name}: {spec.source} (license: {spec.license})" for name, spec in self.by_hand.items()]
            files = " ".join(f"{name}=FILE" for name in self.by_hand)
            raise MissingWeightsError(
                f"weights of {resolved.name} that cannot be downloaded: {', '.join(self.by_hand)}",
                hint="\n".join(["Get by hand:", *places, f"Then: mevis-bench weights add {owner} {files}"]),
            )


def missing_weights(resolved: ResolvedMethod, store: Path) -> MissingWeights:
    """Return which weights of a variant are not on this machine, and how each can be had."""
    specs = resolved.spec.weights
    missing = {name: spec for name, spec in specs.items() if find_weights(resolved, spec, store) is None}
    return MissingWeights(
        {name: spec.hub for name, spec in missing.items() if spec.hub is not None},
        {name: spec for name, spec in missing.items() if spec.hub is None},
    )


def get_weights(
    resolved: ResolvedMethod, sources: Mapping[str, HubSource], store: Path, revision: str | None = None
) -> Mapping[str, Path]:
    """Download weights and put them into the store; what is in the hub's cache needs no network.

    The store links to the hub's cache where both are on one disk, so that nothing is kept twice.

    Args:
        resolved: Whose weights they are.
        sources: By the weights' name, from :func:`missing_weights`.
        store: The user's weights store.
        revision: Commit of a repository for which ``method.yaml`` names none.

    Returns:
        The paths in the store, by name.

    Raises:
        DownloadError: They cannot be had now.
        DataError: A file is not the expected one.
        UsageError: No revision is known, or the disk is too small.
    """
    revisions = pinned_revisions(sources.values(), revision)
    method, specs = resolved.method.spec.name, resolved.spec.weights
    return {
        name: _get(specs[name], source, revisions[source.repo], store_path(store, method, specs[name]))
        for name, source in sources.items()
    }


def _get(spec: WeightSpec, source: HubSource, revision: str, place: Path) -> Path:
    files = download(source, revision, "model")
    drafts = place.parent / "adding"
    shutil.rmtree(drafts, ignore_errors=True)
    try:
        draft, origin, origin_hash = _make(spec, source, files, drafts / place.name)
        record = WeightsRecord(origin, origin_hash, sha256(draft), f"{source.repo}@{revision}")
        return keep(draft, record, place)
    except DataError:
        for path in files.values():
            forget(path)
        raise
    finally:
        shutil.rmtree(drafts, ignore_errors=True)


def _make(spec: WeightSpec, source: HubSource, files: Mapping[str, Path], draft: Path) -> tuple[Path, str, str]:
    """Return the draft, the name of what it was made from, and the hash of that."""
    if source.file is not None:
        origin_hash = sha256(files[source.file])
        return make_draft(files[source.file], origin_hash, spec, draft, link_or_copy), source.file, origin_hash
    folder = draft.with_name(f"{draft.name}.files")
    for file, path in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(path, folder / file)
    origin_hash = sha256(folder)
    return make_draft(folder, origin_hash, spec, draft, link_or_copy), source.repo, origin_hash
