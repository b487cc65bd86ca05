"""Runs of the readers of an RMEG run's sentences, in its folder: ``roundtrip/<reader>/<hash of the sentences>``."""

from pathlib import Path

from mevis_bench.files.names import safe_join
from mevis_bench.records import DataError

OWN_SENTENCES = "own"
"""Folder of the run that read the data set's own sentences."""


def reader_folder(run: Path, reader: str) -> Path:
    """Return the folder of one reader's runs; it need not exist.

    Raises:
        DataError: The reader's name leads out of the folder.
    """
    return safe_join(run / "roundtrip", reader.replace(":", "-"), kind="reader")


def newest_round_trip(run: Path, reader: str) -> Path:
    """Return the reader's run that was scored last: that of the sentences whose score ``run`` has.

    Raises:
        DataError: There is none, or the reader's name leads out of the folder.
    """
    folder = reader_folder(run, reader)
    scored = [path for path in folder.glob("*/results.json") if path.parent.name != OWN_SENTENCES]
    if not scored:
        hint = "Run `mevis-bench roundtrip` again, or `mevis-bench score` to remove the column."
        raise DataError(f"the masks that {reader} found are missing", location=str(folder), hint=hint)
    return max(scored, key=lambda path: path.stat().st_mtime_ns).parent
