"""Read a vector of ReferFormer's or MUTR's losses into what `query_losses` takes."""

from collections.abc import Mapping

from numpy.typing import NDArray
from torch import Tensor

from baselines.layers.training.query_losses import QueryLossConfig, QueryOutputs, QueryTargets, match
from tests.baselines.loss_parity import layer_prefixes, target_fields


def read_outputs(inputs: Mapping[str, Tensor], arrays: Mapping[str, NDArray]) -> QueryOutputs:
    """The leaves as outputs with their auxiliary layers."""

    def layer(prefix: str) -> list[Tensor]:
        return [inputs[prefix + name] for name in ("pred_logits", "pred_boxes", "pred_masks")]

    return QueryOutputs(*layer(""), tuple(QueryOutputs(*layer(prefix)) for prefix in layer_prefixes(arrays)))


def read_targets(arrays: Mapping[str, NDArray]) -> list[QueryTargets]:
    """One trajectory per clip."""
    return [
        QueryTargets(
            fields["labels"][None], fields["boxes"][None], fields["masks"][None].float(), fields["valid"][None].bool()
        )
        for fields in target_fields(arrays)
    ]


def check_indices(outputs: QueryOutputs, targets: list[QueryTargets], arrays: Mapping[str, NDArray]) -> None:
    """Assert that every layer assigns the stored queries."""
    layers = {f"aux_{index}": layer for index, layer in enumerate(outputs.aux_outputs)} | {"last": outputs}
    assert {name.removeprefix("index/") for name in arrays if name.startswith("index/")} == set(layers)
    for name, layer in layers.items():
        assigned = match(layer, targets, QueryLossConfig())
        assert [queries.tolist() for queries, _ in assigned] == [[query] for query in arrays[f"index/{name}"]], name
