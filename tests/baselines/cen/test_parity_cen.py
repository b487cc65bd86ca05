"""CEN against the original's outputs, from the authors' key names on."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import CLIPVisionConfig

from baselines.cen.checkpoint import our_tensors
from baselines.cen.config import CenConfig
from baselines.cen.model import Cen, CenCaptioner
from baselines.layers.inference.beam_search import plain_beam_search
from baselines.layers.inference.memory_reader import MemoryReader
from baselines.layers.inputs.bert_vocabulary import BEGIN, END, PADDING
from tests.baselines.parity import check_close, expected_keys, load_vectors, named_values, parity_files

CLOSE = {"atol": 2e-5, "rtol": 2e-5}
"""Reached: 1e-5."""

TIED = {"decoder.classifier.cls.predictions.decoder.weight": "decoder.embeddings.word_embeddings.weight"}
"""Names of one tensor in the original; the second one's values are in the vectors."""


def authors_tensors(keys: str) -> dict[str, Tensor]:
    """Tensors of a file with the authors' names."""
    return {key: named_values(TIED.get(key, key), torch.empty(shape)) for key, shape in expected_keys(keys).items()}


@pytest.mark.parametrize("path", parity_files("CEN"))
@torch.inference_mode()
def test_parity_cen(path: Path) -> None:
    arrays = load_vectors(path)
    meta = json.loads(bytes(arrays["in_meta"]))
    assert (meta["bos"], meta["eos"], meta["pad"]) == (BEGIN, END, PADDING)
    config = CenConfig(feedforward=meta["intermediate"], words=meta["vocab"], positions=meta["positions"])
    with torch.device("meta"):  # nothing is initialized only to be replaced
        network = Cen(config).eval()
    network.load_state_dict(our_tensors(authors_tensors("CEN_tiny")), assign=True)
    network.decoder.tie_weights()
    inputs = {name: torch.from_numpy(array) for name, array in arrays.items() if name != "in_meta"}
    masks = inputs["in_mask_cause"], inputs["in_mask_effect"]
    memory, present = network.encode(inputs["in_cause"], inputs["in_effect"], masks), torch.cat(masks, 1)
    check_close("visual", memory, arrays["out_visual"], **CLOSE)
    logits = network(inputs["in_caption_ids"], inputs["in_caption_mask"], memory, present)
    check_close("logits", logits[:, :, :: meta["logit_stride"]], arrays["out_logits"], **CLOSE)
    cross_entropy, labels = torch.nn.functional.cross_entropy, inputs["in_labels"]
    check_close("loss", cross_entropy(logits.transpose(1, 2), labels), arrays["out_loss_upstream"], **CLOSE)
    ours = cross_entropy(logits.transpose(1, 2), labels, ignore_index=PADDING)
    check_close("loss without padding", ours, arrays["out_loss_pad_ignored"], **CLOSE)
    for ending in ("", "_eos"):
        if ending:
            network.decoder.cls.predictions.bias[END] += meta["eos_bias_added"]
        for row in range(len(memory)):
            # What a mask hides can be left out.
            reader = MemoryReader(network.decoder, memory[row : row + 1, present[row].bool()])
            check_sentences(reader, arrays, row, ending, meta["max_words"])


def check_sentences(reader: MemoryReader, arrays: dict, row: int, ending: str, words: int) -> None:
    """Compare the beams of one video."""

    def search(beams: int) -> list[tuple[float, list[int]]]:
        return plain_beam_search(
            lambda beginnings: reader.last_logits(torch.tensor(beginnings)),
            begin=BEGIN,
            end=END,
            beams=beams,
            max_new_tokens=words,
        )

    def padded(tokens: list[int]) -> list[int]:
        return tokens + [PADDING] * (words - len(tokens))

    found = search(5)
    scores = torch.tensor([score for score, _ in found])
    check_close(f"scores{ending}", scores, arrays[f"out_beam5{ending}_scores"][row], **CLOSE)
    assert padded(found[0][1]) == arrays[f"out_beam5{ending}"][row].tolist()
    if ending:
        assert [padded(tokens) for _, tokens in found] == arrays["out_beam5_eos_all"][row].tolist()
    else:
        assert padded(search(1)[0][1]) == arrays["out_greedy"][row].tolist()


def test_keys_are_the_authors() -> None:
    authors = {key: torch.empty(shape, device="meta") for key, shape in expected_keys("CEN_full").items()}
    with torch.device("meta"):
        network = Cen()
    ours = {key: tuple(value.shape) for key, value in our_tensors(authors).items()}
    assert ours == {key: tuple(value.shape) for key, value in network.state_dict().items()}


def test_sizes_are_the_authors() -> None:
    with torch.device("meta"):
        network = CenCaptioner()
    count = {name: sum(parameter.numel() for parameter in part.parameters()) for name, part in network.named_children()}
    # 74.47 M of which the poolers, not built here, are 1.18 M; CLIP ViT-B/32 with its projection.
    assert {name: round(number / 1e6, 2) for name, number in count.items()} == {"cen": 73.29, "frame_encoder": 87.85}
    assert CLIPVisionConfig().projection_dim == 512
