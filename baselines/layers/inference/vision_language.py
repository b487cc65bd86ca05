"""A vision-language model on frames of a video: greedy answers and closed questions."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import GenerationConfig, PreTrainedModel
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLForConditionalGeneration
from transformers.models.smolvlm.modeling_smolvlm import SmolVLMForConditionalGeneration

from baselines.layers.checkpoints.pretrained import (
    DTYPES,
    DeviceMap,
    load_pretrained,
    numbered_words,
    read_tokenizer,
)
from baselines.layers.inference import qwen3_vl, smolvlm
from baselines.layers.options import Attention, Precision

Family = Literal["qwen3_vl", "smolvlm"]

_CLASSES: Mapping[Family, Any] = {
    "qwen3_vl": Qwen3VLForConditionalGeneration,
    "smolvlm": SmolVLMForConditionalGeneration,
}

_END = {"qwen3_vl": ("<|im_end|>", "<|endoftext|>"), "smolvlm": ("<end_of_utterance>", "<|im_end|>")}
"""Tokens that end an answer."""

MINI_PIXELS = (2_048, 16_384)
"""Bounds of frames x rows x columns of the ``mini`` size of Qwen3-VL."""


class VisionLanguageModel:
    """The network with its prompt.

    Args:
        family: Whose prompt and preprocessing.
        network: The network, in evaluation mode.
        encode: From text with special tokens to token ids.
        decode: From token ids to text without special tokens.
        end: Ids that end an answer.
    """

    def __init__(
        self,
        family: Family,
        network: PreTrainedModel,
        encode: Callable[[str], list[int]],
        decode: Callable[[list[int]], str],
        end: Sequence[int],
    ) -> None:
        self.family, self.network, self.encode, self.decode = family, network, encode, decode
        self.end = list(end)
        # The folder's generation_config.json may ask for sampling.
        network.generation_config = GenerationConfig(
            do_sample=False, num_beams=1, eos_token_id=self.end, pad_token_id=self.end[0]
        )

    def inputs(
        self, frames: NDArray[np.uint8], times: Sequence[float], duration: float, question: str
    ) -> dict[str, Tensor]:
        """Return the network's inputs for a question, on its device.

        Args:
            frames: uint8 ``(t, h, w, 3)``.
            times: Seconds of every frame.
            duration: Seconds of the video.
            question: Text of the user.
        """
        config: Any = self.network.config
        if self.family == "qwen3_vl":
            mini = config.text_config.hidden_size < 1024
            bounds = MINI_PIXELS if mini else (qwen3_vl.MIN_PIXELS, qwen3_vl.MAX_PIXELS)
            values = qwen3_vl.model_inputs(frames, times, question, self.encode, config, bounds)
        else:
            values = smolvlm.model_inputs(frames, times, duration, question, self.encode, config)
        device, dtype = self.network.device, self.network.dtype
        return {
            name: value.to(device, dtype) if value.is_floating_point() else value.to(device)
            for name, value in values.items()
        }

    @torch.inference_mode()
    def answer(self, inputs: Mapping[str, Tensor], max_new_tokens: int) -> str:
        """Generate an answer of at most ``max_new_tokens`` tokens, greedily."""
        generate: Any = self.network.generate
        output = generate(**inputs, max_new_tokens=max_new_tokens)
        return self.decode(output[0, inputs["input_ids"].shape[1] :].tolist()).strip()

    @torch.inference_mode()
    def preference(self, inputs: Mapping[str, Tensor], choices: Sequence[str]) -> list[float]:
        """Answer a closed question without parsing text.

        Args:
            inputs: Of `inputs`.
            choices: Possible answers, told apart by their first token.

        Returns:
            Probability of each choice among them, by the first token of the answer.
        """
        logits = self.network(**inputs, logits_to_keep=1).logits[0, -1].float()
        first = torch.tensor([self.encode(choice)[0] for choice in choices], device=logits.device)
        probabilities: list[float] = logits[first].softmax(-1).tolist()
        return probabilities


class VisionLanguageOptions(Protocol):
    """Options of a method that concern the network."""

    @property
    def size(self) -> str:
        """Size of a network with random weights."""
        ...

    @property
    def precision(self) -> Precision:
        """Type of the weights in memory."""
        ...

    @property
    def device_map(self) -> DeviceMap:
        """Whether weights from a folder are spread over several devices."""
        ...

    @property
    def attention(self) -> Attention:
        """Implementation of attention."""
        ...


def open_vision_language(
    family: Family, folder: Path | None, options: VisionLanguageOptions, seed: int, device: str
) -> VisionLanguageModel:
    """Load a network from a folder of weights, or build it with seeded random ones.

    Args:
        family: Whose network.
        folder: The folder; ``None``: random weights, and words are numbered tokens.
        options: Of the method.
        seed: Of the random weights.
        device: Torch device string.

    Raises:
        DataError: The folder is not this family's.
        DeviceMemoryError: The device has too little memory.
    """
    if folder is None:
        model = _build(family, options.size, options.precision, seed, device)
    else:
        model = _load(family, folder, options, device)
    model.network.set_attn_implementation(options.attention)
    return model


def _load(family: Family, folder: Path, options: VisionLanguageOptions, device: str) -> VisionLanguageModel:
    network = load_pretrained(
        _CLASSES[family], folder, precision=options.precision, device=device, device_map=options.device_map
    )
    tokenizer: Any = read_tokenizer(folder)
    known = set(tokenizer.get_vocab())
    end = [tokenizer.convert_tokens_to_ids(token) for token in _END[family] if token in known]

    def encode(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False).input_ids)

    def decode(ids: list[int]) -> str:
        return str(tokenizer.decode(ids, skip_special_tokens=True))

    return VisionLanguageModel(family, network, encode, decode, end)


def _build(family: Family, size: str, precision: Precision, seed: int, device: str) -> VisionLanguageModel:
    torch.manual_seed(seed)
    special: tuple[str, ...]
    if family == "qwen3_vl":
        config: Any = qwen3_vl.qwen3_vl_config(size)
        special = qwen3_vl.SPECIAL_TOKENS
    else:
        config, special = smolvlm.smolvlm_config(size), smolvlm.SPECIAL_TOKENS
    network = _CLASSES[family](config).eval()
    nn.Module.to(network, device, DTYPES[precision])
    words = int(config.text_config.vocab_size)
    ids = dict(zip(special, range(1, len(special) + 1), strict=True))
    ids.update(_configured_ids(family, config))
    pattern = re.compile("(" + "|".join(map(re.escape, special)) + ")")

    def encode(text: str) -> list[int]:
        parts = pattern.split(text)
        return [
            number for part in parts for number in ([ids[part]] if part in ids else numbered_words(part, 10, words))
        ]

    def decode(numbers: list[int]) -> str:
        return " ".join(f"word{number}" for number in numbers if number >= 10)

    return VisionLanguageModel(family, network, encode, decode, [ids[special[1]]])


def _configured_ids(family: Family, config: Any) -> dict[str, int]:
    if family == "smolvlm":
        return {"<image>": config.image_token_id}
    return {
        "<|video_pad|>": config.video_token_id,
        "<|vision_start|>": config.vision_start_token_id,
        "<|vision_end|>": config.vision_end_token_id,
    }
