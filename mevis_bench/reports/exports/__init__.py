"""Exporters of results to other tools, entry points of the group ``mevis_bench.exports``.

An exporter is a function ``export(run: Path, results: Results, scores: Sequence[SampleScore]) -> str``; it returns
the destination as text for people. Installed packages may add their own.
"""

from importlib.metadata import entry_points
from pathlib import Path

from mevis_bench.records import UsageError
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.store.score_files import read_results, read_scores

GROUP = "mevis_bench.exports"


def export(run: Path, to: str) -> str:
    """Export one scored run and return its destination as text.

    Raises:
        UsageError: The exporter does not exist, or its package is not installed.
        DataError: The run is not scored.
    """
    exporters = entry_points(group=GROUP)
    if to not in exporters.names:
        raise UsageError(f"unknown exporter {to!r}", location="--to", hint=did_you_mean(to, sorted(exporters.names)))
    results, scores = read_results(run), read_scores(run)
    try:
        exporter = exporters[to].load()
        return str(exporter(run, results, scores))
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError)
        hint = f"pip install {error.name}" if missing else "The installed packages are incompatible: reinstall them."
        raise UsageError(f"export to {to} requires a package: {error}", location="--to", hint=hint) from error
