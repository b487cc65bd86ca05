"""SmolVLM2's input: every frame a square image with its time; sizes of the published networks.

Marafioti et al., "SmolVLM: Redefining small and efficient multimodal models", 2025. Preprocessing and prompt follow
``SmolVLMProcessor``, which needs torchvision and num2words.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from transformers import LlamaConfig
from transformers.models.smolvlm.configuration_smolvlm import SmolVLMConfig

SPECIAL_TOKENS = (
    "<|im_start|>",
    "<end_of_utterance>",
    "<fake_token_around_image>",
    "<global-img>",
    "<image>",
)

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"


def smolvlm_config(size: str) -> SmolVLMConfig:
    """Return the configuration of ``500m``, or of ``mini`` for tests."""
    if size == "mini":
        return SmolVLMConfig(
            vision_config={"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
                           "num_attention_heads": 2, "image_size": 64, "patch_size": 16},
            text_config=LlamaConfig(vocab_size=400, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                                    num_attention_heads=4, num_key_value_heads=2, pad_token_id=0),
            scale_factor=2, image_token_id=5,
        )  # fmt: skip
    return SmolVLMConfig(
        vision_config={"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
                       "num_attention_heads": 12, "image_size": 512, "patch_size": 16},
        text_config=LlamaConfig(vocab_size=49_280, hidden_size=960, intermediate_size=2560, num_hidden_layers=32,
                                num_attention_heads=15, num_key_value_heads=5, head_dim=64,
                                max_position_embeddings=8192, pad_token_id=2,
                                rope_parameters={"rope_type": "default", "rope_theta": 100_000}),
        scale_factor=4, image_token_id=49_190,
    )  # fmt: skip


def number_words(number: int) -> str:
    """Return 0 to 99 as text ("twenty-four"), as SmolVLM2's prompt names the number of frames.

    Raises:
        ValueError: The number is outside.
    """
    if not 0 <= number <= 99:
        raise ValueError(f"expected 0 to 99, got {number}")
    if number < 20:
        return _ONES.split()[number]
    tens, ones = divmod(number, 10)
    return _TENS.split()[tens - 2] + (f"-{_ONES.split()[ones]}" if ones else "")


def square_frames(frames: NDArray[np.uint8], side: int) -> Tensor:
    """Resize frames to squares: the long side to ``side``, then both; Lanczos; mean and deviation 0.5.

    Args:
        frames: uint8 ``(t, h, w, 3)``.
        side: In pixels.

    Returns:
        float32 ``(t, 3, side, side)``.
    """
    height, width = frames.shape[1:3]
    scaled = (side, int(side * height / width)) if width >= height else (int(side * width / height), side)
    scaled = (
        max(1, scaled[0] + scaled[0] % 2 * (scaled[0] != side)),
        max(1, scaled[1] + scaled[1] % 2 * (scaled[1] != side)),
    )
    squares = [
        Image.fromarray(frame).resize(scaled, Image.Resampling.LANCZOS).resize((side, side), Image.Resampling.LANCZOS)
        for frame in frames
    ]
    pixels = torch.from_numpy(np.stack([np.asarray(square) for square in squares])).permute(0, 3, 1, 2).float() / 255
    return (pixels - 0.5) / 0.5


def prompt_text(tokens: int, times: Sequence[float], duration: float, question: str) -> str:
    """Return the chat prompt.

    Args:
        tokens: Visual tokens of a frame.
        times: Seconds of every frame.
        duration: Seconds of the video.
        question: Text of the user.
    """
    minutes, seconds = divmod(int(duration), 60)
    length = f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
    image = f"<fake_token_around_image><global-img>{'<image>' * tokens}<fake_token_around_image>"
    frames = "".join(f"\nFrame from {int(time) // 60:02d}:{int(time) % 60:02d}:{image}" for time in times)
    return (
        f"<|im_start|>User: You are provided the following series of {number_words(len(times))} frames from a {length} "
        f"[H:MM:SS] video.\n{frames}\n\n{question}<end_of_utterance>\nAssistant:"
    )


def model_inputs(
    frames: NDArray[np.uint8],
    times: Sequence[float],
    duration: float,
    question: str,
    encode: Callable[[str], list[int]],
    config: Any,
) -> Mapping[str, Tensor]:
    """Return the network's inputs for a question about frames, uint8 ``(t, h, w, 3)``; see `prompt_text`."""
    vision = config.vision_config
    pixels = square_frames(frames, vision.image_size)
    tokens = (vision.image_size // vision.patch_size) ** 2 // config.scale_factor**2
    ids = torch.tensor([encode(prompt_text(tokens, times, duration, question))])
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values": pixels[None]}
