"""Stage 1 on hand-made outputs: matching, classes, deep supervision, evaluation."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from baselines.lmpmpp.extractor import ExtractorOutput
from baselines.lmpmpp.mini.training.stage_extractor import (
    evaluate_masks,
    extractor_losses,
    match_queries,
    object_masks,
    sample_frames,
)

SURE = 20.0

LEFT, RIGHT = torch.zeros(4, 4), torch.zeros(4, 4)
LEFT[:, :2] = 1
RIGHT[:, 2:] = 1


def layer(masks, object_logits):
    """One frame: queries with the given masks, and the logit of "object" over that of "no object"."""
    logits = (2 * torch.stack(masks) - 1)[None] * SURE
    classes = torch.tensor([[[logit, 0.0] for logit in object_logits]])
    return ExtractorOutput(torch.zeros(1, len(masks), 2), classes, logits)


def test_queries_are_matched_to_the_objects_of_their_masks():
    outputs = layer([RIGHT, torch.zeros(4, 4), LEFT], [0.0, 0.0, 0.0])
    ((queries, objects),) = match_queries(outputs, [torch.stack((LEFT, RIGHT))])
    assert dict(zip(queries.tolist(), objects.tolist(), strict=True)) == {0: 1, 2: 0}


@pytest.mark.parametrize("better", [0, 1, 2])
def test_of_equal_masks_the_query_with_the_higher_score_is_matched(better):
    scores = [0.5 if query == better else 0.0 for query in range(3)]
    ((queries, objects),) = match_queries(layer([LEFT, LEFT, LEFT], scores), [LEFT[None]])
    assert (queries.tolist(), objects.tolist()) == ([better], [0])


def test_right_masks_and_classes_cost_nothing():
    losses = extractor_losses([layer([LEFT, RIGHT], [SURE, -SURE])], [LEFT[None]])
    assert {name: value.item() for name, value in losses.items()} == pytest.approx(
        {"loss": 0, "class": 0, "bce": 0, "dice": 0}, abs=1e-4
    )


def test_losses_have_mask2former_s_weights():
    """Two queries without a preference: cross-entropy ln 2 for "object" and "no object", BCE 0, Dice 0."""
    losses = extractor_losses([layer([LEFT, RIGHT], [0.0, 0.0])], [LEFT[None]])
    assert losses["class"].item() == pytest.approx(math.log(2))
    assert losses["loss"].item() == pytest.approx(2 * math.log(2), abs=1e-4)
    losses = extractor_losses([layer([1 - LEFT], [SURE])], [LEFT[None]])
    assert losses["bce"].item() == pytest.approx(SURE)
    assert losses["loss"].item() == pytest.approx(5 * SURE + 5 * losses["dice"].item(), rel=1e-5)


def test_no_object_has_a_tenth_of_the_weight_of_an_object():
    """The weighted mean of cross-entropy: both queries are certain of "object", one of them is right."""
    losses = extractor_losses([layer([LEFT, RIGHT], [SURE, SURE])], [LEFT[None]])
    expected = F.cross_entropy(torch.tensor([[SURE, 0.0]] * 2), torch.tensor([0, 1]), torch.tensor([1.0, 0.1]))
    assert losses["class"].item() == pytest.approx(0.1 * SURE / 1.1) == pytest.approx(expected.item())


def test_every_layer_is_supervised():
    one = layer([LEFT, RIGHT], [0.3, -0.2])
    single, triple = extractor_losses([one], [RIGHT[None]]), extractor_losses([one] * 3, [RIGHT[None]])
    for name, value in single.items():
        assert triple[name].item() == pytest.approx(3 * value.item())
    wrong_first = extractor_losses([layer([1 - RIGHT, LEFT], [0.0, 0.0]), one], [RIGHT[None]])
    assert wrong_first["loss"] > extractor_losses([one, one], [RIGHT[None]])["loss"]


def test_frames_without_objects_train_classes_only():
    losses = extractor_losses([layer([LEFT], [0.0])], [torch.zeros(0, 4, 4)])
    assert losses["class"].item() == pytest.approx(math.log(2))
    assert losses["bce"] == losses["dice"] == 0


def test_label_maps_become_one_mask_per_visible_object():
    labels = torch.tensor([[[0, 3], [1, 1]], [[0, 0], [0, 0]]])
    masks = object_masks(labels)
    assert masks[0].tolist() == [[[0, 0], [1, 1]], [[0, 1], [0, 0]]]
    assert masks[1].shape == (0, 2, 2)


def test_sampled_frames_are_mirrored_with_their_labels():
    """Column 0 of every frame is white and labeled, so that a mirrored frame has both in its last column."""
    frames, labels = np.zeros((8, 2, 4, 3), np.uint8), np.zeros((8, 2, 4), np.uint8)
    frames[:, :, 0], labels[:, :, 0] = 200, 1
    cache = SimpleNamespace(frames=frames, labels=labels)
    images, maps = sample_frames(cache, 8, np.random.default_rng(0), "cpu")
    assert torch.equal(images[:, 0] > 0, maps > 0)
    assert {int(row.argmax()) for row in maps[:, 0]} == {0, 3}
    assert images.max() <= 255


def test_evaluation_counts_matched_queries():
    """One object, found by query 0; query 1 is a false positive: IoU 1, recall 1, precision 1/2."""
    frames, labels = np.zeros((1, 4, 4, 3), np.uint8), LEFT[None].numpy().astype(np.uint8)
    cache = SimpleNamespace(frames=frames, labels=labels)
    outputs = layer([LEFT, RIGHT], [SURE, SURE])
    metrics = evaluate_masks(lambda images: [outputs], cache, 5, 0, "cpu")
    assert metrics == {"iou": 1.0, "recall": 1.0, "precision": 0.5}
