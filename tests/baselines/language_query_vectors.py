"""Run ReferFormer or MUTR on a vector's inputs and name the results as the vectors do."""

import re
from functools import cache

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from baselines.layers.inputs.text_reference import TextReference
from tests.baselines.parity import check_close, check_pixels, fill_by_name, strided, tiny_roberta

ALIASES = {f"bbox_embed.{i}.layers.{j}.{kind}" for i in range(4) for j in range(3) for kind in ("weight", "bias")}
"""Keys of the authors' files that name tensors a second time."""


def backbone_of(name: str) -> str:
    """Our name of the backbone in a file name: ``MUTR_video_swin_t_p4w7_5x128x224`` -> ``video-swin-t``."""
    found = re.fullmatch(r"(?:parity_)?[A-Za-z]+_(resnet\d+|(?:video_)?swin_[tsbl])(?:_p4w7)?(?:_\d+x\d+x\d+)?", name)
    assert found, f"no backbone in {name}"
    return found[1].replace("_", "-")


@cache
def filled(network: type[nn.Module], backbone: str, authors_key) -> nn.Module:
    """The network with a tiny text encoder, filled by the authors' key names."""
    model = network(backbone, TextReference(tiny_roberta())).eval()
    fill_by_name(model, named_as={key: authors_key(key) for key in model.state_dict()})
    return model


@torch.no_grad()
def outputs(model: nn.Module, arrays: dict[str, NDArray]) -> dict[str, Tensor]:
    """Every ``out_*`` array of a vector, from its inputs."""
    queries = model.queries
    seen: dict[str, list] = {"fine": [], "coarse": [], "features": []}
    hooks = [
        queries.pixel_decoder.adapter_1.register_forward_pre_hook(lambda _, args: seen["fine"].append(args[0])),
        queries.input_proj.register_forward_pre_hook(lambda _, args: seen["coarse"].append(args[0])),
        queries.pixel_decoder.mask_features.register_forward_hook(lambda *args: seen["features"].append(args[2])),
    ]
    clip = model.encode(torch.from_numpy(arrays["in_frames"]))
    segmented = model(clip, model.read(torch.from_numpy(arrays["in_input_ids"])))
    for hook in hooks:
        hook.remove()
    res3, res4, res5 = (torch.cat(maps) for maps in zip(*seen["coarse"], strict=True))
    found = segmented.found
    return {
        "out_res2": strided(torch.cat(seen["fine"])),
        "out_res3": strided(res3),
        "out_res4": strided(res4),
        "out_res5": res5,
        "out_hs": found.states,
        "out_init_reference": found.first_reference.expand(len(res5), -1, -1),
        "out_inter_references": found.boxes,
        "out_mask_features": strided(torch.cat(seen["features"])),
        "out_pred_logits": segmented.logits[None, ..., None],
        "out_pred_boxes": segmented.boxes[None],
        "out_reference_points": found.boxes[-2, ..., :2][None],
        "out_pred_masks": segmented.masks[None],
    }


def check_vector(model: nn.Module, arrays: dict[str, NDArray]) -> None:
    """Assert that every stored array agrees, early ones first, and that no mask pixel flips."""
    ours = outputs(model, arrays)
    assert set(ours) == {name for name in arrays if name.startswith("out_")}
    for name, array in ours.items():
        check_close(name, array, arrays[name])
    check_pixels("out_pred_masks", ours["out_pred_masks"], arrays["out_pred_masks"])
