"""A device with too little memory: the error says how much is needed and what would fit."""

import json
from pathlib import Path

import pytest
import torch

from baselines.layers.checkpoints import pretrained
from mevis_bench.execution.instantiate import instantiate_method
from mevis_bench.methods.registry import find_methods
from mevis_bench.records import MethodConfig, MethodError


@pytest.mark.parametrize(
    ("free", "hint"),
    [
        (6_000_000_000, "Would fit: vlm:qwen3-vl-2b (4.3 GB of weights), vlm:smolvlm2-500m (1.0 GB of weights)."),
        (1_000_000_000, "No variant of vlm fits."),
    ],
)
def test_too_little_memory_names_the_variants_that_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, hint: str
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen3_vl"}))
    monkeypatch.setattr(pretrained, "weights_bytes", lambda folder, dtype: 17_500_000_000)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 24_000_000_000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 0)
    resolved = find_methods().resolve("vlm:qwen3-vl-8b")
    config = MethodConfig("rmeg", "qwen3-vl-8b", resolved.spec.options, {"model": tmp_path}, "cuda:0", 0)
    with pytest.raises(MethodError, match=r"the network needs at least 21\.0 GB, cuda:0 has") as caught:
        instantiate_method(resolved.method, config)
    assert caught.value.location == "--device"
    assert caught.value.hint == f"{hint}\nWith several GPUs: --set method.device_map=auto"
