"""Files from a cache in a second place without a second copy."""

import os
import shutil
from pathlib import Path


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """Make a hard link to a file, symbolic links followed; a copy where it is on another disk.

    Only for files that are never changed in place.
    """
    try:
        os.link(Path(source).resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
