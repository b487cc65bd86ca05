"""Training configuration of LMPM++ (``configs/train/lmpmpp-paper.yaml``)."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PretrainedFiles:
    """Public files to start from, as paths; empty: randomly initialized from the seed, and a stand-in tokenizer.

    Attributes:
        mask2former: Mask2Former Swin-T, COCO instance segmentation.
        llama: Language model of Video-LLaMA-7B in transformers' layout, one safetensors file.
        llama_tokenizer: Its ``tokenizer.json``.
        roberta: ``model.safetensors`` of roberta-base.
        roberta_tokenizer: Its ``tokenizer.json``.
        imagebind: ``imagebind_huge.pth``, of which the audio trunk is read.
    """

    mask2former: str
    llama: str
    llama_tokenizer: str
    roberta: str
    roberta_tokenizer: str
    imagebind: str


@dataclass(frozen=True, slots=True)
class PaperTrainOptions:
    """Options of one training.

    Attributes:
        steps: Optimizer steps; 150,000 in the paper.
        learning_rate: Peak; 5e-5 in the paper.
        save_every: Steps between two checkpoints.
        samples: Clips per step over all processes, each of a different video; 8 GPUs in the paper.
        frames: Frames per clip, spread over the whole video.
        short_sides: Short sides of resized frames to draw from, in pixels.
        shuffles: Disrupted orders per clip for equation 1.
        speech: Probability that a sentence with a sound file is given as speech, 0..1.
        contrastive: Whether L_con is in the loss: row (iii) of Table 4, or row (ii).
        temperature: tau of equation 1; open in the paper, 0.07 is customary in contrastive learning.
        precision: ``bfloat16``: Llama's weights in it and autocast; or ``float32``.
        start: Files to start from.
    """

    steps: int
    learning_rate: float
    save_every: int
    samples: int
    frames: int
    short_sides: tuple[int, ...]
    shuffles: int
    speech: float
    contrastive: bool
    temperature: float
    precision: Literal["float32", "bfloat16"]
    start: PretrainedFiles
