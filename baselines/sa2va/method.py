"""Sa2VA as a ``Method``: one answer with masks per sentence, by the code that comes with its weights.

Yuan et al., "Sa2VA: Marrying SAM2 with LLaVA for Dense Grounded Understanding of Images and Videos", 2025. Prompt and
rule for masks are those of the authors' evaluation (``projects/sa2va/evaluation/sa2va_eval_ref_vos.py``). This file
runs in the method's environment, so it imports nothing of mevis-bench but the records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import MaskPrediction, MethodConfig, MethodError, Prompt, TextPrompt, Video

PROMPT = "<image>\nPlease segment {}."
"""The authors' question; a sentence that is a question itself is passed as it is."""

CODE_HINT = (
    "Read the Python files of the folder first: they are executed with your rights. If you trust them, repeat the "
    "command with --set method.trust_remote_code=true"
)


class Sa2VA:
    """The network with its tokenizer.

    Args:
        network: transformers' model with the folder's ``predict_forward``.
        tokenizer: The folder's tokenizer.
    """

    def __init__(self, network: Any, tokenizer: Any) -> None:
        self.network, self.tokenizer = network, tokenizer

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """Yield the masks of every sentence's first ``[SEG]``; an answer without one is "no target".

        Raises:
            TypeError: A prompt is not a sentence.
            MethodError: The network's masks do not have the video's shape.
        """
        from PIL import Image

        frames = None
        for prompt in prompts:
            if not isinstance(prompt, TextPrompt):
                raise TypeError(f"Sa2VA requires sentences, got {type(prompt).__name__}")
            if frames is None:
                frames = [Image.fromarray(frame) for frame in video.frames()]
            text = prompt.text if "?" in prompt.text else PROMPT.format(prompt.text)
            answer = self.network.predict_forward(video=frames, text=text, tokenizer=self.tokenizer)
            yield MaskPrediction(first_masks(answer["prediction_masks"], (len(video), video.height, video.width)))

    def close(self) -> None:
        """No-op."""


def first_masks(predicted: Sequence[NDArray[Any]], shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Return the masks of the first ``[SEG]``, bool ``(t, h, w)``; empty ones where the answer has none.

    Args:
        predicted: One array ``(t, h, w)`` per ``[SEG]``, 0 or 1.
        shape: Frames, rows and columns of the video.

    Raises:
        MethodError: The masks have another shape.
    """
    if len(predicted) == 0:
        return np.zeros(shape, bool)
    masks = np.asarray(predicted[0]).astype(bool)
    if masks.shape != shape:
        raise MethodError(f"the network returned masks of shape {masks.shape}, expected {shape}")
    return masks


def load(config: MethodConfig[Mapping[str, Any]]) -> Sa2VA:
    """Load the network from a folder of weights.

    Raises:
        MethodError: The folder's code is not trusted, or there are no weights.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    if config.weights is None:
        raise MethodError(
            "Sa2VA has no untrained weights: its architecture is part of their folder", location="--weights"
        )
    folder = config.weights["model"]
    if not config.options["trust_remote_code"]:
        files = ", ".join(sorted(path.name for path in folder.glob("*.py"))) or "none"
        raise MethodError(f"the network is Python code of the folder ({files})", location=str(folder), hint=CODE_HINT)
    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    network = AutoModel.from_pretrained(
        str(folder),
        torch_dtype=dtypes[config.options["precision"]],
        low_cpu_mem_usage=True,
        use_flash_attn=config.options["flash_attention"],
        trust_remote_code=True,
        local_files_only=True,
    )
    tokenizer = AutoTokenizer.from_pretrained(
        str(folder), trust_remote_code=True, use_fast=False, local_files_only=True
    )
    return Sa2VA(network.eval().to(config.device), tokenizer)
