"""ReferFormer's losses against the original's criterion, and one training step of the whole model."""

import pytest
import torch

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.language_queries_keys import authors_key
from baselines.layers.training.query_losses import loss_weights
from baselines.referformer.losses import QueryLossConfig, compute_losses, predict_layers, total_loss
from baselines.referformer.model import ReferFormer
from tests.baselines.loss_parity import check_gradient_norms, check_gradients, check_losses, leaves, loss_files
from tests.baselines.parity import fill_by_name, load_vectors, tiny_roberta
from tests.baselines.query_loss_vectors import check_indices, read_outputs, read_targets
from tests.paths import PARITY

CONFIG = QueryLossConfig()


@pytest.mark.parametrize("path", loss_files("referformer"))
def test_loss_parity_referformer(path):
    arrays = load_vectors(path)
    inputs = leaves(arrays)
    outputs, targets = read_outputs(inputs, arrays), read_targets(arrays)
    check_indices(outputs, targets, arrays)
    assert sum(int(target.valid.sum()) for target in targets) == arrays["num_boxes"]
    losses = compute_losses(outputs, targets, CONFIG)
    total = total_loss(losses, CONFIG)
    check_losses(losses, total, loss_weights(CONFIG), arrays)
    check_gradients(inputs, total, arrays)


@pytest.mark.slow
@pytest.mark.parametrize("path", loss_files("referformer", step=True))
def test_loss_parity_referformer_step(path):
    arrays = load_vectors(path)
    clip = PARITY / "parity_ReferFormer_resnet50_5x128x224.npz"
    if not clip.is_file():
        pytest.skip(f"no {clip.name} in {PARITY} (MEVIS_BENCH_PARITY): its clip is the step's")
    inputs = load_vectors(clip)
    model = ReferFormer("resnet50", TextReference(tiny_roberta())).eval()
    fill_by_name(model, named_as={key: authors_key(key) for key in model.state_dict()})
    model.reference.text_encoder.requires_grad_(False)
    for name, parameter in model.queries.backbone.body.named_parameters():
        parameter.requires_grad_(not name.startswith(("conv1.", "layer1.")))
    encoded = model.encode(torch.from_numpy(inputs["in_frames"]))
    outputs = predict_layers(model, encoded, model.read(torch.from_numpy(inputs["in_input_ids"])))
    targets = read_targets(arrays)
    check_indices(outputs, targets, arrays)
    losses = compute_losses(outputs, targets, CONFIG)
    total = total_loss(losses, CONFIG)
    check_losses(losses, total, loss_weights(CONFIG), arrays, rtol=1e-3)
    total.backward()
    check_gradient_norms(model, authors_key, arrays)
