"""``samples.jsonl`` of a run folder: one line per finished sample."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SampleStatus:
    """Outcome of one sample.

    Attributes:
        id: ``<video>/<expression>``.
        status: ``ok``: its prediction is on disk; ``failed``: it has none.
        seconds: Wall time from the prompt to the prediction on disk; time that the samples of a video share counts for
            the first of them.
        model_seconds: The part of it inside the method, without decoding of frames.
        frames: Number of frames of its video.
        error: Reason of the failure; ``None``: no failure.
        traceback: Python traceback of the failure; ``None``: the error is complete without it.
    """

    id: str
    status: Literal["ok", "failed"]
    seconds: float
    model_seconds: float
    frames: int
    error: str | None = None
    traceback: str | None = None
