"""Read the authors' TempRMOT file: ``{model, optimizer, lr_scheduler, epoch, args}``, keys of ``model`` like ours."""

from pathlib import Path

import torch

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.layers.nn.referring_detector import IGNORED_KEYS, has_track_attention
from baselines.layers.nn.text_encoder import TextEncoderConfig
from baselines.temprmot.model import TempRmot


def load_model(path: Path, history: int, text: TextEncoderConfig | None = None) -> TempRmot:
    """Build the model that a file's keys describe and fill it, on the CPU.

    Attention among the tracks exists exactly where the file has its 36 tensors; the original switches it on to test
    whether they were trained or not. ``history``, in frames, is no part of the file. ``text``: sizes
    of the text encoder, ``None``: roberta-base.

    Raises:
        DataError: The file is not this method's checkpoint; see ``read_tensors`` and ``match_keys``.
    """
    tensors = read_tensors(path, entry="model", namespace=True)
    track_attention = has_track_attention(tensors)
    with torch.device("meta"):
        expected = TempRmot(history=history, track_attention=track_attention, text=text)
    tensors = match_keys(tensors, expected, location=str(path), ignored=IGNORED_KEYS)
    model = TempRmot(history=history, track_attention=track_attention, text=text)
    model.load_state_dict(tensors)
    return model
