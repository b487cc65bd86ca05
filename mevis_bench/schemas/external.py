"""JSON files of other tools. Only keys that are read are declared; files may have more.

Large files are decoded part by part (``decode_external``, ``decode_key``), so that one error does not hide others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from mevis_bench.masks.rle_json import CocoRle

Sentence = Annotated[str, Meta(pattern=r"\S", description="a sentence")]
Side = Annotated[int, Meta(ge=1)]
AnnotationId = int | str


@dataclass(frozen=True, slots=True)
class MevisExpression:
    """One expression of MeViS.

    Attributes:
        exp: The sentence.
        anno_id: Ids of the targets' masks, empty: no target; left out in splits without ground truth.
        audio: Path of the sound file inside the split, if there is one.
        order_pair: Id of the expression that differs in the order of two moves, if there is one.
        form: Form of the sentence in generated splits; other values than those of mini mean nothing.
    """

    exp: Sentence
    anno_id: Annotated[tuple[AnnotationId, ...], Meta(description="a list of ids, empty for no target")] | None = None
    audio: str | None = None
    order_pair: str | None = None
    form: str | None = None


@dataclass(frozen=True, slots=True)
class MevisVideo:
    """One video of MeViS.

    Attributes:
        frames: Names of the frames without suffix, in order.
        expressions: Expressions by id.
        height: Rows in pixels, if the file states the size.
        width: Columns in pixels, if the file states the size.
    """

    frames: Annotated[tuple[str, ...], Meta(min_length=1)]
    expressions: Mapping[str, MevisExpression]
    height: Side | None = None
    width: Side | None = None


@dataclass(frozen=True, slots=True)
class MevisExpressions:
    """Expressions of a split of MeViS.

    Attributes:
        videos: Videos by id.
    """

    videos: Mapping[str, MevisVideo]


@dataclass(frozen=True, slots=True)
class ReferredExpression:
    """One expression of Refer-YouTube-VOS and of data sets in its layout.

    Attributes:
        exp: The sentence.
        obj_id: Id of the target, its pixel value in label images.
    """

    exp: Sentence
    obj_id: int | Annotated[str, Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class ReferredVideo:
    """One video of Refer-YouTube-VOS.

    Attributes:
        frames: Names of the frames without suffix, in order.
        expressions: Expressions by id.
    """

    frames: Annotated[tuple[str, ...], Meta(min_length=1)]
    expressions: Mapping[str, ReferredExpression]


@dataclass(frozen=True, slots=True)
class ReferredExpressions:
    """Expressions of a split of Refer-YouTube-VOS with ground truth.

    Attributes:
        videos: Videos by id.
    """

    videos: Mapping[str, ReferredVideo]


MaskPerFrame = tuple[CocoRle | None, ...]
"""One mask per frame; null: the object is not visible."""

MaskDict = Mapping[str, MaskPerFrame]
"""``mask_dict.json``: masks by annotation id."""

PredictionFile = Mapping[str, Mapping[str, str | MaskPerFrame]]
"""Predictions of other tools: a sentence, or one mask per frame, by video and expression."""


@dataclass(frozen=True, slots=True)
class ReferKittiExpression:
    """One expression of Refer-KITTI.

    Attributes:
        label: Ids of the referred tracks by frame number, counted from 0; frames without one may be left out.
        sentence: The sentence.
    """

    label: Mapping[str, tuple[AnnotationId, ...]]
    sentence: Sentence
