"""VAST against the original's outputs, from the authors' key names on."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from baselines.layers.inference.beam_search import beam_search
from baselines.layers.inference.memory_reader import MemoryReader
from baselines.layers.inputs.bert_vocabulary import BEGIN, END, MASK, PADDING
from baselines.vast.checkpoint import load_network, our_tensors
from baselines.vast.config import VastConfig
from baselines.vast.model import Vast
from tests.baselines.parity import check_close, expected_keys, load_vectors, named_values, parity_files

TOLERANCE = 2e-5
"""Reached: 1e-5."""

TIED = {
    "multimodal_encoder.bert.embeddings.word_embeddings.weight": "multimodal_encoder.cls.predictions.decoder.weight",
    "multimodal_encoder.cls.predictions.bias": "multimodal_encoder.cls.predictions.decoder.bias",
}
"""Names of one tensor in the original; the second one's values are in the vectors."""


def authors_tensors(keys: str) -> dict[str, Tensor]:
    """Tensors of a file with the authors' names."""
    shapes = expected_keys(keys)
    return {key: named_values(TIED.get(key, key), torch.empty(shape)) for key, shape in shapes.items()}


def vector_config(config: dict) -> VastConfig:
    """Sizes of the vectors' network."""
    return VastConfig(
        image_size=config["img"], vision_width=config["vwidth"], vision_depth=config["vlayers"],
        vision_heads=config["heads"], vision_feedforward=int(config["vwidth"] * config["mlp"]), frames=3,
        depth=config["blayers"], feedforward=config["inter"], words=config["vocab"], positions=config["pos"],
    )  # fmt: skip


@pytest.mark.parametrize("path", parity_files("VAST"))
@torch.inference_mode()
def test_parity_vast(path: Path, tmp_path: Path) -> None:
    arrays = load_vectors(path)
    meta = json.loads(bytes(arrays["in_meta"]))
    assert (meta["cls"], meta["sep"], meta["mask"], meta["pad"]) == (BEGIN, END, MASK, PADDING)
    save_file(
        {key: value.clone() for key, value in authors_tensors("VAST_tiny").items()}, tmp_path / "vast.safetensors"
    )
    network = load_network(tmp_path / "vast.safetensors", vector_config(meta["config"])).eval()
    inputs = {name: torch.from_numpy(array) for name, array in arrays.items() if name != "in_meta"}
    pixels = inputs["in_pixels"]
    vision = network.vision_encoder(pixels.flatten(0, 1)).last_hidden_state.unflatten(0, pixels.shape[:2])
    close = {"atol": TOLERANCE, "rtol": TOLERANCE}
    check_close("vision", vision[..., :: meta["vision_stride"]], arrays["out_vision"], **close)
    video = network.encode(pixels)
    check_close("condition", video[..., :: meta["condition_stride"]], arrays["out_condition"], **close)
    logits = network(inputs["in_masked_ids"], inputs["in_mask"], video)
    check_close("logits", logits, arrays["out_logits"], **close)
    loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), inputs["in_labels"], ignore_index=LEFT_OUT)
    check_close("loss", loss, arrays["out_loss"], **close)
    readers = [MemoryReader(network.multimodal_encoder, video[row : row + 1]) for row in range(len(video))]
    for _ in range(2):  # the second time from the kept keys and values
        steps = [reader.last_logits(inputs["in_step_ids"][row : row + 1]) for row, reader in enumerate(readers)]
        check_close("step logits", torch.cat(steps), arrays["out_step_logits"], **close)
    for ending in ("", "_eos"):
        if ending:
            network.multimodal_encoder.cls.predictions.bias[END] += meta["eos_bias_added"]
        for beams in (1, meta["beams"]):
            for row, reader in enumerate(readers):
                expected = arrays[f"out_gen_beam{beams}{ending}"][row].tolist()
                found = beam_search(
                    lambda beginnings, reader=reader: reader.last_logits(
                        torch.tensor([[*tokens, MASK] for tokens in beginnings])
                    ),
                    begin=BEGIN,
                    end=END,
                    beams=beams,
                    length_penalty=meta["length_penalty"],
                    max_new_tokens=meta["max_new_tokens"],
                )
                padded = [BEGIN, *found]
                assert padded + [PADDING] * (len(expected) - len(padded)) == expected, (beams, ending, row)


LEFT_OUT = -100
"""Label of a token that the loss leaves out."""


def test_keys_are_the_authors() -> None:
    authors = {key: torch.empty(shape, device="meta") for key, shape in expected_keys("VAST_full_no_audio").items()}
    with torch.device("meta"):
        network = Vast()
    ours = {key: tuple(value.shape) for key, value in our_tensors(authors).items()}
    assert ours == {key: tuple(value.shape) for key, value in network.state_dict().items()}
    # CLIP's projection and the retrieval heads are the rest of the authors' 1,159.0 M.
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 1) == 1150.2
