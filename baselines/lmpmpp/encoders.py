"""What turns a prompt into a question for the ``paper`` variant: RoBERTa for text, ImageBind for speech, both frozen.

Axes: l tokens of a sentence.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import RobertaModel

from baselines.layers.inputs.audio_file import read_audio
from baselines.layers.inputs.imagebind_mel import RATE, WINDOW, mel_clips
from baselines.layers.nn.imagebind_audio import ImageBindAudio
from baselines.layers.nn.text_encoder import Tokenizer
from baselines.lmpmpp.model import Question


class Encoders(nn.Module):
    """Frozen text and audio encoders; their parameters are never trained and stay in evaluation mode."""

    def __init__(self, roberta: RobertaModel, tokenizer: Tokenizer, imagebind: ImageBindAudio) -> None:
        super().__init__()
        self.roberta, self.imagebind, self.tokenizer = roberta, imagebind, tokenizer
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "Encoders":
        """Stay in evaluation mode: dropout would make features of a frozen encoder differ from step to step."""
        return super().train(False)

    @torch.no_grad()
    def read(self, text: str) -> Question:
        """Encode a sentence: RoBERTa's pooled feature ``(768,)`` and its tokens ``(l, 768)``."""
        ids = torch.tensor([self.tokenizer.encode(text).ids], device=self._device())
        out = self.roberta(input_ids=ids)
        return Question(out.pooler_output[0], out.last_hidden_state[0], "text")

    @torch.no_grad()
    def encode_speech(self, path: Path) -> Question:
        """Encode speech: ImageBind's embedding ``(1024,)``, which is its only word, too.

        Raises:
            DataError: The file is missing or no sound file.
        """
        waveform = torch.from_numpy(read_audio(path, RATE))
        waveform = F.pad(waveform, (0, max(0, WINDOW - len(waveform))))
        embedding: Tensor = self.imagebind(mel_clips(waveform)[None].to(self._device()))
        return Question(embedding[0], embedding, "audio")

    def _device(self) -> torch.device:
        return next(self.roberta.parameters()).device
