"""Authors' files of TransRMOT and TempRMOT: ``{model, optimizer, lr_scheduler, epoch, args}``; our keys are theirs."""

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
