"""DsHmp's losses against values of its authors' criterion."""

import numpy as np
import pytest
import torch

from baselines.dshmp.config import DsHmpConfig
from baselines.dshmp.losses import (
    DsHmpLossConfig,
    DsHmpOutputs,
    DsHmpTargets,
    compute_losses,
    loss_weights,
    match,
    total_loss,
)
from baselines.dshmp.memory_bank import ExpressionContrast, MemoryBank
from baselines.dshmp.model import DsHmp
from baselines.dshmp.training_outputs import training_outputs
from baselines.layers.inference.query_segmenter import network_input
from tests.baselines.loss_vectors import (
    RecordedPoints,
    check_gradient_norms,
    check_gradients,
    check_losses,
    json_of,
    loss_files,
    spread_points,
)
from tests.baselines.parity import fill_by_name, load_vectors, tiny_roberta_config
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
from tests.baselines.trajectory_vectors import DSHMP_SETTINGS, MOTION, STATIC


def read_contrast(vectors):
    """A file's expression and the rows it was compared with; the last names of the same video may not have fitted."""
    positives = torch.from_numpy(vectors["bank/positive_ids"])
    negatives = [vectors[name] for name in ("bank/random_ids", "bank/same_video_other_ids") if name in vectors]
    room = int(vectors["bank/batch"]) - len(positives)
    return ExpressionContrast(int(vectors["refer_id"]), positives, torch.from_numpy(np.concatenate(negatives))[:room])


@pytest.mark.parametrize("path", loss_files("dshmp", step=False))
def test_loss_parity_of_the_criterion(path):
    vectors = load_vectors(path)
    leaves = read_leaves(vectors)
    embeddings = (leaves[f"clip/pred_{name}_embed"] for name in ("fq", "cq", "contrastive"))
    outputs = DsHmpOutputs(*read_sets(leaves), *embeddings)
    targets = [DsHmpTargets(read_targets(vectors), read_contrast(vectors))]
    config = DsHmpLossConfig(train_num_points=json_of(vectors["meta"])["num_points"])
    check_indices(match(outputs, targets, config, RecordedPoints(match_points(vectors))), vectors)
    bank = MemoryBank(*vectors["bank/before"].shape)
    bank.features.copy_(torch.from_numpy(vectors["bank/before"]))
    losses = compute_losses(outputs, targets, config, bank, recorded(vectors))
    assert np.allclose(bank.features, vectors["bank/after"], rtol=1e-6, atol=1e-6)
    check_losses(losses, vectors)
    total = total_loss(losses, config, int(vectors["iteration"]))
    assert total.item() == pytest.approx(float(vectors["total"]), rel=1e-4)
    total.backward()
    check_gradients(leaves, vectors)


def step_contrast():
    """The expression of the step vector; its random negatives are the first remaining rows."""
    positives, same_video_others = torch.tensor([5, 11, 2]), torch.tensor([7, 8])
    taken = {5, 11, 2, 7, 8}
    random = torch.tensor([row for row in range(100) if row not in taken])
    return ExpressionContrast(5, positives, torch.cat((random, same_video_others)))


@pytest.mark.slow
@pytest.mark.parametrize("path", loss_files("dshmp", step=True))
def test_loss_parity_of_a_whole_step(path):
    vectors, inputs = load_vectors(path), load_vectors(input_file(path))
    network, bank = DsHmp(DsHmpConfig(text=tiny_roberta_config())).eval(), MemoryBank(23051, 256)
    fill_by_name(network)
    fill_by_name(bank, prefix="vita_criterion.train_memory_bank.")
    ids, mask = torch.from_numpy(inputs["in_lang_tokens"]), torch.from_numpy(inputs["in_lang_mask"])
    images = network_input(torch.from_numpy(inputs["in_frames"]), DSHMP_SETTINGS)
    outputs = training_outputs(network, network.stem(images), network.encode_text(ids, mask, STATIC, MOTION))
    targets, config = [DsHmpTargets(read_targets(vectors), step_contrast())], step_config(DsHmpLossConfig)
    check_step_indices(outputs, [target.objects for target in targets], vectors, config)
    losses = compute_losses(outputs, targets, config, bank, spread_points)
    check_weighted(losses, loss_weights(config, 700), vectors)
    total = total_loss(losses, config, 700)
    assert total.item() == pytest.approx(float(vectors["total"]), rel=1e-3)
    total.backward()
    check_gradient_norms(network, vectors)
