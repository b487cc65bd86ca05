"""The facts that a reader needs to repeat a number: data, questions, rules, weights and the command."""

import hashlib
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path

from mevis_bench.methods.registry import find_methods
from mevis_bench.metrics.protocol_text import describe_protocol
from mevis_bench.metrics.protocols import PROTOCOLS
from mevis_bench.records import MevisBenchError
from mevis_bench.records.dataset import Dataset
from mevis_bench.runs.run_split import open_split
from mevis_bench.schemas.manifest import Manifest
from mevis_bench.schemas.run_config import RunConfig
from mevis_bench.schemas.scores import Results
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.store.score_files import read_results, read_scores

_NOT_PRINTED = ("out", "retry_failed", "fail_fast", "max_failures", "workers", "shard", "address", "engine", "timeout")
"""Keys of a run's configuration that do not decide its numbers, or name places on one machine."""


def protocol_facts(folder: Path) -> Mapping[str, str]:
    """Return the facts of a run or of scored predictions by topic, in the order of the table.

    Raises:
        DataError: The folder has neither a manifest nor results, or one of them is invalid.
    """
    run = RunFolder(folder)
    manifest = run.read_manifest() if run.manifest_path.is_file() else None
    scored = manifest is None or (folder / "results.json").is_file()
    results = read_results(folder) if scored else None
    facts = {**_data(folder, manifest, results), **_rules(results)}
    return facts if manifest is None else {**facts, **_method(manifest)}


def question_hash(dataset: Dataset, samples: Iterable[str]) -> str:
    """Return the SHA-256 of the sorted lines ``<video>/<expression> <sentence>`` of samples."""
    texts = {}
    for sample in samples:
        video_id, _, expression_id = sample.rpartition("/")
        texts[sample] = next(one.text for one in dataset.expressions(video_id) if one.id == expression_id)
    return hashlib.sha256("\n".join(f"{sample} {text}" for sample, text in sorted(texts.items())).encode()).hexdigest()


def _data(folder: Path, manifest: Manifest | None, results: Results | None) -> dict[str, str]:
    dataset = results.dataset if results is not None else manifest.dataset if manifest is not None else {}
    split, fingerprint = (
        (results.split, results.fingerprint)
        if results is not None
        else (manifest.identity.split, manifest.identity.fingerprint)
        if manifest is not None
        else ("", "")
    )
    samples = (
        manifest.identity.samples if manifest is not None else tuple(score.sample for score in read_scores(folder))
    )
    return {
        "data set": f"{dataset.get('name', 'not recorded')}, version {dataset.get('version', 'not recorded')}",
        "split": f"{split}, annotation files {fingerprint}",
        "questions": _questions(folder, manifest, samples),
    }


def _questions(folder: Path, manifest: Manifest | None, samples: tuple[str, ...]) -> str:
    count = f"{len(samples)} expressions"
    if manifest is None:
        ids = hashlib.sha256("\n".join(sorted(samples)).encode()).hexdigest()
        return f"{count}, ids {ids}"
    try:
        digest = question_hash(open_split(folder).dataset, samples)
    except MevisBenchError as error:
        return f"{count}; sentences not hashed: {error.message}"
    return f"{count}, sentences {digest}"


def _rules(results: Results | None) -> dict[str, str]:
    if results is None:
        return {"protocol": "not scored"}
    protocol = PROTOCOLS.get(results.protocol)
    rules = dict(describe_protocol(protocol)) if protocol is not None else {"protocol": results.protocol}
    counts = results.counts
    return {
        **rules,
        "options": ", ".join(f"{name}: {value}" for name, value in sorted(results.choices.items())),
        "missing predictions": f"{counts['missing']} of {counts['expected']}, which count 0",
    }


def _method(manifest: Manifest) -> dict[str, str]:
    identity = manifest.identity
    options = ", ".join(f"{name}: {value}" for name, value in sorted(identity.options.items()))
    return {
        "method": f"{identity.method}:{identity.variant} ({manifest.title}), {manifest.provenance}",
        "method options": options or "none",
        "weights": _weights(manifest),
        "code": f"mevis-bench {identity.version}, commit {manifest.commit or 'not recorded'}, method {identity.code}",
        "seed": str(identity.seed),
        "device": identity.device,
        "command": _command(manifest),
    }


def _weights(manifest: Manifest) -> str:
    identity = manifest.identity
    if identity.weights is None:
        return f"untrained: random numbers of seed {identity.seed}"
    if not identity.weights:
        return "none"
    try:
        known = find_methods().resolve(identity.method, identity.variant).spec.weights
    except MevisBenchError:
        known = {}  # a method of another checkout: hashes are all that is known
    described = (
        f"{name} sha256 {digest}" + (f" from {known[name].source}" if name in known else "")
        for name, digest in sorted(identity.weights.items())
    )
    return "; ".join(described)


def _command(manifest: Manifest) -> str:
    """Return the command line of the run's configuration, without what does not decide its numbers."""
    words = ["mevis-bench", "run"]
    defaults = {field.name: field.default for field in fields(RunConfig)}
    for key, value in manifest.config.items():
        if key in _NOT_PRINTED or value in (None, [], {}, (), False) or value == defaults.get(key):
            continue
        if key == "options" and isinstance(value, Mapping):
            for name, option in value.items():
                words += ["--set", f"method.{name}={option}"]
            continue
        if key == "videos" and isinstance(value, list | tuple):
            value = ",".join(map(str, value))
        for one in value if isinstance(value, list | tuple) else (value,):
            words += [f"--{key.replace('_', '-')}", str(one)]
    return shlex.join(words)
