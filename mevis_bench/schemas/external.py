"""JSON files of other tools. Only keys that are read are declared; files may have more.

Large files are decoded part by part (``decode_external``, ``decode_key``), so that one error does not hide others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from mevis_bench.masks.rle_json import CocoRle

Sentence = Annotated[str, Meta(pattern=r"\S", description="a sentence")]
Side = Annotated[int, Meta(ge=1)]
AnnotationId = int | str
Place = Annotated[tuple[float, float], Meta(description="[x, y]")]
Corners = Annotated[tuple[float, float, float, float], Meta(description="[x0, y0, x1, y1]")]
AnnotationIds = Annotated[tuple[AnnotationId, ...], Meta(description="a list of ids, empty for no target")]
ObjectId = int | Annotated[str, Meta(min_length=1)]
FrameNames = Annotated[tuple[str, ...], Meta(min_length=1)]


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
    anno_id: AnnotationIds | None = None
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

    frames: FrameNames
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
    obj_id: ObjectId


@dataclass(frozen=True, slots=True)
class ReferredVideo:
    """One video of Refer-YouTube-VOS.

    Attributes:
        frames: Names of the frames without suffix, in order.
        expressions: Expressions by id.
    """

    frames: FrameNames
    expressions: Mapping[str, ReferredExpression]


@dataclass(frozen=True, slots=True)
class ReferredExpressions:
    """Expressions of a split of Refer-YouTube-VOS with ground truth.

    Attributes:
        videos: Videos by id.
    """

    videos: Mapping[str, ReferredVideo]


@dataclass(frozen=True, slots=True)
class ReferKittiExpression:
    """One expression of Refer-KITTI.

    Attributes:
        label: Ids of the referred tracks by frame number, counted from 0; frames without one may be left out.
        sentence: The sentence.
    """

    label: Mapping[str, tuple[AnnotationId, ...]]
    sentence: Sentence


MaskPerFrame = tuple[CocoRle | None, ...]
"""One mask per frame; null: the object is not visible."""

MaskDict = Mapping[str, MaskPerFrame]
"""``mask_dict.json``: masks by annotation id."""

BoxDict = Mapping[str, tuple[Corners | None, ...]]
"""``box_dict.json``: one box per frame by annotation id, in pixels, half-open; null: the object is not visible."""

PredictionFile = Mapping[str, Mapping[str, str | MaskPerFrame]]
"""Predictions of other tools: a sentence, or one mask per frame, by video and expression."""


@dataclass(frozen=True, slots=True)
class RevosExpression:
    """One expression of ReVOS.

    Attributes:
        exp: The sentence.
        type_id: 0: it refers to an object, 1: it needs reasoning, 2: it has no target.
        anno_id: Ids of the targets' masks in ``mask_dict.json``; left out in splits without ground truth.
    """

    exp: Sentence
    type_id: Literal[0, 1, 2]
    anno_id: AnnotationIds | None = None


@dataclass(frozen=True, slots=True)
class RevosVideo:
    """One video of ReVOS.

    Attributes:
        frames: Names of the frames without suffix, in order.
        expressions: Expressions by id.
        height: Rows in pixels, if the file states the size.
        width: Columns in pixels, if the file states the size.
    """

    frames: FrameNames
    expressions: Mapping[str, RevosExpression]
    height: Side | None = None
    width: Side | None = None


@dataclass(frozen=True, slots=True)
class RevosExpressions:
    """Expressions of a split of ReVOS.

    Attributes:
        videos: Videos by id.
    """

    videos: Mapping[str, RevosVideo]


@dataclass(frozen=True, slots=True)
class RevosForeground:
    """Everything in one video of ReVOS that an expression of any split refers to.

    Attributes:
        masks_rle: One mask per frame; null: nothing.
    """

    masks_rle: MaskPerFrame


@dataclass(frozen=True, slots=True)
class LongRvosExpression:
    """One expression of Long-RVOS.

    Attributes:
        exp: The sentence.
        obj_id: Id of the target, the name of its folder of masks.
        type: What the sentence describes.
    """

    exp: Sentence
    obj_id: ObjectId
    type: Literal["static", "dynamic", "static+dynamic"]


@dataclass(frozen=True, slots=True)
class LongRvosVideo:
    """One video of Long-RVOS.

    Attributes:
        frames: Names of the frames without suffix, in order.
        expressions: Expressions by id.
    """

    frames: FrameNames
    expressions: Mapping[str, LongRvosExpression]


@dataclass(frozen=True, slots=True)
class LongRvosExpressions:
    """Expressions of a split of Long-RVOS.

    Attributes:
        videos: Videos by id.
    """

    videos: Mapping[str, LongRvosVideo]


@dataclass(frozen=True, slots=True)
class ReasonVosExpression:
    """One expression of ReasonVOS.

    Attributes:
        obj_id: Id of the target, the end of the name of its folder of masks.
        exp_text: The sentence.
        exp: The sentence, in files that have no ``exp_text``.
    """

    obj_id: ObjectId
    exp_text: Sentence | None = None
    exp: Sentence | None = None


@dataclass(frozen=True, slots=True)
class ReasonVosVideo:
    """One video of ReasonVOS.

    Attributes:
        source: Data set that the video is from, the start of the names of its folders of masks.
        frames: Names of the frames without suffix, in order.
        expressions: Expressions, by id or in a list; there the position is the id.
    """

    source: str
    frames: FrameNames
    expressions: tuple[ReasonVosExpression, ...] | Mapping[str, ReasonVosExpression]


@dataclass(frozen=True, slots=True)
class ReasonVosExpressions:
    """Expressions of ReasonVOS.

    Attributes:
        videos: Videos by id.
    """

    videos: Mapping[str, ReasonVosVideo]


ClockTime = Annotated[str, Meta(pattern=r"^(([0-9]{1,3}:)?[0-9]{1,3}:)?[0-9]{1,4}$", description="a time like 1:05")]
"""``h:m:s``, ``m:s`` or ``s``."""


@dataclass(frozen=True, slots=True)
class GroundMoreQuestion:
    """One question of GroundMoRe. Without ground truth, only the question and its kind are read.

    Attributes:
        question: The question.
        q_type: Its kind.
        obj_id: The object that answers it, its pixel value in label images.
        action_start: Time in the video at which the action begins.
        action_end: Time at which it ends.
    """

    question: Sentence
    q_type: Literal["Causal", "Sequential", "Counterfactual", "Descriptive"]
    obj_id: ObjectId
    action_start: ClockTime
    action_end: ClockTime


@dataclass(frozen=True, slots=True)
class GroundMoreVideo:
    """One clip of GroundMoRe.

    Attributes:
        questions: Questions by id.
    """

    questions: Mapping[str, GroundMoreQuestion]


@dataclass(frozen=True, slots=True)
class GroundMoreQuestions:
    """Questions of a split of GroundMoRe.

    Attributes:
        videos: Clips by id, which ends with the clip's times in its video, ``mmss_mmss``.
    """

    videos: Mapping[str, GroundMoreVideo]


A2dQuery = tuple[Sentence, str, Side, Annotated[int, Meta(ge=0)]]
"""Sentence, clip, number of the frame, from 1, and number of the instance."""

JhmdbQuery = tuple[str, str, object, object, Sentence]
"""Video, path of the frame, path of the mask, number of usable frames, sentence; the third and fourth are not read."""


@dataclass(frozen=True, slots=True)
class CocoImage:
    """One image of a COCO file.

    Attributes:
        id: Id of the image.
        height: Rows in pixels.
        width: Columns in pixels.
    """

    id: str
    height: Side
    width: Side


@dataclass(frozen=True, slots=True)
class CocoAnnotation:
    """The only annotation of an image in a COCO file.

    Attributes:
        image_id: Id of the image.
        segmentation: Its mask.
    """

    image_id: str
    segmentation: CocoRle


@dataclass(frozen=True, slots=True)
class CocoGroundTruth:
    """Ground truth in COCO's format, with one annotation per image, as MTTR's scripts write it.

    Attributes:
        images: All images.
        annotations: One annotation per image.
    """

    images: tuple[CocoImage, ...]
    annotations: tuple[CocoAnnotation, ...]
