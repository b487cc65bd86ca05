"""Reading of whole files: only regular ones, and no more than a limit."""

import os
import stat
from pathlib import Path

from mevis_bench.records import DataError
from mevis_bench.records.bounds import Bounds


def read_regular(path: Path | str, bounds: Bounds) -> bytes:
    """Return the bytes of a file.

    Args:
        path: The file.
        bounds: Its limit of ``bytes``.

    Raises:
        FileNotFoundError: There is no such file.
        DataError: It is a device, a pipe or a folder, which may never end; it is larger than its limit; or it cannot
            be read.
    """
    try:
        # Without O_NONBLOCK a pipe would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123, a descriptor
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device or a pipe"
                raise DataError(f"cannot be read: it is {kind}", location=str(path))
            bounds.check("bytes", status.st_size, str(path))
            return file.readall()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(error.errno, error.strerror, str(path)) from error
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", location=str(path)) from error
