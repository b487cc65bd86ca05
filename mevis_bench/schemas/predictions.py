"""``predictions/<video>.jsonl`` of a run folder: one line per prediction, of one of five forms."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta

from mevis_bench.files.strict_json import parse_json
from mevis_bench.schemas.decode import decode_key
from mevis_bench.schemas.external import Corners, Place, Side
from mevis_bench.schemas.json_files import decode_document

Counts = Annotated[str, Meta(description="COCO's compressed string", extra_json_schema={"pattern": r"^[\x00-\x7f]*$"})]
"""Not ``Meta(pattern=...)``, which doubles the time to read a line: the string is checked when it becomes ASCII."""

CountsPerFrame = tuple[Counts | None, ...]
"""One mask per frame; null: nothing is foreground."""

Share = Annotated[float, Meta(ge=0, le=1)]
Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1, description="an integer of 64 bits")]


@dataclass(frozen=True, slots=True, kw_only=True)
class MasksLine:
    """Masks of one sample.

    Attributes:
        expression: Id of the expression.
        kind: ``masks``.
        height: Rows of every frame, in pixels.
        width: Columns of every frame, in pixels.
        masks: COCO's compressed counts, one per frame; null: nothing is foreground.
        objects: The same kept apart by object; null: not known.
        target_score: The method's confidence that there is a target; null: it has none.
    """

    expression: str
    kind: Literal["masks"]
    height: Side
    width: Side
    masks: CountsPerFrame
    objects: tuple[CountsPerFrame, ...] | None
    target_score: Share | None

    def __post_init__(self) -> None:
        """Check the lengths.

        Raises:
            ValueError: An object has more or fewer masks than the prediction.
        """
        for index, masks in enumerate(self.objects or ()):
            _check_length(f"objects[{index}]", masks, self)


@dataclass(frozen=True, slots=True)
class CandidateMasks:
    """One of several answers to the same expression.

    Attributes:
        score: The method's confidence; higher is better.
        masks: As those of the line.
    """

    score: float
    masks: CountsPerFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatesLine(MasksLine):
    """Masks of one sample with other candidates.

    Attributes:
        schema: Number of this form; lines without candidates have none.
        candidates: Several masks with scores, in any order.
    """

    schema: Literal[2] = 2
    candidates: tuple[CandidateMasks, ...]

    def __post_init__(self) -> None:
        """Check the lengths.

        Raises:
            ValueError: An object or candidate has more or fewer masks than the prediction.
        """
        MasksLine.__post_init__(self)
        for index, candidate in enumerate(self.candidates):
            _check_length(f"candidates[{index}]", candidate.masks, self)


def _check_length(name: str, masks: CountsPerFrame, line: MasksLine) -> None:
    if len(masks) != len(line.masks):
        raise ValueError(f"'{name}' has {len(masks)} masks, the prediction has {len(line.masks)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TracksLine:
    """Tracks of one sample: ``frames``, ``ids`` and ``boxes`` have one entry per box.

    Attributes:
        expression: Id of the expression.
        kind: ``tracks``.
        frames: Index of the box's frame, from 0.
        ids: Identity of the box's object.
        boxes: Corners in pixels, half-open.
    """

    expression: str
    kind: Literal["tracks"]
    frames: tuple[Int64, ...]
    ids: tuple[Int64, ...]
    boxes: tuple[Corners, ...]

    def __post_init__(self) -> None:
        """Check the lengths.

        Raises:
            ValueError: They differ.
        """
        if not len(self.frames) == len(self.ids) == len(self.boxes):
            raise ValueError(f"{len(self.frames)} frames, {len(self.ids)} ids, {len(self.boxes)} boxes")


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsLine:
    """Points of one sample: ``frames``, ``ids`` and ``points`` have one entry per point.

    Attributes:
        expression: Id of the expression.
        kind: ``points``.
        frames: Index of the point's frame, from 0.
        ids: Identity of the point's object.
        points: Places in pixels.
        raw: The model's whole answer; null: it did not answer in text.
        is_cut: Whether the answer ends inside its points.
    """

    expression: str
    kind: Literal["points"]
    frames: tuple[Int64, ...]
    ids: tuple[Int64, ...]
    points: tuple[Place, ...]
    raw: str | None
    is_cut: bool

    def __post_init__(self) -> None:
        """Check the lengths.

        Raises:
            ValueError: They differ.
        """
        if not len(self.frames) == len(self.ids) == len(self.points):
            raise ValueError(f"{len(self.frames)} frames, {len(self.ids)} ids, {len(self.points)} points")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionLine:
    """Sentence about one sample.

    Attributes:
        expression: Id of the expression.
        kind: ``caption``.
        text: The sentence.
        target_kept: Share of the targets' pixels inside the model's view; null: it does not crop, or does not know.
        raw: The model's whole answer; left out: the sentence is all of it.
    """

    expression: str
    kind: Literal["caption"]
    text: str
    target_kept: Share | None = None
    raw: str | None = None


PredictionLine = MasksLine | CandidatesLine | TracksLine | PointsLine | CaptionLine

_FORMS: dict[str, Any] = {"masks": MasksLine, "tracks": TracksLine, "points": PointsLine, "caption": CaptionLine}


@dataclass(frozen=True, slots=True)
class _Kind:
    """The key that decides about the form of a line."""

    kind: Literal["masks", "tracks", "points", "caption"]


def decode_prediction(text: bytes, location: str) -> PredictionLine:
    """Decode one line.

    Raises:
        DataError: Not JSON, unknown kind or schema, an unknown, missing or ill-typed key, or lengths that differ.
    """
    document = parse_json(text, location)
    form = _FORMS[decode_key(document, _Kind, "kind", location)]
    if form is MasksLine and "schema" in document:
        form = CandidatesLine
    line: PredictionLine = decode_document(document, form, location)
    return line
