"""Reading and writing ``scores.jsonl`` and ``results.json``, which scoring writes and every report reads.

``scores.jsonl`` has one line per sample, sorted by sample. ``results.json`` has the aggregate with everything needed to
decide whether two of them are comparable. Neither contains a time, a path or a machine, so equal predictions give equal
bytes.
"""

from collections.abc import Iterable
from pathlib import Path

from mevis_bench.files.atomic import atomic_write
from mevis_bench.records import IncomparableError
from mevis_bench.schemas.json_files import encode_document, encode_line, read_json_file, read_json_lines
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.store.run_folder import RunFolder

_HINT = "Score the predictions again with `mevis-bench score`."


def write_scores(folder: Path, scores: Iterable[SampleScore], results: Results) -> None:
    """Write both files into ``folder``, each atomically."""
    lines = [
        encode_line(SampleScore(score.sample, dict(score.values), tuple(sorted(score.groups))))
        for score in sorted(scores, key=lambda score: score.sample)
    ]
    atomic_write(folder / "scores.jsonl", "".join(lines))
    atomic_write(folder / "results.json", encode_document(results))


def read_scores(folder: Path) -> tuple[SampleScore, ...]:
    """Read ``scores.jsonl`` of a scored folder, in file order.

    Raises:
        DataError: The file is missing, or a line is not a score.
    """
    return read_json_lines(folder / "scores.jsonl", SampleScore, _HINT)


def read_results(folder: Path) -> Results:
    """Read ``results.json`` of a scored folder.

    Raises:
        DataError: The file is missing, is of a schema that this version does not read, or a field is invalid.
        IncomparableError: The folder's run was predicted on another split than its results are of.
    """
    results = read_json_file(folder / "results.json", Results, _HINT)
    run = RunFolder(folder)
    if run.manifest_path.is_file():
        identity = run.read_manifest().identity
        if (identity.split, identity.fingerprint) != (results.split, results.fingerprint):
            raise IncomparableError(
                f"manifest.json is of split {identity.split!r} [{identity.fingerprint[:8]}], results.json of "
                f"{results.split!r} [{results.fingerprint[:8]}]",
                location=str(folder),
                hint=_HINT,
            )
    return results
