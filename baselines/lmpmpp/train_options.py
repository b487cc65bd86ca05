"""The training configuration of the paper variant (``configs/train/lmpmpp-paper.yaml``), checked."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StartFiles:
    """Public files to start from, as paths; empty: seeded random weights, and no vocabulary worth the name.

    Attributes:
        mask2former: Mask2Former Swin-T, COCO instance segmentation.
        llama: The language model of Video-LLaMA-7B in transformers' layout, one safetensors file.
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
    """One training.

    Attributes:
        steps: Optimizer steps; 150,000 in the paper.
        learning_rate: Peak; 5e-5 in the paper.
        save_every: Steps between two checkpoints.
        samples: Questions in a step, each of another video, over all processes; 8 GPUs with one each in the paper.
        frames: Frames of a video that are seen, spread over all of it.
        short_sides: A clip's frames are resized to one of these short sides, in pixels.
        shuffles: Disrupted orders of each clip for equation 1.
        speech: Share of the questions that are heard where there is a sound file.
        contrastive: Whether L_con is in the loss (row (iii) of Table 4, or (ii)).
        precision: ``bfloat16``: Llama is kept in it and the rest computes in it where that is safe; or ``float32``.
        start: Files to start from.
    """

    steps: int
    learning_rate: float
    save_every: int
    samples: int
    frames: int
    short_sides: list
    shuffles: int
    speech: float
    contrastive: bool
    precision: str
    start: StartFiles
