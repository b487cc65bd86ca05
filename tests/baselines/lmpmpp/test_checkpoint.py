import pytest
import torch
from safetensors.torch import save_file

from baselines.layers.checkpoints.checkpoint_file import read_tensors
from baselines.layers.checkpoints.roberta_checkpoint import load_roberta
from baselines.layers.nn.imagebind_audio import ImageBindAudio
from baselines.layers.nn.text_encoder import TextEncoderConfig, build_roberta
from baselines.lmpmpp.checkpoint import (
    load_imagebind,
    load_llama,
    load_mask2former,
    load_trained,
    save_trained,
    trained_tensors,
)
from baselines.lmpmpp.config import TINY
from baselines.lmpmpp.model import EncodedPrompt, LMPMpp
from mevis_bench.records import DataError

ROBERTA = TextEncoderConfig(vocab_size=30, channels=12, depth=1, heads=2, feedforward=12)


def text_encoder():
    return build_roberta(ROBERTA)


def model(seed):
    torch.manual_seed(seed)
    return LMPMpp(TINY)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Public files in their authors' layouts, from another model of the same sizes."""
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
    llama = {f"model.{key}": value for key, value in source.language.llama.state_dict().items()}
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


def initialized(files):
    """A model initialized from the public files, as in training."""
    target, roberta = LMPMpp(TINY, init_weights=False), text_encoder()
    load_llama(target, read_tensors(files["llama"]), files["llama"])
    load_mask2former(target, files["mask2former"])
    load_roberta(roberta, files["roberta"])
    target.language.add_adapters()
    return target, roberta


def test_every_tensor_of_the_public_files_is_loaded(files):
    (target, roberta), source = initialized(files), model(1)
    source.language.add_adapters()
    tensors, expected = target.state_dict(), source.state_dict()
    random = (
        "decoder.language",
        "decoder.class_embed",
        ".lora_",
        "project.",
        "audio_to_text.",
        "object_tokens.",
        "added",
        "mask_decoder",
        "contrastive_proj",
    )
    loaded = [key for key in tensors if not any(part in key for part in random)]
    assert len(loaded) > 100
    assert all(torch.equal(tensors[key], expected[key]) for key in loaded)
    assert not torch.equal(tensors["contrastive_proj.weight"], expected["contrastive_proj.weight"])
    torch.manual_seed(2)
    assert all(torch.equal(a, b) for a, b in zip(roberta.parameters(), text_encoder().parameters(), strict=True))


def test_an_initialized_model_has_no_meta_tensors(files):
    """Parameters are allocated, and so are the buffers that no file contains."""
    target, _ = initialized(files)
    with torch.no_grad():
        for name, parameter in target.named_parameters():
            assert not parameter.is_meta, name
    features = target.encode_frames(torch.rand(2, 3, 64, 64) * 255)
    outputs = target.eval().generate(features, EncodedPrompt(torch.randn(12), torch.randn(3, 12), "text"))
    assert torch.isfinite(outputs.logits).all()


def test_trained_parameters_are_saved_and_loaded(files, tmp_path):
    (one, _), (other, _) = initialized(files), initialized(files)
    path = tmp_path / "trained.safetensors"
    save_trained(one, path, {"seed": "1"})
    load_trained(other, path)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())
    with pytest.raises(DataError, match="the file does not match this model"):
        load_trained(other, files["llama"])


def test_former_tensor_names_are_loaded(files, tmp_path):
    (source, _), (target, _) = initialized(files), initialized(files)
    former = {"audio_to_text.": "hear.", "contrastive_proj.": "contrast."}
    tensors = {}
    for name, value in trained_tensors(source).items():
        prefix = next((p for p in former if name.startswith(p)), "")
        tensors[former.get(prefix, "") + name.removeprefix(prefix)] = value.detach().clone()
    assert {"hear.weight", "contrast.weight"} <= tensors.keys()
    save_file(tensors, tmp_path / "former.safetensors")
    load_trained(target, tmp_path / "former.safetensors")
    assert all(torch.equal(value, target.state_dict()[name]) for name, value in source.state_dict().items())


def test_files_of_another_model_are_refused(files):
    with pytest.raises(DataError, match="the file does not match this model"):
        load_mask2former(model(0), files["llama"])
    with pytest.raises(DataError, match="the file does not match this model"):
        load_llama(model(0), read_tensors(files["roberta"]), files["roberta"])
    with pytest.raises(DataError, match="the file does not match this model"):
        load_roberta(text_encoder(), files["llama"])


def test_only_the_audio_trunk_of_imagebind_is_loaded(tmp_path):
    imagebind = ImageBindAudio()
    tensors = dict(imagebind.state_dict())
    save_file({**tensors, "modality_trunks.vision.blocks.0.weight": torch.ones(2)}, tmp_path / "i.safetensors")
    target = ImageBindAudio()
    load_imagebind(target, tmp_path / "i.safetensors")
    assert all(torch.equal(value, tensors[name]) for name, value in target.state_dict().items())
