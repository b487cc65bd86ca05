"""Authors' checkpoint of DsHmp."""

from pathlib import Path

from torch import Tensor

from baselines.dshmp.config import DsHmpConfig
from baselines.dshmp.model import DsHmp
from baselines.layers.checkpoints.trajectory_checkpoint import load_tensors


def load(path: Path, config: DsHmpConfig | None = None) -> dict[str, Tensor]:
    """Return exactly the model's tensors from the authors' file or from safetensors with the same keys.

    Raises:
        DataError: The file is not a checkpoint of this method; see ``load_tensors``.
    """
    return load_tensors(path, lambda _: DsHmp(config))
