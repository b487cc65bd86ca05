"""LMPM, Language-guided Motion Perception and Matching (Ding et al., "MeViS", ICCV 2023).

The network is ``TrajectoryNetwork``; LMPM's own are its language queries and its encoders of text and speech. Axes:
c channels, n words.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import RobertaModel

from baselines.layers.nn.trajectory_network import Sentence, TrajectoryNetwork, TrajectoryNetworkConfig
from baselines.lmpm.decoders import ClipModule, FrameDecoder
from baselines.lmpm.speech import SpeechEncoder


class Lmpm(TrajectoryNetwork[Sentence]):
    """The whole network; key names are the published file's.

    Args:
        reader: Encoder of the prompts: RoBERTa (registered as ``text_encoder``) or a ``SpeechEncoder`` (registered as
            ``speech_encoder``).
        config: Sizes; ``None``: the authors'.
    """

    def __init__(self, reader: RobertaModel | SpeechEncoder, config: TrajectoryNetworkConfig | None = None) -> None:
        config = config or TrajectoryNetworkConfig()
        super().__init__(config, FrameDecoder(config.frame), ClipModule(config.clip))
        if isinstance(reader, SpeechEncoder):
            self.speech_encoder = reader
        else:
            self.text_encoder = reader.requires_grad_(False)  # frozen in training too

    def encode_text(self, ids: Tensor, mask: Tensor) -> Sentence:
        """Encode token ids ``(1, n)`` with attention mask ``(1, n)``."""
        out = self.text_encoder(input_ids=ids, attention_mask=mask)
        return Sentence(out.last_hidden_state.transpose(1, 2), mask, self.resizer(out.pooler_output))

    def encode_speech(self, waveform: NDArray[np.float32]) -> Sentence:
        """Encode speech ``(samples,)`` at 16 kHz."""
        words, feature = self.speech_encoder(waveform)
        mask = torch.ones(words.shape[:2], dtype=torch.int64, device=words.device)
        return Sentence(words.transpose(1, 2), mask, self.resizer(feature))
