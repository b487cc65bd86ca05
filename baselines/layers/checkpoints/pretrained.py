"""Folders of weights in the layout of huggingface.co: ``config.json``, safetensors, the tokenizer's files.

Everything is read from disk with transformers' own classes: nothing is downloaded, and no code of a folder is run.
"""

from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from baselines.layers.options import Precision
from mevis_bench.records import DataError, DeviceMemoryError

ModelT = TypeVar("ModelT", bound=PreTrainedModel)

DTYPES: dict[Precision, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}

DeviceMap = Literal["single", "auto"]
"""``single``: the whole network on the run's device; ``auto``: its layers are spread over all devices (accelerate)."""

ACTIVATIONS = 1.2
"""Memory that a network needs to run, as a multiple of its weights'; a lower bound."""


def load_pretrained(
    model_class: type[ModelT],
    folder: Path,
    *,
    precision: Precision,
    device: str,
    device_map: DeviceMap = "single",
) -> ModelT:
    """Load a network from a folder, in evaluation mode.

    Args:
        model_class: transformers' class.
        folder: Folder of weights.
        precision: Type of the weights in memory.
        device: Device of the run.
        device_map: ``auto`` takes memory of other devices too.

    Raises:
        DataError: The folder is incomplete or not this network's.
        DeviceMemoryError: The device does not have enough free memory.
    """
    if not (folder / "config.json").is_file():
        raise DataError("config.json not found", location=str(folder), hint=_HINT)
    check_kind(folder, model_class)
    if device_map == "single":
        check_memory(weights_bytes(folder, DTYPES[precision]), device)
    open_model: Any = model_class.from_pretrained
    try:
        model, report = open_model(
            folder,
            local_files_only=True,
            use_safetensors=True,
            dtype=DTYPES[precision],
            device_map="auto" if device_map == "auto" else None,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise DataError(
            f"cannot load the weights: {error}".splitlines()[0], location=str(folder), hint=_HINT
        ) from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise DataError(
            f"{len(missing)} keys of the network are missing, for instance {missing[0]}",
            location=str(folder),
            hint=_HINT,
        )
    loaded: ModelT = model
    if device_map == "single":
        torch.nn.Module.to(loaded, device)
    loaded.train(False)
    return loaded


_HINT = "Get the whole folder again from its source: config.json, every safetensors file and the tokenizer's files."


def check_kind(folder: Path, model_class: type[PreTrainedModel]) -> None:
    """Check that a folder's ``config.json`` is of the class's kind of network.

    Raises:
        DataError: It is another network's, or not readable.
    """
    config_class: Any = model_class.config_class
    try:
        values, _ = config_class.get_config_dict(folder, local_files_only=True)
        kind = str(values.get("model_type"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot read config.json: {error}".splitlines()[0], location=str(folder), hint=_HINT
        ) from error
    if kind != config_class.model_type:
        raise DataError(f"expected a network of type {config_class.model_type}, got {kind}", location=str(folder))


def weights_bytes(folder: Path, dtype: torch.dtype) -> int:
    """Return the bytes of a folder's weights when they are loaded with a data type, from the headers of its files.

    Raises:
        DataError: A file is not in the safetensors format.
    """
    from safetensors import SafetensorError, safe_open

    values = 0
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="pt") as shard:
                for key in shard.keys():  # noqa: SIM118 - a safetensors file is no mapping
                    size = 1
                    for side in shard.get_slice(key).get_shape():
                        size *= side
                    values += size
        except (SafetensorError, OSError, ValueError) as error:
            raise DataError(f"invalid safetensors file: {error}", location=str(path), hint=_HINT) from error
    return values * torch.empty(0, dtype=dtype).element_size()


def check_memory(weights: int, device: str) -> None:
    """Check that a CUDA device has free memory for a network; other devices are not checked.

    Args:
        weights: Bytes of the weights.
        device: Torch device string.

    Raises:
        DeviceMemoryError: It has not; the message says how much is needed.
    """
    if not device.startswith("cuda"):
        return
    free, _ = torch.cuda.mem_get_info(device)
    needed = weights * ACTIVATIONS
    if needed > free:
        error = DeviceMemoryError(
            f"the network needs at least {needed / 1e9:.1f} GB, {device} has {free / 1e9:.1f} GB free",
            location="--device",
        )
        # The method's other networks may be there already.
        error.fitting_bytes = int((free + torch.cuda.memory_reserved(device)) / ACTIVATIONS)
        raise error


def read_tokenizer(folder: Path, *, chat: bool = False) -> PreTrainedTokenizerBase:
    """Open a folder's tokenizer.

    Args:
        folder: Folder of weights.
        chat: Whether it must have a chat template.

    Raises:
        DataError: The folder contains none, or one without a chat template.
    """
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"cannot read tokenizer: {error}".splitlines()[0],
            location=str(folder),
            hint="tokenizer.json (or tokenizer.model) and tokenizer_config.json are expected next to the weights.",
        ) from error
    if chat and tokenizer.chat_template is None:
        raise DataError("the tokenizer has no chat template", location=str(folder / "tokenizer_config.json"))
    return tokenizer


def numbered_words(text: str, first: int, vocabulary: int) -> list[int]:
    """Return token ids of a text for a network with random weights, which has no tokenizer: a hash of every word.

    Args:
        text: Words separated by white space.
        first: Smallest id.
        vocabulary: One past the largest id.
    """
    import zlib

    return [first + zlib.crc32(word.lower().encode()) % (vocabulary - first) for word in text.split()]
