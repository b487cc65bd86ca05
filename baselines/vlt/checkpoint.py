"""VLT's weights: an image network's, or a network's with temporal context, which may start from an image network."""

from pathlib import Path

import torch

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.vlt.config import VltConfig
from baselines.vlt.model import Vlt


def load_network(path: Path, config: VltConfig, *, temporal_context: bool, prepared: int | None = None) -> Vlt:
    """Load a file of trained weights, on the CPU.

    Raises:
        DataError: The file cannot be read safely, or its keys or shapes are not the model's.
    """
    with torch.device("meta"):
        network = Vlt(config, temporal_context=temporal_context, prepared=prepared)
    network.load_state_dict(match_keys(read_tensors(path), network, location=str(path)), assign=True)
    return network
