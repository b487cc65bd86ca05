"""Read the authors' TransRMOT file: ``{model, optimizer, lr_scheduler, epoch, args}``, keys of ``model`` like ours."""

from pathlib import Path

import torch

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.layers.nn.referring_detector import IGNORED_KEYS, has_track_attention
from baselines.layers.nn.text_encoder import TextEncoderConfig
from baselines.transrmot.model import TransRmot


def load_model(path: Path, text: TextEncoderConfig | None = None) -> TransRmot:
    """Build the model that a file's keys describe and fill it, on the CPU.

    The authors train without attention among the tracks and switch it on to test, with random weights; here the
    branch exists exactly where the file has its 36 tensors. ``text``: sizes of the text encoder, ``None``:
    roberta-base.

    Raises:
        DataError: The file is not this method's checkpoint; see ``read_tensors`` and ``match_keys``.
    """
    tensors = read_tensors(path, entry="model", namespace=True)
    track_attention = has_track_attention(tensors)
    with torch.device("meta"):
        expected = TransRmot(track_attention=track_attention, text=text)
    tensors = match_keys(tensors, expected, location=str(path), ignored=IGNORED_KEYS)
    model = TransRmot(track_attention=track_attention, text=text)
    model.load_state_dict(tensors)
    return model
