"""LMPM's losses against its authors' criterion."""

import pytest
import torch

from baselines.layers.inference.query_segmenter import network_input
from baselines.layers.training.trajectory_criterion import TrajectoryConfig, match
from baselines.layers.training.trajectory_outputs import TrajectoryOutputs
from baselines.layers.training.trajectory_training import training_outputs
from baselines.lmpm.losses import compute_losses, loss_weights, total_loss
from baselines.lmpm.model import Lmpm
from tests.baselines.loss_vectors import (
    RecordedPoints,
    check_gradient_norms,
    check_gradients,
    check_losses,
    json_of,
    loss_files,
    spread_points,
)
from tests.baselines.parity import fill_by_name, load_vectors, tiny_roberta
from tests.baselines.trajectory_loss_vectors import (
    check_indices,
    check_step_indices,
    check_weighted,
    input_file,
    match_points,
    read_leaves,
    read_sets,
    read_targets,
    recorded,
    step_config,
)
from tests.baselines.trajectory_vectors import LMPM_SETTINGS


def read_outputs(leaves):
    return TrajectoryOutputs(*read_sets(leaves), leaves["clip/pred_fq_embed"], leaves["clip/pred_cq_embed"])


@pytest.mark.parametrize("path", loss_files("lmpm", step=False))
def test_loss_parity_of_the_criterion(path):
    vectors = load_vectors(path)
    leaves, targets = read_leaves(vectors), [read_targets(vectors)]
    outputs = read_outputs(leaves)
    config = TrajectoryConfig(train_num_points=json_of(vectors["meta"])["num_points"])
    check_indices(match(outputs, targets, config, RecordedPoints(match_points(vectors))), vectors)
    losses = compute_losses(outputs, targets, config, recorded(vectors))
    check_losses(losses, vectors)
    total = total_loss(losses, config)
    assert total.item() == pytest.approx(float(vectors["total"]), rel=1e-4)
    total.backward()
    check_gradients(leaves, vectors)


@pytest.mark.slow
@pytest.mark.parametrize("path", loss_files("lmpm", step=True))
def test_loss_parity_of_a_whole_step(path):
    vectors, inputs = load_vectors(path), load_vectors(input_file(path))
    network = Lmpm(tiny_roberta()).eval()
    fill_by_name(network)
    ids, mask = torch.from_numpy(inputs["in_lang_tokens"]), torch.from_numpy(inputs["in_lang_mask"])
    images = network_input(torch.from_numpy(inputs["in_frames"]), LMPM_SETTINGS)
    outputs, _ = training_outputs(network, network.stem(images), network.encode_text(ids, mask))
    targets, config = [read_targets(vectors)], step_config(TrajectoryConfig)
    check_step_indices(outputs, targets, vectors, config)
    losses = compute_losses(outputs, targets, config, spread_points)
    check_weighted(losses, loss_weights(config), vectors)
    total = total_loss(losses, config)
    assert total.item() == pytest.approx(float(vectors["total"]), rel=1e-3)
    total.backward()
    check_gradient_norms(network, vectors)
