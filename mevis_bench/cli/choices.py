"""Choices of options that take one of a few words."""

from enum import StrEnum


class ProgressMode(StrEnum):
    """Choices of ``--progress``."""

    AUTO = "auto"
    PLAIN = "plain"
    NONE = "none"


class SpeechChoice(StrEnum):
    """Choices of ``make-mini --speech``."""

    NONE = "none"
    ONE = "one"
    ALL = "all"


class FrameFiles(StrEnum):
    """Choices of ``export --frames``."""

    LINK = "link"
    COPY = "copy"
