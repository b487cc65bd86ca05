"""Messages to and from an environment process. Everything it sends is bounded and checked before it is unpacked."""

import base64
import binascii
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Annotated, assert_never

import msgspec
import numpy as np
from numpy.typing import NDArray

from mevis_bench.methods.prediction_checks import MAX_OBJECTS, MAX_TRACK_ENTRIES, check_mask_format
from mevis_bench.records import (
    CaptionPrediction,
    DataError,
    MaskPrediction,
    MethodConfig,
    MethodError,
    PointPrediction,
    Prediction,
    Prompt,
    SpeechPrompt,
    TargetMasks,
    TextPrompt,
    TrackPrediction,
    Video,
)

_MAX_MASK_BYTES = 1 << 33
"""Bound of one prediction's unpacked masks (8 GiB): one byte per pixel, frame and object."""


def encode_config(config: MethodConfig[Mapping[str, object]]) -> dict[str, object]:
    """Return the arguments of ``load`` as JSON values."""
    weights = config.weights
    return {
        "task": config.task,
        "variant": config.variant,
        "options": dict(config.options),
        "weights": None if weights is None else {name: str(path.resolve()) for name, path in weights.items()},
        "device": config.device,
        "seed": config.seed,
    }


def encode_video(video: Video) -> dict[str, object]:
    """Return a video as JSON values; frames go as paths."""
    return {
        "id": video.id,
        "names": video.frame_names,
        "paths": [str(path.resolve()) for path in video.frame_paths],
        "height": video.height,
        "width": video.width,
    }


def encode_prompt(prompt: Prompt) -> dict[str, object]:
    """Return a prompt as JSON values.

    Raises:
        DataError: Target masks of several sizes.
    """
    match prompt:
        case TextPrompt():
            return {"kind": "text", "id": prompt.id, "text": prompt.text}
        case SpeechPrompt():
            return {"kind": "speech", "id": prompt.id, "audio": str(prompt.audio.resolve())}
        case TargetMasks():
            return _encode_targets(prompt)
        case _:
            assert_never(prompt)


def _encode_targets(prompt: TargetMasks) -> dict[str, object]:
    sizes = {(rle.height, rle.width) for target in prompt.objects for rle in target if rle is not None}
    if len(sizes) > 1:
        raise DataError(f"masks have several sizes: {sorted(sizes)}", location=prompt.id)
    objects = [[None if rle is None else rle.counts.decode("ascii") for rle in target] for target in prompt.objects]
    return {"kind": "targets", "id": prompt.id, "size": next(iter(sizes), (0, 0)), "objects": objects}


class PackedMasks(msgspec.Struct, forbid_unknown_fields=True):
    """Bool ``(t, h, w)`` as ``environment_child`` packs it."""

    shape: list[int]
    bits: str


class _MaskReply(msgspec.Struct, tag_field="kind", tag="masks", forbid_unknown_fields=True):
    masks: PackedMasks
    objects: list[PackedMasks] | None
    target_score: float | None
    candidates: list[tuple[PackedMasks, float]] | None = None


class _TrackReply(msgspec.Struct, tag_field="kind", tag="tracks", forbid_unknown_fields=True):
    frames: list[int]
    ids: list[int]
    boxes: list[tuple[float, float, float, float]]


class _PointReply(msgspec.Struct, tag_field="kind", tag="points", forbid_unknown_fields=True):
    frames: list[int]
    ids: list[int]
    points: list[tuple[float, float]]
    raw: str | None
    is_cut: bool


class _CaptionReply(msgspec.Struct, tag_field="kind", tag="caption", forbid_unknown_fields=True):
    text: str
    target_kept: float | None
    raw: str | None


class _PredictionReply(msgspec.Struct, forbid_unknown_fields=True):
    prediction: _MaskReply | _TrackReply | _PointReply | _CaptionReply
    decoding: Annotated[float, msgspec.Meta(ge=0)]


_REPLY = msgspec.json.Decoder(_PredictionReply | None)


