"""Grounding DINO: boxes of a phrase in one frame, with transformers' class and this project's preprocessing.

Liu et al., "Grounding DINO: Marrying DINO with Grounded Pre-Training for Open-Set Object Detection", ECCV 2024.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from transformers import GroundingDinoConfig, GroundingDinoForObjectDetection

from baselines.gdino_sam2.options import Options
from baselines.layers.checkpoints.pretrained import DTYPES
from baselines.layers.inputs.resize import IMAGENET_MEAN, IMAGENET_STD, shortest_edge_capped
from baselines.layers.nn.boxes import corners, pairwise_iou, suppress

BEGIN, END, FULL_STOP = 101, 102, 1012
"""BERT's [CLS], [SEP] and "."."""


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Objects of a phrase in one frame, best first.

    Attributes:
        boxes: float32 ``(n, 4)``, ``x0, y0, x1, y1`` in pixels.
        scores: ``(n,)``, falling, 0..1.
        best_score: Best score in the frame, also if it is below the threshold.
    """

    boxes: NDArray[np.float32]
    scores: tuple[float, ...]
    best_score: float


def tiny_config() -> GroundingDinoConfig:
    """Return the sizes of grounding-dino-tiny, 172.3 M parameters."""
    return GroundingDinoConfig(disable_custom_kernels=True)


def base_config() -> GroundingDinoConfig:
    """Return the sizes of grounding-dino-base, 232.3 M parameters."""
    return GroundingDinoConfig(
        backbone_config={
            "model_type": "swin", "image_size": 384, "embed_dim": 128, "depths": [2, 2, 18, 2],
            "num_heads": [4, 8, 16, 32], "window_size": 12, "out_features": ["stage2", "stage3", "stage4"],
        },
        disable_custom_kernels=True,
    )  # fmt: skip


def mini_config() -> GroundingDinoConfig:
    """Return small sizes for tests."""
    return GroundingDinoConfig(
        backbone_config={
            "model_type": "swin", "image_size": 64, "patch_size": 4, "embed_dim": 16, "depths": [1] * 4,
            "num_heads": [1, 2, 4, 8], "window_size": 4, "out_features": ["stage2", "stage3", "stage4"],
        },
        text_config={
            "model_type": "bert", "vocab_size": 1200, "hidden_size": 32, "num_hidden_layers": 1,
            "num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": 64,
        },
        d_model=32, encoder_layers=1, decoder_layers=2, encoder_ffn_dim=64, decoder_ffn_dim=64,
        encoder_attention_heads=4, decoder_attention_heads=4, num_queries=12, max_text_len=64,
        disable_custom_kernels=True,
    )  # fmt: skip


def detector_text(phrase: str) -> str:
    """Return a phrase as the network was trained: lower case, with a full stop at its end."""
    text = phrase.lower().strip()
    return text if text.endswith(".") else text + "."


class Detector:
    """The network with its pre- and post-processing.

    Args:
        network: The network, in evaluation mode.
        tokenize: From text to token ids, [CLS] and [SEP] included.
        options: Options of the variant.
        device: Device of the network.
    """

    def __init__(
        self,
        network: GroundingDinoForObjectDetection,
        tokenize: Callable[[str], list[int]],
        options: Options,
        device: str,
    ) -> None:
        self.network, self.tokenize, self.options, self.device = network, tokenize, options, device

    def pixels(self, frame: NDArray[np.uint8]) -> Tensor:
        """Resize and normalize a frame ``(h, w, 3)`` to ``(1, 3, h', w')``."""
        size = shortest_edge_capped(frame.shape[0], frame.shape[1], self.options.short, self.options.longest)
        pixels = torch.from_numpy(frame.copy()).to(self.device).permute(2, 0, 1)[None].float() / 255
        resized = F.interpolate(pixels, size, mode="bilinear", antialias=True)
        mean, std = (torch.tensor(value, device=self.device).view(3, 1, 1) for value in (IMAGENET_MEAN, IMAGENET_STD))
        return ((resized - mean) / std).to(DTYPES[self.options.precision])

    @torch.inference_mode()
    def detect(self, pixels: Tensor, phrase: str, size: tuple[int, int]) -> Boxes:
        """Find a phrase's objects in one frame.

        Args:
            pixels: Of `pixels`.
            phrase: What to find; longer than the network reads, it is cut.
            size: Rows and columns of the video.
        """
        tokens = self.tokenize(detector_text(phrase))
        tokens = tokens[: self.network.config.max_text_len - 1] + tokens[-1:] if self._is_long(tokens) else tokens
        ids = torch.tensor([tokens], device=self.device)
        output = self.network(
            pixel_values=pixels,
            pixel_mask=torch.ones(1, *pixels.shape[-2:], dtype=torch.int64, device=self.device),
            input_ids=ids,
            token_type_ids=torch.zeros_like(ids),
            attention_mask=torch.ones_like(ids),
        )
        scores = output.logits[0].float().sigmoid().amax(-1)
        height, width = size
        limits = torch.tensor([width, height, width, height], device=self.device)
        boxes = corners(output.pred_boxes[0].float()).clamp(0, 1) * limits
        kept = scores > self.options.box_threshold
        chosen, chosen_scores = boxes[kept], scores[kept]
        order = suppress(pairwise_iou(chosen), chosen_scores, self.options.nms_threshold)[: self.options.max_objects]
        return Boxes(chosen[order].cpu().numpy(), tuple(chosen_scores[order].tolist()), min(1.0, float(scores.max())))

    def _is_long(self, tokens: list[int]) -> bool:
        return len(tokens) > int(self.network.config.max_text_len)
