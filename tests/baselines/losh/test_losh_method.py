"""LoSh runs MTTR's network and files; padding a shortened expression changes nothing."""

import pytest
import torch
from safetensors.torch import save_file

from baselines.layers.nn.text_encoder import build_roberta
from baselines.losh.method import LoshModel, load
from baselines.losh.options import Options
from baselines.mttr.config import SIZES
from baselines.mttr.model import Mttr
from mevis_bench.records import MethodConfig, SpeechPrompt

OPTIONS = Options(
    size="mini",
    backbone="video-swin",
    short=32,
    longest=64,
    clip_length=None,
    sampling="consecutive",
    precision="float32",
    candidates=True,
)


def network():
    torch.manual_seed(0)
    return Mttr(build_roberta(SIZES["mini"].text, pooler=False), SIZES["mini"]).eval()


def test_mttr_s_file_is_loaded(tmp_path):
    tensors = network().state_dict()
    save_file(tensors, tmp_path / "mttr.safetensors")
    config = MethodConfig("rvos", "mini", OPTIONS, {"model": tmp_path / "mttr.safetensors"}, "cpu", 1)
    method = load(config)
    loaded = method.network.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in tensors.items())
    assert isinstance(method.model, LoshModel)
    with pytest.raises(TypeError, match="LoSh requires a text prompt, got SpeechPrompt"):
        method.model.encode_prompt(SpeechPrompt("0", "a.wav"))


@torch.no_grad()
def test_padding_the_shorter_expression_changes_nothing():
    model = network()
    clip = model.encode(torch.randn(2, 3, 32, 48, generator=torch.Generator().manual_seed(0)))
    ids = torch.tensor([[0, 7, 9, 2]])
    alone = model(clip, model.read(ids))
    padded = torch.tensor([[0, 7, 9, 2, 1, 1, 1], [0, 82, 354, 287, 461, 211, 2]])
    both = model(clip, model.read(padded, (padded != 1).long()))
    torch.testing.assert_close(both.referred[:, 0], alone.referred[:, 0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(both.masks(-1)[0], alone.masks(-1)[0], atol=1e-4, rtol=1e-4)
