"""Training pass of the referring detector: outputs of every decoder layer, and frozen weights."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from baselines.layers.nn.deformable_transformer import EncodedLevels
from baselines.layers.nn.prepared_maps import ClipInput
from baselines.layers.nn.referring_detector import ReferringDetector
from baselines.layers.nn.track_queries import Detections, TrackQueries
from baselines.layers.training.track_losses import FrameMatch, FrameOutputs, TrackState


@dataclass(frozen=True, slots=True, eq=False)
class ClipOutputs:
    """Predictions for a clip and the assignments that decided which rows went on; one entry per frame.

    Attributes:
        outputs: Predictions.
        matches: Assignments.
        states: State of the rows before each assignment.
    """

    outputs: tuple[FrameOutputs, ...]
    matches: tuple[FrameMatch, ...]
    states: tuple[TrackState, ...]


def encode_clip(
    model: ReferringDetector, images: ClipInput, sentences: Sequence[Tensor]
) -> tuple[tuple[EncodedLevels, ...], ...]:
    """Encode all frames of a clip with all of its sentences, in one batch; tracks come in after it, in the decoder.

    Args:
        model: In training mode, or in evaluation mode for a pass without dropout.
        images: ``(t, 3, h, w)``, normalized, or their maps.
        sentences: Token ids, int64 ``(1, n_i)`` each.

    Returns:
        For each sentence one memory per frame.
    """
    encoded = model.encode(model.see(images), *(model.read(ids) for ids in sentences))
    length = len(images)
    return tuple(
        tuple(encoded[row : row + 1] for row in range(number * length, (number + 1) * length))
        for number in range(len(sentences))
    )


def detect_layers(model: ReferringDetector, encoded: EncodedLevels, queries: TrackQueries) -> tuple[Detections, ...]:
    """Classify every query of a frame after each decoder layer; the last entry equals ``model.detect``."""
    decoded = model.decode(encoded, queries)
    heads = zip(model.class_embed, model.refer_embed, decoded.states[:, 0], decoded.boxes[:, 0], strict=True)
    return tuple(
        Detections(class_embed(states)[:, 0], refer_embed(states)[:, 0], boxes, states)
        for class_embed, refer_embed, states, boxes in heads
    )


def detach_boxes(detections: Detections) -> Detections:
    """Detach the boxes: a track's next reference point is a constant."""
    return replace(detections, boxes=detections.boxes.detach())


def freeze_backbone(model: ReferringDetector) -> None:
    """Freeze the text encoder and the ResNet's stem and first stage, as the authors do; batch norms are constants.

    The text encoder's dropout stays active in training mode, as in the authors' code.
    """
    for name in ("text_encoder", "backbone.0.body.conv1", "backbone.0.body.layer1"):
        model.get_submodule(name).requires_grad_(False)