def decode_prediction(reply: bytes, video: Video) -> tuple[Prediction, float] | None:
    """Return the prediction of a reply, and the seconds spent decoding frames for it; ``None``: there is none left.

    Args:
        reply: JSON; nothing but the fields of a prediction is built in memory.
        video: The video it is about.

    Raises:
        MethodError: The reply is malformed, or larger than a prediction for this video can be.
    """
    try:
        message = _REPLY.decode(reply)
        return None if message is None else (_decode(message.prediction, video), message.decoding)
    except (msgspec.DecodeError, RecursionError, OverflowError) as error:
        raise MethodError(f"the environment process sent an invalid prediction: {error!s:.200}") from error


def _decode(message: _MaskReply | _TrackReply | _PointReply | _CaptionReply, video: Video) -> Prediction:
    match message:
        case _CaptionReply():
            return CaptionPrediction(message.text, message.target_kept, message.raw)
        case _TrackReply():
            return TrackPrediction(*_decode_entries(message.frames, message.ids, message.boxes, "boxes", 4))
        case _PointReply():
            entries = _decode_entries(message.frames, message.ids, message.points, "points", 2)
            return PointPrediction(*entries, message.raw, message.is_cut)
        case _MaskReply():
            objects = None
            if message.objects is not None:
                _check_object_count(len(message.objects), video)
                objects = tuple(decode_masks(masks, f"objects[{k}]", video) for k, masks in enumerate(message.objects))
            candidates = None
            if message.candidates is not None:
                _check_object_count(len(message.candidates), video)
                candidates = tuple(
                    (decode_masks(masks, f"candidates[{k}]", video), score)
                    for k, (masks, score) in enumerate(message.candidates)
                )
            return MaskPrediction(
                decode_masks(message.masks, "masks", video), objects, message.target_score, candidates
            )
        case _:
            assert_never(message)


def _check_object_count(count: int, video: Video) -> None:
    if count > MAX_OBJECTS:
        raise MethodError(f"invalid objects: expected at most {MAX_OBJECTS}, got {count}")
    size = count * len(video) * video.height * video.width
    if size > _MAX_MASK_BYTES:
        raise MethodError(f"invalid objects: expected at most {_MAX_MASK_BYTES} bytes of masks, got {size}")


def _decode_entries(
    frames: Sequence[int], ids: Sequence[int], places: Sequence[Sequence[float]], name: str, axes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return frames ``(n,)``, identities ``(n,)`` and the boxes or points ``(n, axes)``."""
    counts = len(frames), len(ids), len(places)
    if counts[0] > MAX_TRACK_ENTRIES or len(set(counts)) > 1:
        raise MethodError(
            f"invalid prediction: expected equal numbers of frames, ids and {name}, at most {MAX_TRACK_ENTRIES}, "
            f"got {counts[0]}, {counts[1]} and {counts[2]}"
        )
    return np.array(frames, np.int64), np.array(ids, np.int64), np.array(places, np.float64).reshape(-1, axes)


def decode_masks(message: PackedMasks, name: str, video: Video) -> NDArray[np.bool_]:
    """Return packed masks, bool ``(t, h, w)``; never more bytes are unpacked than the video has pixels.

    Raises:
        MethodError: They are not of the video's shape, or the packed bytes do not fit the shape.
    """
    if len(message.shape) != 3:
        raise MethodError(f"invalid {name}: expected 3 axes, got {len(message.shape)}")
    shape = tuple(message.shape)
    check_mask_format("bool", shape, name, video)
    count = math.prod(shape)
    expected = (count + 7) // 8
    try:
        packed = zlib.decompressobj().decompress(base64.b64decode(message.bits, validate=True), expected + 1)
    except (zlib.error, binascii.Error) as error:
        raise MethodError(f"invalid {name}: cannot unpack them: {error}") from error
    if len(packed) != expected:
        raise MethodError(f"invalid {name}: expected {expected} packed bytes for {shape}, got {len(packed)}")
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=count)
    return bits.astype(np.bool_).reshape(shape)
