"""Results handed to other tools, each by an entry point of the group ``mevis_bench.exports``.

An exporter is a function ``export(run: Path, results: Results, scores: Sequence[SampleScore]) -> str``; it returns
where the numbers went, in words. Installed packages may add their own.
"""

from importlib.metadata import entry_points
from pathlib import Path

from mevis_bench.records import UsageError
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.store.score_files import read_results, read_scores

GROUP = "mevis_bench.exports"


def export(run: Path, to: str) -> str:
    """Hand one scored run to another tool and return where it went.

    Raises:
        UsageError: There is no exporter of this name, or its package is not installed.
        DataError: The run is not scored.
    """
    found = entry_points(group=GROUP)
    if to not in found.names:
        raise UsageError(f"no exporter {to!r}", location="--to", hint=did_you_mean(to, sorted(found.names)))
    results, scores = read_results(run), read_scores(run)
    try:
        exporter = found[to].load()
        return str(exporter(run, results, scores))
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError)
        hint = f"pip install {error.name}" if missing else "What is installed does not fit together: install it anew."
        raise UsageError(f"exporting to {to} needs a package: {error}", location="--to", hint=hint) from error
