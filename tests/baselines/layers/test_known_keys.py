"""A file of another method is refused with the method that it seems to be."""

import json
import re

import pytest
import torch
from torch import nn

from baselines.layers.checkpoints.checkpoint_file import match_keys
from baselines.layers.checkpoints.known_keys import OWNERS, owner
from mevis_bench.records import DataError
from tests.paths import PARITY

FILES = {
    "CEN": "CEN", "LBDT": "LBDT", "LoSh": "MTTR", "MTTR": "MTTR", "MUTR": "MUTR", "OnlineRefer": "OnlineRefer",
    "R2VOS": "R2-VOS", "ReferFormer": "ReferFormer", "SOC": "SOC", "SgMg": "SgMg", "TempRMOT": "TempRMOT",
    "TransRMOT": "TransRMOT", "VAST": "VAST", "VLT": "VLT", "Wnet": "WNet", "dshmp": "DsHmp", "imagebind": "ImageBind",
    "lmpm": "LMPM",
}  # fmt: skip
"""Beginnings of the key files' names, and whose keys they have (LoSh's network is MTTR's)."""


@pytest.mark.parity
def test_every_key_file_is_recognized() -> None:
    seen = set()
    for path in sorted(PARITY.glob("keys_*.json")):
        name = path.stem.removeprefix("keys_").split("_")[0]
        if name in FILES:
            assert owner(json.loads(path.read_text())) == FILES[name], path.name
            seen.add(name)
    assert seen == set(FILES)


def test_no_owner_hides_a_later_one() -> None:
    starts = [start for start, _ in OWNERS]
    assert all(not later.startswith(start) for place, start in enumerate(starts) for later in starts[place + 1 :])


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"vita_module.query_feat.weight": torch.zeros(2)}, r"; these keys are those of LMPM$"),
        ({"weight": torch.zeros(2, 3), "bias": torch.zeros(2)}, r"; the keys are this model's, its sizes are not"),
        ({"weight": torch.zeros(3, 3), "odd": torch.zeros(2)}, r"1 unexpected: odd$"),
    ],
)
def test_the_error_names_it(tensors: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(DataError) as raised:
        match_keys(tensors, nn.Linear(3, 3), location="file.pth")
    assert re.search(message, raised.value.message), raised.value.message


def test_a_method_s_own_keys_are_not_another_s() -> None:
    with pytest.raises(DataError) as raised:
        match_keys({"voc.a": torch.zeros(1)}, {"voc.a": torch.zeros(1), "voc.b": torch.zeros(1)}, location="x")
    assert "these keys" not in raised.value.message
