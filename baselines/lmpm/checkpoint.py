"""Authors' checkpoint of LMPM."""

from pathlib import Path

from torch import Tensor, nn
from transformers import WhisperConfig

from baselines.layers.checkpoints.trajectory_checkpoint import load_tensors
from baselines.layers.nn.text_encoder import build_roberta
from baselines.layers.nn.trajectory_network import TrajectoryNetworkConfig
from baselines.lmpm.config import SIZES, SPEECH_SIZES
from baselines.lmpm.model import Lmpm
from baselines.lmpm.speech import SpeechEncoder


def load(
    path: Path, config: TrajectoryNetworkConfig = SIZES["base"], speech: WhisperConfig = SPEECH_SIZES["base"]
) -> dict[str, Tensor]:
    """Return exactly the model's tensors; a file with ``speech_encoder.*`` keys is one of the speech branch.

    Args:
        path: ``model_final.pth``, or safetensors with the same keys.
        config: Sizes of the network.
        speech: Sizes of its encoder of speech.

    Raises:
        DataError: The file is not a checkpoint of this method; see ``load_tensors``.
    """

    def build(tensors: dict[str, Tensor]) -> nn.Module:
        supports_speech = any(key.startswith("speech_encoder.") for key in tensors)
        reader = SpeechEncoder(speech, config.text.channels) if supports_speech else build_roberta(config.text)
        return Lmpm(reader, config)

    return load_tensors(path, build)
