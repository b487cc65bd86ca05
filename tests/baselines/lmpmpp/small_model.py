"""LMPM++ in small sizes, and a training of it that torchrun can start: ``SCRIPT DATA OUT``."""

import sys
from pathlib import Path

from baselines.layers.nn import text_encoder
from baselines.layers.nn.imagebind_audio import ImageBindAudio
from baselines.lmpmpp import encoders, train
from baselines.lmpmpp.config import TINY
from baselines.lmpmpp.train_options import PaperTrainOptions
from mevis_bench.data.registry import open_dataset
from tests.fixtures.training_arguments import make_training_arguments, read_options

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


def build_encoders() -> encoders.PromptEncoders:
    """The frozen encoders of ``TINY``."""
    return encoders.PromptEncoders(
        text_encoder.build_roberta(TINY.text), text_encoder.open_tokenizer(None), ImageBindAudio(TINY.audio)
    )


def main() -> None:
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    split = open_dataset(data, "train")
    out.mkdir(exist_ok=True)
    options = read_options(OPTIONS, PaperTrainOptions)
    args = make_training_arguments("paper", options, split, out)
    train.train_paper(args, TINY)


if __name__ == "__main__":
    main()
