"""Location of a method's weights: shipped with it, in the user's store, or named on the command line."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mevis_bench.files.cache import cache_path
from mevis_bench.methods.registry import ResolvedMethod
from mevis_bench.records import DataError, MissingWeightsError, UsageError
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.schemas.json_files import read_json_file
from mevis_bench.schemas.manifest import Provenance
from mevis_bench.schemas.method_file import WeightSpec
from mevis_bench.schemas.weights_record import WeightsRecord

UNTRAINED: Literal["untrained"] = "untrained"

State = Literal["none needed", "shipped", "in store", "missing"]


def default_store() -> Path:
    """Return the user's weights store; it need not exist."""
    return cache_path("weights")


@dataclass(frozen=True, slots=True)
class WeightsChoice:
    """Value of ``--weights``.

    Attributes:
        untrained: Run with seeded random weights.
        store: Folder with one folder of weights per method.
        files: Files named on the command line, by the weights' name in ``method.yaml``; ``""``: the only one.
    """

    untrained: bool
    store: Path
    files: Mapping[str, Path]


def parse_weights(values: Sequence[str]) -> WeightsChoice:
    """Understand ``--weights``: ``untrained``, a file, ``NAME=PATH``, or a folder that is a weights store.

    Raises:
        UsageError: A named path does not exist, or ``untrained`` is given together with a file.
    """
    files: dict[str, Path] = {}
    store = default_store()
    for value in values:
        if value == UNTRAINED:
            continue
        name, equals, rest = value.partition("=")
        path = Path(rest if equals else value).expanduser()
        if equals or path.is_file():
            files[name if equals else ""] = path
        elif path.is_dir():
            store = path
        if not path.exists():
            raise UsageError("no such file or folder", location=f"--weights {value}")
    if UNTRAINED in values and files:
        raise UsageError("--weights untrained and --weights FILE exclude each other")
    return WeightsChoice(UNTRAINED in values, store, files)


def weights_state(resolved: ResolvedMethod, store: Path) -> State:
    """Return whether a variant could run with its weights now, without reading them."""
    method = resolved.method
    states = {file_state(method.folder, method.spec.name, spec, store) for spec in resolved.spec.weights.values()}
    order: tuple[State, ...] = ("missing", "in store", "shipped")
    return next((state for state in order if state in states), "none needed")


def file_state(folder: Path, method: str, spec: WeightSpec, store: Path) -> State:
    """Return the location of one file of weights: ``shipped`` in the method's folder, ``in store``, or ``missing``."""
    if shipped_path(folder, spec).exists():
        return "shipped"
    return "in store" if store_path(store, method, spec).exists() else "missing"


def shipped_path(folder: Path, spec: WeightSpec) -> Path:
    """Return the path of a file that ships with the method in ``folder`` or, where it has one, with its owner."""
    owner = folder if spec.owner is None else folder.with_name(spec.owner)
    return owner / "weights" / spec.file


def store_path(store: Path, method: str, spec: WeightSpec) -> Path:
    """Return the path of a method's weights file in the weights store."""
    return store / (spec.owner or method) / spec.file


def provenance(resolved: ResolvedMethod) -> Provenance:
    """Return who made a variant's weights: ``official``, ``trained-here``, ``api``, or ``heuristic`` where it has none.

    One file that was trained here makes the whole ``trained-here``.
    """
    makers = {spec.provenance for spec in resolved.spec.weights.values()}
    if not makers:
        return "api" if resolved.spec.remote else "heuristic"
    return "official" if makers == {"official"} else "trained-here"


def locate_weights(resolved: ResolvedMethod, choice: WeightsChoice) -> Mapping[str, Path] | None:
    """Return a variant's files by name, or ``None`` where untrained weights are requested.

    Raises:
        MissingWeightsError: A file is not on this machine.
        DataError: A file's sha256 is not the known one.
        UsageError: A name given with ``--weights`` is none of the variant's.
    """
    specs = resolved.spec.weights
    if choice.untrained:
        return None if specs else {}
    for name in choice.files:
        if name not in specs and not (name == "" and len(specs) == 1):
            message = f"has no weights file '{name}'" if name else f"takes {len(specs)} files"
            raise UsageError(
                f"{resolved.name} {message}",
                location="--weights",
                hint=f"{did_you_mean(name, list(specs))}\nGive NAME=FILE",
            )
    located = {}
    for name, spec in specs.items():
        given = choice.files.get(name) or choice.files.get("")
        path = given or find_weights(resolved, spec, choice.store)
        if path is None:
            raise _missing(resolved, name, spec, choice.store)
        if given is None:
            check_sha256(path, spec)
        located[name] = path
    return located


def check_sha256(path: Path, spec: WeightSpec) -> None:
    """Raise ``DataError`` if a file is not the one that ``method.yaml`` knows (nothing where no hash is known).

    A file that ``weights add`` converted is known by the hash of what it was made from.
    """
    if spec.sha256 is not None and path.is_file():
        found = sha256(path)
        if found not in known_hashes(path, spec):
            raise DataError(
                f"not the expected file: sha256 is {found}, expected {spec.sha256}",
                location=str(path),
                hint=f"Get it again: {spec.source}",
            )


def known_hashes(path: Path, spec: WeightSpec) -> frozenset[str]:
    """Return the hashes that a file of weights may have; empty: none is known.

    The hash of ``method.yaml``; and, of a file in the store, that of what was stored, if it was made from a file of
    that hash or none is given.
    """
    known = {spec.sha256} - {None}
    origin = _origin(path)
    if origin is not None and spec.sha256 in (None, origin[0]):
        known.add(origin[1])
    return frozenset(digest for digest in known if digest is not None)


def origin_path(path: Path) -> Path:
    """Return the file next to stored weights that records what they were made from."""
    return path.with_name(path.name + ".origin.json")


def _origin(path: Path) -> tuple[str, str] | None:
    """Return the hashes of what stored weights were made from and of what was stored; ``None``: not known."""
    try:
        record = read_json_file(origin_path(path), WeightsRecord)
    except DataError:
        return None
    return record.sha256, record.stored_sha256


def sha256(path: Path) -> str:
    """Return the sha256 of a file in hex; of a folder: of its files' names and hashes, sorted."""
    if path.is_dir():
        files = sorted(entry for entry in path.rglob("*") if entry.is_file())
        lines = "".join(f"{sha256(entry)}  {entry.relative_to(path).as_posix()}\n" for entry in files)
        return hashlib.sha256(lines.encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_weights(resolved: ResolvedMethod, spec: WeightSpec, store: Path) -> Path | None:
    """Return where one file of weights is: shipped, else in the store; ``None``: on neither place."""
    places = (shipped_path(resolved.method.folder, spec), store_path(store, resolved.method.spec.name, spec))
    return next((path for path in places if path.exists()), None)


def _missing(resolved: ResolvedMethod, name: str, spec: WeightSpec, store: Path) -> MissingWeightsError:
    put = store_path(store, resolved.method.spec.name, spec)
    get = "" if spec.hub is None else f"Get:     mevis-bench weights get {resolved.name}\n"
    return MissingWeightsError(
        f"the weights '{name}' of {resolved.name} are not on this machine",
        hint=f"{get}From:    {spec.source} (license: {spec.license})\n"
        f"Put to:  {put}\n"
        f"     or  mevis-bench weights add {spec.owner or resolved.method.spec.name} FILE\n"
        f"Or run with seeded random weights: --weights untrained",
    )
