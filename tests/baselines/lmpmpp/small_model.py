"""LMPM++ in small sizes, and a training of it that torchrun can start: ``SCRIPT DATA OUT``."""

import sys
from pathlib import Path

import pytest
import torch

from baselines.layers.nn import text_encoder
from baselines.layers.nn.swin import SwinConfig
from baselines.lmpmpp import encoders, method, train
from baselines.lmpmpp.config import ExtractorConfig, LanguageConfig, LMPMppConfig
from baselines.lmpmpp.train_options import PaperTrainOptions
from mevis_bench.data.registry import open_dataset
from tests.fixtures.training_arguments import make_training_arguments, read_options

SMALL = LMPMppConfig(
    extractor=ExtractorConfig(
        backbone=SwinConfig(channels=8, depths=(1, 1, 1, 1), heads=(1, 1, 1, 1)),
        channels=16,
        heads=2,
        groups=4,
        pixel_layers=1,
        pixel_feedforward=16,
        decoder_layers=3,
        feedforward=16,
        queries=5,
    ),
    language=LanguageConfig(
        hidden=32, layers=2, heads=2, feedforward=32, vocabulary=21, text_channels=12, audio_channels=10, lora_rank=2
    ),
)

ROBERTA = text_encoder.TextEncoderConfig(vocab_size=600, channels=12, depth=1, heads=2, feedforward=12)

START_FILES = ("mask2former", "llama", "llama_tokenizer", "roberta", "roberta_tokenizer", "imagebind")

OPTIONS = {
    "steps": 3,
    "learning_rate": 1e-3,
    "save_every": 3,
    "samples": 4,
    "frames": 3,
    "short_sides": [36, 48],
    "shuffles": 2,
    "speech": 0.5,
    "contrastive": True,
    "temperature": 0.07,
    "precision": "float32",
    "start": dict.fromkeys(START_FILES, ""),
}


class FakeImageBind(torch.nn.Linear):
    """Linear layer on the mean mel bands, in place of ImageBind's audio trunk."""

    def __init__(self) -> None:
        super().__init__(128, 10)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        return super().forward(clips.mean((1, 2, 4)))


def patch_encoders(patch: pytest.MonkeyPatch) -> None:
    """Build a small RoBERTa and the fake ImageBind where LMPM++ builds its encoders."""
    for module in (train, method):
        patch.setattr(module, "build_roberta", lambda pooler=True: text_encoder.build_roberta(ROBERTA))
        patch.setattr(module, "ImageBindAudio", FakeImageBind)


def build_encoders() -> encoders.PromptEncoders:
    """The small RoBERTa and the fake ImageBind."""
    return encoders.PromptEncoders(
        text_encoder.build_roberta(ROBERTA), text_encoder.open_tokenizer(None), FakeImageBind()
    )


def main() -> None:
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    split = open_dataset(data, "train")
    out.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch_encoders(patch)
        options = read_options(OPTIONS, PaperTrainOptions)
        args = make_training_arguments("paper", options, split, out)
        train.train_paper(args, SMALL)


if __name__ == "__main__":
    main()
