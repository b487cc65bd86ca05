"""The one family of errors that a user can fix, and the exit codes of the command line."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit code of the process. CI scripts may rely on these numbers."""

    OK = 0
    FAILED = 1
    """A sample failed, a data set has errors, or a metric regressed."""
    USAGE = 2
    """The call, a configuration file or an input file is wrong, or an output cannot be written (a full disk too)."""
    NOTHING_MEASURED = 3
    """There was nothing, or too little, to score."""
    INCOMPARABLE = 4
    """Two results cannot be compared: other data, other protocol."""
    INTERRUPTED = 130
    """Ctrl-C. Everything finished before it is on disk; the same command continues."""


class MevisBenchError(Exception):
    """An error that its reader can fix: what is wrong, where, and what to do next.

    The command line prints it without a traceback and returns ``exit_code``. Any other exception is a bug of
    ours or of a method and keeps its traceback.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, location: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, location, hint)
        self.message = message
        self.location = location
        self.hint = hint

    def __str__(self) -> str:
        location = f"{self.location}: " if self.location else ""
        hint = f"\n{self.hint}" if self.hint else ""
        return f"{location}{self.message}{hint}"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.location, self.hint)


def _rebuild(kind: type[MevisBenchError], message: str, location: str | None, hint: str | None) -> MevisBenchError:
    """Rebuild an error that crossed a process boundary (keyword arguments do not survive on their own)."""
    return kind(message, location=location, hint=hint)


class UsageError(MevisBenchError):
    """A wrong flag, name or configuration."""

    exit_code = ExitCode.USAGE


class DataError(MevisBenchError):
    """A file of a data set, a prediction or a checkpoint is not what it should be; ``where`` names file and key."""

    exit_code = ExitCode.USAGE


class RenamedFieldWarning(DeprecationWarning):
    """A file uses the old name of a field, which is read for one more release."""


class MissingWeightsError(MevisBenchError):
    """A method's weights are not on this machine; the hint names the file, its source and its license."""

    exit_code = ExitCode.USAGE


class DownloadError(MevisBenchError):
    """A file or service on the network cannot be had now: no network, no access, no such revision, interrupted."""


class MethodError(MevisBenchError):
    """A method could not be loaded, or its process crashed."""


class DeviceMemoryError(MethodError):
    """A device has too little memory for a method's networks; the harness adds which variants would fit.

    Attributes:
        fitting_bytes: Bytes of weights that the device can hold.
    """

    fitting_bytes: int = 0


class NothingMeasuredError(MevisBenchError):
    """There was nothing, or too little, to score."""

    exit_code = ExitCode.NOTHING_MEASURED


class IncomparableError(MevisBenchError):
    """Two results cannot be compared."""

    exit_code = ExitCode.INCOMPARABLE
