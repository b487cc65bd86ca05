"""Result of validating a split: its counts and every issue."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ValidationIssue:
    """One thing that is wrong.

    Attributes:
        file: Path of the file, relative to the split if it is inside.
        key: Where in the file (video, expression, frame, annotation id); empty: the file as such.
        message: What is wrong.
    """

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key + ': ' if self.key else ''}{self.message}"


@dataclass(slots=True)
class ValidationReport:
    """Counts and errors of a split.

    Attributes:
        split: Its name.
        root: Its folder.
        has_ground_truth: Whether it has masks.
        videos: Videos in the expression file.
        frames: Frames that all videos name.
        objects: Entries of ``mask_dict.json``.
        single: Expressions with one target.
        multi: Expressions with several targets.
        no_target: Expressions with none.
        unknown: Expressions whose targets are not known: those of a split without truth, and broken ones.
        spoken: Expressions that name a sound file.
        data_set: Name and version of the data set that it was read as.
        errors: Everything that is wrong, in the order of the files.
        notes: What a reader should know and is no error.
    """

    split: str
    root: Path
    has_ground_truth: bool
    videos: int = 0
    frames: int = 0
    objects: int = 0
    single: int = 0
    multi: int = 0
    no_target: int = 0
    unknown: int = 0
    spoken: int = 0
    data_set: str = ""
    errors: list[ValidationIssue] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def expressions(self) -> int:
        """All expressions."""
        return self.single + self.multi + self.no_target + self.unknown
