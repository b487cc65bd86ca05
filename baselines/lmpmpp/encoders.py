"""Frozen prompt encoders of LMPM++: RoBERTa for text, ImageBind for speech (paper section 4, E_T and E_A).

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
from baselines.lmpmpp.model import EncodedPrompt


class PromptEncoders(nn.Module):
    """Text and audio encoder; never trained and always in evaluation mode."""

    def __init__(self, roberta: RobertaModel, tokenizer: Tokenizer, imagebind: ImageBindAudio) -> None:
        super().__init__()
        self.roberta, self.imagebind, self.tokenizer = roberta, imagebind, tokenizer
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "PromptEncoders":
        """Stay in evaluation mode: with dropout, features of a frozen encoder would differ from step to step."""
        return super().train(False)

    def forward(self, prompt: str | Path) -> EncodedPrompt:
        """Encode a sentence, or the sound file of one."""
        return self.encode_speech(prompt) if isinstance(prompt, Path) else self.encode_text(prompt)

    @torch.no_grad()
    def encode_text(self, text: str) -> EncodedPrompt:
        """Encode a sentence: RoBERTa's pooled feature ``(768,)`` and its token states ``(l, 768)``."""
        ids = torch.tensor([self.tokenizer.encode(text).ids], device=self._device())
        out = self.roberta(input_ids=ids)
        return EncodedPrompt(out.pooler_output[0], out.last_hidden_state[0], "text")

    @torch.no_grad()
    def encode_speech(self, path: Path) -> EncodedPrompt:
        """Encode speech: ImageBind's embedding ``(1024,)``, which is its only token, too.

        Raises:
            DataError: The file is missing or not a sound file.
        """
        waveform = torch.from_numpy(read_audio(path, RATE))
        waveform = F.pad(waveform, (0, max(0, WINDOW - len(waveform))))
        embedding: Tensor = self.imagebind(mel_clips(waveform)[None].to(self._device()))
        return EncodedPrompt(embedding[0], embedding, "audio")

    def _device(self) -> torch.device:
        return next(self.roberta.parameters()).device
