"""Files of TransRMOT and TempRMOT, ``{model, optimizer, lr_scheduler, epoch, args}``, and the one that they start from.

Our keys are the authors'.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.layers.nn.referring_detector import IGNORED_KEYS, ReferringDetector, has_track_attention

DetectorT = TypeVar("DetectorT", bound=ReferringDetector)


def load_detector(path: Path, build: Callable[[bool], DetectorT]) -> DetectorT:
    """Build the model that a file's keys describe and load it, on the CPU.

    The authors train without attention among the tracks and enable it for testing, with random weights; here it exists
    if and only if the file has its 36 tensors.

    Args:
        path: The file.
        build: Builds the model, with or without attention among the tracks.

    Raises:
        DataError: The file is not this method's checkpoint; see ``read_tensors`` and ``match_keys``.
    """
    tensors = read_tensors(path, entry="model", namespace=True)
    track_attention = has_track_attention(tensors)
    with torch.device("meta"):
        expected = build(track_attention)
    tensors = match_keys(tensors, expected, location=str(path), ignored=IGNORED_KEYS)
    model = build(track_attention)
    model.load_state_dict(tensors)
    return model


PERSON = 1
"""Class of COCO whose head becomes that of the only class, as in the authors' training."""

_NOT_IN_DETR = ("text_encoder.", "txt_proj.", "fusion_module.", "refer_embed.", "track_embed.", "STReasoner.")


def start_from_deformable_detr(model: ReferringDetector, path: Path) -> None:
    """Load Deformable DETR with iterative box refinement, trained on COCO, into the parts that it has.

    The authors skip whatever does not fit; here a file that lacks a part is refused.

    Raises:
        DataError: The file is not this network's.
    """
    tensors = read_tensors(path, entry="model", namespace=True)
    for key, value in tensors.items():
        if key.startswith("class_embed.") and len(value) > PERSON:
            tensors[key] = value[PERSON : PERSON + 1]
    expected = {key: value for key, value in model.state_dict().items() if not key.startswith(_NOT_IN_DETR)}
    model.load_state_dict(match_keys(tensors, expected, location=str(path)), strict=False)
