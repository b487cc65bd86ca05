"""Retry policy of everything that runs a method elsewhere: in another process, or behind an API."""

from mevis_bench.records.errors import MethodError

RESUME_HINT = "Finished samples are saved. Run the same command again to resume; --retry-failed retries failed samples."
"""Hint of every error that stops a run."""

MAX_CONSECUTIVE_FAILURES = 3


class MethodUnavailableError(MethodError):
    """A method whose process or service keeps failing. The run stops; samples that were not tried stay open."""


class RetryPolicy:
    """Counter of consecutive failures of a process, an actor, a command or a service.

    Attributes:
        last_error: Text of the last failure; empty: there was none.
    """

    def __init__(self, max_consecutive_failures: int = MAX_CONSECUTIVE_FAILURES) -> None:
        self._limit = max_consecutive_failures
        self._failures = 0
        self.last_error = ""

    def record_failure(self, error: Exception | str) -> None:
        """Count a failure."""
        self._failures += 1
        self.last_error = error.message if isinstance(error, MethodError) else str(error)

    def record_success(self) -> None:
        """Start counting from zero."""
        self._failures = 0

    @property
    def exhausted(self) -> bool:
        """Whether there are no more retries."""
        return self._failures >= self._limit

    def check(self, subject: str, hint: str = "") -> None:
        """Raise unless there are retries left.

        Args:
            subject: Name of the process or service, for the message.
            hint: Line below ``RESUME_HINT``; empty: none.

        Raises:
            MethodUnavailableError: There were too many failures in a row.
        """
        if self.exhausted:
            raise MethodUnavailableError(
                f"{subject} failed {self._failures} times in a row; no more retries. Last failure: {self.last_error}",
                hint="\n".join(filter(None, (RESUME_HINT, hint))),
            )
