import pytest
import torch
from safetensors.torch import save_file
from transformers import RobertaConfig

from baselines.layers.text_encoder import build_roberta
from baselines.lmpmpp.paper_checkpoint import load_public_weights
from baselines.lmpmpp.paper_model import PaperLMPMpp
from mevis_bench.records import DataError, MissingWeightsError
from tests.baselines.lmpmpp.test_paper_model import SMALL

ROBERTA = RobertaConfig(
    vocab_size=30, hidden_size=12, num_hidden_layers=1, num_attention_heads=2, intermediate_size=12, type_vocab_size=1
)


def text_encoder():
    return build_roberta(ROBERTA)


def model(seed):
    torch.manual_seed(seed)
    return PaperLMPMpp(SMALL)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files as their authors lay them out, made of another model of the same sizes."""
    folder, source = tmp_path_factory.mktemp("public"), model(1)
    mask2former = {}
    for key, value in source.extractor.state_dict().items():
        if key.startswith(("decoder.language", "decoder.class_embed")):
            continue
        for ours, theirs in (("encoder.", "sem_seg_head."), ("decoder.", "sem_seg_head.predictor.")):
            if key.startswith("encoder.backbone."):
                theirs = ""
            if key.startswith(ours):
                name = theirs + key.removeprefix(ours)
        if "query_" in key:
            value = torch.cat((value, torch.randn(95, value.shape[1])))
        mask2former[name] = value
    mask2former["sem_seg_head.predictor.class_embed.weight"] = torch.randn(81, 16)
    mask2former["sem_seg_head.predictor.class_embed.bias"] = torch.randn(81)
    mask2former["criterion.empty_weight"] = torch.ones(81)
    torch.save({"model": mask2former}, folder / "mask2former.pth")
    llama = {
        "model." + key.replace(".linear.", "."): value
        for key, value in source.language.llama.state_dict().items()
        if ".lora_" not in key
    }
    llama["lm_head.weight"] = source.language.llama_head.weight.detach().clone()
    save_file(llama, folder / "llama.safetensors")
    torch.manual_seed(2)
    roberta = {f"roberta.{key}": value for key, value in text_encoder().state_dict().items()}
    save_file({key: value.contiguous() for key, value in roberta.items()}, folder / "roberta.safetensors")
    return {
        "mask2former": folder / "mask2former.pth",
        "llama": folder / "llama.safetensors",
        "roberta": folder / "roberta.safetensors",
    }


def test_every_tensor_of_the_public_files_finds_its_place(files):
    source, target, roberta = model(1), model(3), text_encoder()
    load_public_weights(target, roberta, files)
    ours, theirs = target.state_dict(), source.state_dict()
    new = (
        "decoder.language",
        "decoder.class_embed",
        ".lora_",
        "project.",
        "object_tokens.",
        "added",
        "mask_decoder",
        "contrast",
    )
    loaded = [key for key in ours if not any(part in key for part in new)]
    assert len(loaded) > 100
    assert all(torch.equal(ours[key], theirs[key]) for key in loaded)
    assert not torch.equal(ours["contrast.weight"], theirs["contrast.weight"])


def test_a_missing_file_is_one_clear_error(files, tmp_path):
    with pytest.raises(
        MissingWeightsError,
        match=r"gone\.safetensors: the file for llama is not there\nIt is the language model of Video-LLaMA-7B",
    ):
        load_public_weights(model(0), text_encoder(), {**files, "llama": tmp_path / "gone.safetensors"})
    with pytest.raises(MissingWeightsError, match="no file is named for roberta"):
        load_public_weights(model(0), text_encoder(), {k: v for k, v in files.items() if k != "roberta"})


def test_a_file_of_something_else_is_named(files):
    with pytest.raises(DataError, match="the file does not fit this model"):
        load_public_weights(model(0), text_encoder(), {**files, "mask2former": files["llama"]})
