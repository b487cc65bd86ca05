"""Failures of methods as text that can be stored and sent: bounded, valid Unicode, whatever the exception does."""

import traceback

from mevis_bench.records import MethodError, MevisBenchError

MAX_FAILURE_TEXT = 10_000
"""Characters of an error message, and of a traceback, that are kept."""

_TRACEBACK_LINES = 12


def failure_text(error: BaseException) -> str:
    """Return the message of a failed sample: type and text, or the text alone where it is written for users."""
    try:
        text = str(error)
    except Exception as second:
        text = f"its text cannot be read: {type(second).__name__}"
    return _storable(text if isinstance(error, MevisBenchError) else f"{type(error).__name__}: {text}")


def failure_traceback(error: BaseException) -> str | None:
    """Return the end of the traceback; ``None``: the message is complete without it."""
    if isinstance(error, MevisBenchError):
        return None
    return _storable("".join(traceback.format_exception(error)[-_TRACEBACK_LINES:]))


def sendable(error: Exception) -> Exception:
    """Return an error that another process can rebuild, whose modules it may not have: else with its traceback as text.

    Errors that users can fix and those of the operating system stay as they are.
    """
    ours = isinstance(error, MevisBenchError) and type(error).__module__.startswith("mevis_bench.")
    if ours or (isinstance(error, OSError) and type(error).__module__ == "builtins"):
        return error
    return MethodError(failure_text(error), hint=failure_traceback(error))


def _storable(text: str) -> str:
    # Lone surrogates, which UTF-8 cannot hold, are written as \udXXX.
    kept = text if len(text) <= MAX_FAILURE_TEXT else text[:MAX_FAILURE_TEXT] + "... (shortened)"
    return kept.encode("utf-8", "backslashreplace").decode()
