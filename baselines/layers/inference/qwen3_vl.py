"""Qwen3-VL's input: frames as patches, and the prompt around them; sizes of the published networks.

Qwen team, "Qwen3-VL Technical Report", 2025. Preprocessing and prompt follow ``Qwen3VLProcessor``, which needs
torchvision; resizing is bicubic in float32 instead of uint8.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLConfig

PATCH, MERGE, STEP = 16, 2, 2
"""Side of a patch in pixels, patches per side of a visual token, frames per visual token."""

MIN_PIXELS, MAX_PIXELS = 131_072, 786_432
"""Bounds of frames x rows x columns after the resize."""

SPECIAL_TOKENS = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|video_pad|>")

_TEXT = {
    "2b": (2048, 6144, 28, 16, True),
    "4b": (2560, 9728, 36, 32, True),
    "8b": (4096, 12288, 36, 32, False),
}
"""Width, inner width, layers and heads of the language model, and whether its output shares the embedding."""

_VISION = {
    "2b": (24, 1024, 4096, [5, 11, 17]),
    "4b": (24, 1024, 4096, [5, 11, 17]),
    "8b": (27, 1152, 4304, [8, 16, 24]),
}
"""Layers, width and inner width of the image encoder, and the layers that also feed the language model."""


def qwen3_vl_config(size: str) -> Qwen3VLConfig:
    """Return the configuration of ``2b``, ``4b``, ``8b``, or of ``mini`` for tests."""
    if size == "mini":
        return _mini_config()
    width, inner, layers, heads, tied = _TEXT[size]
    depth, vision_width, vision_inner, stacked = _VISION[size]
    return Qwen3VLConfig(
        text_config={
            "vocab_size": 151_936, "hidden_size": width, "intermediate_size": inner, "num_hidden_layers": layers,
            "num_attention_heads": heads, "num_key_value_heads": 8, "head_dim": 128, "tie_word_embeddings": tied,
            "max_position_embeddings": 262_144,
            "rope_parameters": {"rope_type": "default", "rope_theta": 5_000_000, "mrope_section": [24, 20, 20],
                                "mrope_interleaved": True},
        },
        vision_config={
            "depth": depth, "hidden_size": vision_width, "intermediate_size": vision_inner, "num_heads": 16,
            "out_hidden_size": width, "num_position_embeddings": 2304, "deepstack_visual_indexes": stacked,
            "patch_size": PATCH,
        },
        tie_word_embeddings=tied, image_token_id=151_655, video_token_id=151_656, vision_start_token_id=151_652,
        vision_end_token_id=151_653,
    )  # fmt: skip


def _mini_config() -> Qwen3VLConfig:
    return Qwen3VLConfig(
        text_config={
            "vocab_size": 400, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 4096,
            "pad_token_id": 0,
            "rope_parameters": {"rope_type": "default", "rope_theta": 5_000_000, "mrope_section": [2, 1, 1],
                                "mrope_interleaved": True},
        },
        vision_config={
            "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 32,
            "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1], "patch_size": PATCH,
        },
        image_token_id=6, video_token_id=5, vision_start_token_id=3, vision_end_token_id=4,
    )  # fmt: skip


def resized_size(frames: int, height: int, width: int, low: int, high: int) -> tuple[int, int]:
    """Rows and columns after the resize: multiples of 32, ``frames`` x rows x columns between ``low`` and ``high``."""
    unit = PATCH * MERGE
    rows, columns = max(unit, round(height / unit) * unit), max(unit, round(width / unit) * unit)
    length = -(-frames // STEP) * STEP
    if length * rows * columns > high:
        scale = (frames * height * width / high) ** 0.5
        return (max(unit, int(height / scale // unit) * unit), max(unit, int(width / scale // unit) * unit))
    if length * rows * columns < low:
        scale = (low / (frames * height * width)) ** 0.5
        return -int(-height * scale // unit) * unit, -int(-width * scale // unit) * unit
    return rows, columns


def patches(frames: NDArray[np.uint8], low: int = MIN_PIXELS, high: int = MAX_PIXELS) -> tuple[Tensor, Tensor]:
    """Cut frames into patches in the network's order.

    Args:
        frames: uint8 ``(t, h, w, 3)``, at least one; the last one is repeated if their number is odd.
        low: Lower bound of frames x rows x columns after the resize.
        high: Upper bound.

    Returns:
        float32 ``(t' h' w', 1536)`` and the grid ``t', h', w'``, int64 ``(1, 3)``: pairs of frames, and patches.
    """
    rows, columns = resized_size(len(frames), frames.shape[1], frames.shape[2], low, high)
    pixels = torch.from_numpy(frames.copy()).permute(0, 3, 1, 2).float() / 255
    pixels = F.interpolate(pixels, (rows, columns), mode="bicubic", antialias=True).clamp(0, 1)
    pixels = (pixels - 0.5) / 0.5
    if len(pixels) % STEP:
        pixels = torch.cat([pixels, pixels[-1:]])
    t, h, w = len(pixels) // STEP, rows // PATCH, columns // PATCH
    split = pixels.view(t, STEP, 3, h // MERGE, MERGE, PATCH, w // MERGE, MERGE, PATCH)
    rearranged = split.permute(0, 3, 6, 4, 7, 2, 1, 5, 8).reshape(t * h * w, 3 * STEP * PATCH * PATCH)
    return rearranged, torch.tensor([[t, h, w]])


def prompt_text(grid: Tensor, times: Sequence[float], question: str) -> str:
    """Return the chat prompt: the time of every pair of frames, its visual tokens, then the question.

    Args:
        grid: Of `patches`.
        times: Seconds of every frame.
        question: Text of the user.
    """
    t, h, w = grid[0].tolist()
    padded = [*times, *[times[-1]] * (-len(times) % STEP)]
    pads = "<|video_pad|>" * (h * w // MERGE**2)
    parts = [
        f"<{(padded[STEP * step] + padded[STEP * step + 1]) / 2:.1f} seconds><|vision_start|>{pads}<|vision_end|>"
        for step in range(t)
    ]
    return f"<|im_start|>user\n{''.join(parts)}{question}<|im_end|>\n<|im_start|>assistant\n"


def model_inputs(
    frames: NDArray[np.uint8],
    times: Sequence[float],
    question: str,
    encode: Callable[[str], list[int]],
    config: Any,
    pixel_bounds: tuple[int, int] = (MIN_PIXELS, MAX_PIXELS),
) -> Mapping[str, Tensor]:
    """Return the network's inputs for a question about frames.

    Args:
        frames: uint8 ``(t, h, w, 3)``.
        times: Seconds of every frame.
        question: Text of the user.
        encode: Tokenizer that knows the special tokens.
        config: The network's configuration.
        pixel_bounds: Of `patches`.
    """
    pixels, grid = patches(frames, *pixel_bounds)
    ids = torch.tensor([encode(prompt_text(grid, times, question))])
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "mm_token_type_ids": (ids == config.video_token_id).int() * 2,  # 0 text, 2 video; positions depend on it
        "pixel_values_videos": pixels,
        "video_grid_thw": grid,
    }
