"""MUTR's losses against the original's criterion, and one training step of the whole model."""

import pytest
import torch
from torch import nn

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.masked_attention import MultiHeadAttention
from baselines.layers.nn.swin import DropPath
from baselines.layers.training.query_losses import loss_weights
from baselines.mutr.checkpoint import authors_key
from baselines.mutr.losses import QueryLossConfig, compute_losses, predict_layers, total_loss
from baselines.mutr.model import Mutr
from tests.baselines.loss_parity import check_gradient_norms, check_gradients, check_losses, leaves, loss_files
from tests.baselines.parity import fill_by_name, load_vectors, tiny_roberta
from tests.baselines.query_loss_vectors import check_indices, read_outputs, read_targets
from tests.paths import PARITY

CONFIG = QueryLossConfig()


@pytest.mark.parametrize("path", loss_files("mutr"))
def test_loss_parity_mutr(path):
    arrays = load_vectors(path)
    inputs = leaves(arrays)
    outputs, targets = read_outputs(inputs, arrays), read_targets(arrays)
    check_indices(outputs, targets, arrays)
    losses = compute_losses(outputs, targets, CONFIG)
    total = total_loss(losses, CONFIG)
    check_losses(losses, total, loss_weights(CONFIG), arrays)
    check_gradients(inputs, total, arrays)


@pytest.mark.slow
@pytest.mark.parametrize("path", loss_files("mutr", step=True))
def test_loss_parity_mutr_step(path):
    arrays = load_vectors(path)
    clip = PARITY / "parity_MUTR_video_swin_t_p4w7_5x128x224.npz"
    if not clip.is_file():
        pytest.skip(f"no {clip.name} in {PARITY} (MEVIS_BENCH_PARITY): its clip is the step's")
    inputs = load_vectors(clip)
    model = Mutr("video-swin-t", TextReference(tiny_roberta())).train()
    fill_by_name(model, named_as={key: authors_key(key) for key in model.state_dict()})
    without_dropout(model)
    encoded = model.encode(torch.from_numpy(inputs["in_frames"]))
    outputs = predict_layers(model, encoded, model.read(torch.from_numpy(inputs["in_input_ids"])))
    targets = read_targets(arrays)
    check_indices(outputs, targets, arrays)
    losses = compute_losses(outputs, targets, CONFIG)
    total = total_loss(losses, CONFIG)
    check_losses(losses, total, loss_weights(CONFIG), arrays, rtol=1e-3)
    total.backward()
    check_gradient_norms(model, authors_key, arrays)


def without_dropout(model: Mutr) -> None:
    """The state of the vector: training, but every dropout and drop path off and the text encoder in evaluation."""
    model.reference.text_encoder.eval()
    for module in model.modules():
        if isinstance(module, nn.Dropout | nn.MultiheadAttention | DropPath | MultiHeadAttention):
            module.eval()
