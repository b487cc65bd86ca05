"""Run ReferFormer, MUTR or a successor on a vector's inputs and name the results as the vectors do."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from baselines.layers.inputs.text_reference import TextReference
from tests.baselines.parity import check_close, check_pixels, fill_by_name, strided, tiny_roberta
from tests.baselines.small_vectors import check_thinned


def aliases(depth: int) -> set[str]:
    """Keys of the authors' files that name tensors a second time, with ``depth`` decoder layers."""
    return {f"bbox_embed.{i}.layers.{j}.{kind}" for i in range(depth) for j in range(3) for kind in ("weight", "bias")}


ALIASES = aliases(4)


def backbone_of(name: str) -> str:
    """Our name of the backbone in a file name: ``MUTR_video_swin_t_p4w7_5x128x224`` -> ``video-swin-t``."""
    found = re.fullmatch(
        r"(?:parity_)?[A-Za-z0-9]+_(resnet\d+|(?:video_)?swin_[tsbl])(?:_p4w7)?(?:_\d+x\d+x\d+)?", name
    )
    assert found, f"no backbone in {name}"
    return found[1].replace("_", "-")


@cache
def filled(
    network: type[nn.Module], backbone: str, authors_key, reference: Callable[..., nn.Module] = TextReference
) -> nn.Module:
    """The network with a tiny text encoder, filled by the authors' key names."""
    model = network(backbone, reference(tiny_roberta())).eval()
    fill_by_name(model, named_as={key: authors_key(key) for key in model.state_dict()})
    return model


@contextmanager
def backbone_maps(queries: nn.Module) -> Iterator[list[Tensor]]:
    """Collect the backbone's maps of strides 4 to 32, ``(t, c, h, w)`` each, while a clip is encoded."""
    maps: list[Tensor] = []
    forward = queries.backbone.forward

    def record(*args):
        pieces = list(forward(*args))
        maps.extend(torch.cat(level) for level in zip(*pieces, strict=True))
        return iter(pieces)

    queries.backbone.forward = record
    yield maps
    queries.backbone.forward = forward


def named_shapes(network: nn.Module, authors_key) -> dict[str, tuple[int, ...]]:
    """Shapes of a network's tensors by the authors' keys."""
    return {authors_key(key): tuple(value.shape) for key, value in network.state_dict().items()}


def vector_inputs(arrays: dict[str, NDArray]) -> tuple[Tensor, Tensor]:
    """Frames and ids of a vector whose frames are stored in half precision."""
    return torch.from_numpy(arrays["in_frames"].astype(np.float32)), torch.from_numpy(arrays["in_input_ids"])


def check_stored(ours: dict[str, Tensor], arrays: dict[str, NDArray], *, thin: bool = False) -> None:
    """Assert that every stored array agrees, in the order of ``ours``; integers are equal.

    Args:
        ours: Arrays by their names without ``out_``; a file may lack some.
        arrays: A vector.
        thin: It is a small vector, which has every k-th number.
    """
    stored = {name.removeprefix("out_") for name in arrays if name.startswith("out_")}
    assert stored <= ours.keys()
    for name in (name for name in ours if name in stored):
        theirs = arrays[f"out_{name}"]
        if theirs.dtype.kind == "i":
            assert ours[name].numpy() == theirs, name
        else:
            (check_thinned if thin else check_close)(name, ours[name], theirs)


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
