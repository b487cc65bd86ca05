"""Submissions to evaluation servers: ``configs/submission/<name>.yaml``, and the record next to a zip file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from msgspec import Meta


@dataclass(frozen=True, slots=True)
class SubmissionProfile:
    """Requirements of one server.

    Attributes:
        server: Name of the server.
        split: Split that it scores.
        max_bytes: Largest zip file that it takes.
        folder: Folder of the zip file that holds the video folders; ``None``: they are at its root.
        bits: Depth of the PNG masks.
        layout: ``masks``: one PNG per expression and frame. ``label_images``: one per annotator and frame, as DAVIS's
            tool takes them (Ref-DAVIS17).
    """

    server: str
    split: str
    max_bytes: Annotated[int, Meta(ge=1)]
    folder: str | None = None
    bits: Literal[1, 8] = 1
    layout: Literal["masks", "label_images"] = "masks"


@dataclass(frozen=True, slots=True)
class SubmissionRecord:
    """Contents of a zip file: ``<zip>.manifest.json``.

    Attributes:
        sha256: Hash of the zip file.
        bytes: Its size.
        server: Name of the server.
        split: Name of the split.
        fingerprint: Fingerprint of the split's annotation files.
        run: Name of the run's folder.
        videos: Number of videos.
        expressions: Number of expressions.
        predicted_on: The split that the run was predicted on, where it was packed for another one; else ``None``.
        protocol: How the predictions came about, as ``mevis-bench protocol RUN`` prints it; empty in files of older
            versions.
    """

    sha256: str
    bytes: int
    server: str
    split: str
    fingerprint: str
    run: str
    videos: int
    expressions: int
    predicted_on: str | None = None
    protocol: Mapping[str, str] = field(default_factory=dict)
