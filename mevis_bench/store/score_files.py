"""``scores.jsonl`` and ``results.json``: what scoring writes and every report reads.

``scores.jsonl`` has a line a sample, sorted by sample. ``results.json`` has the aggregate with everything needed to
judge whether two of them may be compared. Neither holds a clock, a path or a machine, so equal predictions give equal
bytes. Values are fractions; ``null`` means undefined.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mevis_bench.files.atomic import atomic_write
from mevis_bench.records import DataError

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class SampleScore:
    """The scores of one sample.

    Attributes:
        sample: ``<video>/<expression>``.
        values: Metric values and per-sample columns by name; ``None``: undefined for this sample.
        groups: Names of the slices the sample belongs to, sorted.
    """

    sample: str
    values: Mapping[str, float | None]
    groups: tuple[str, ...] = ()

    @property
    def video(self) -> str:
        """The video the sample belongs to."""
        return self.sample.rsplit("/", 1)[0]


@dataclass(frozen=True, slots=True)
class Results:
    """The aggregate of one scored run.

    Attributes:
        task: ``rvos``, ``avos``, ``rmot`` or ``rmeg``.
        protocol: Name of the scoring protocol, for instance ``mevis_v2``.
        metrics: Aggregate values by metric name, fractions; ``None``: undefined.
        counts: ``expected``, ``scored``, ``missing`` samples.
        split: Name of the split.
        fingerprint: Fingerprint of the split's annotation files.
        slices: For every slice its ``count`` and its metrics.
        method: ``name``, ``variant`` and ``provenance`` of the run, and where they were used ``bridge`` and
            ``perturb``; empty for external predictions.
        choices: Every option that changes a number (metrics version, rule for missing samples, ...), by name.
        dataset: ``name`` and ``version`` of the data set; empty in files of older versions.
        schema: Version of this layout.
    """

    task: str
    protocol: str
    metrics: Mapping[str, float | None]
    counts: Mapping[str, int]
    split: str
    fingerprint: str
    slices: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    method: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)
    dataset: Mapping[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    @property
    def label(self) -> str:
        """``method:variant``, and what else was done to get its predictions; for tables and keys."""
        if not self.method:
            return "external predictions"
        bridge = f" via {self.method['bridge']}" if "bridge" in self.method else ""
        perturb = f", frames {self.method['perturb']}" if "perturb" in self.method else ""
        return f"{self.method['name']}:{self.method['variant']}{bridge}{perturb}"


def write_scores(folder: Path, scores: Iterable[SampleScore], results: Results) -> None:
    """Write both files into ``folder``, each whole or not at all."""
    lines = [
        json.dumps({"sample": score.sample, "values": dict(score.values), "groups": sorted(score.groups)})
        for score in sorted(scores, key=lambda score: score.sample)
    ]
    atomic_write(folder / "scores.jsonl", "".join(line + "\n" for line in lines))
    atomic_write(folder / "results.json", json.dumps(asdict(results), indent=2) + "\n")


def read_scores(folder: Path) -> tuple[SampleScore, ...]:
    """Read ``scores.jsonl`` of a scored folder, in file order.

    Raises:
        DataError: The file is missing, or a line is not a score.
    """
    path = folder / "scores.jsonl"
    scores = []
    for number, line in enumerate(_read(path).splitlines(), 1):
        try:
            entry = json.loads(line)
            scores.append(SampleScore(entry["sample"], entry["values"], tuple(entry["groups"])))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError("this line is not a score", location=f"{path}:{number}", hint=_AGAIN) from error
    return tuple(scores)


def read_results(folder: Path) -> Results:
    """Read ``results.json`` of a scored folder.

    Raises:
        DataError: The file is missing, is of another schema, or lacks a field.
    """
    path = folder / "results.json"
    try:
        results = Results(**json.loads(_read(path)))
    except (ValueError, TypeError) as error:
        raise DataError(f"not a result of mevis-bench: {error}", location=str(path), hint=_AGAIN) from error
    if results.schema != SCHEMA:
        raise DataError(f"schema {results.schema}, this version reads {SCHEMA}", location=str(path), hint=_AGAIN)
    return results


_AGAIN = "Score the predictions again with `mevis-bench score`."


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise DataError(f"can't be read: {reason}", location=str(path), hint=_AGAIN) from error
