import json

import numpy as np
import pytest
from pycocotools import mask as coco

from mevis_bench.cli.app import main
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic.make import make_mini
from mevis_bench.records import NothingMeasuredError
from mevis_bench.reports.order_consistency import count_order_pairs


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_mini("valid_u", 4, 5, tmp_path_factory.mktemp("split"))


def pairs(split):
    """(video, expression, its objects, its partner's objects) for every sentence that has a partner."""
    found = []
    for video_id in split.video_ids:
        ground_truths = {ground_truth.expression.id: ground_truth for ground_truth in split.ground_truths(video_id)}
        for ground_truth in ground_truths.values():
            if ground_truth.expression.order_pair is not None:
                found.append(
                    (
                        video_id,
                        ground_truth.expression.id,
                        ground_truth.objects,
                        ground_truths[ground_truth.expression.order_pair].objects,
                    )
                )
    return found


def predictions(split, folder, choose):
    """Write a JSON file with the masks ``choose(i, own, partner)`` for sentence i of all pairs."""
    layout = {}
    for i, (video_id, expression_id, own, partner) in enumerate(pairs(split)):
        (masks,) = choose(i, own, partner)
        blank = coco.encode(np.zeros((144, 256), np.uint8, order="F"))
        layout.setdefault(video_id, {})[expression_id] = [
            {"size": [144, 256], "counts": (m.counts if m is not None else blank["counts"]).decode()} for m in masks
        ]
    path = folder / "predictions.json"
    path.write_text(json.dumps(layout))
    return path


def test_pairs_point_at_each_other(root):
    split = open_dataset(root.parent, "valid_u")
    for video_id in split.video_ids:
        partner = {e.id: e.order_pair for e in split.expressions(video_id)}
        assert all(partner[other] == one for one, other in partner.items() if other is not None)
    assert len(pairs(split)) >= 4


def test_right_and_wrong_predictions_are_counted(root, tmp_path):
    split = open_dataset(root.parent, "valid_u")
    number = len(pairs(split))
    path = predictions(split, tmp_path, lambda i, own, partner: own if i else partner)
    counted = count_order_pairs(path, split)
    assert (counted.sentences, counted.right, counted.wrong, counted.neither) == (number, number - 1, 1, 0)
    assert counted.share == (number - 1) / number


def test_an_empty_prediction_is_neither(root, tmp_path):
    split = open_dataset(root.parent, "valid_u")
    path = predictions(split, tmp_path, lambda i, own, partner: ([None] * 16,))
    counted = count_order_pairs(path, split)
    assert (counted.right, counted.wrong, counted.neither) == (0, 0, counted.sentences)


def test_predictions_without_pairs_are_an_error(root, tmp_path):
    path = tmp_path / "predictions.json"
    blank = coco.encode(np.zeros((144, 256), np.uint8, order="F"))
    split = open_dataset(root.parent, "valid_u")
    video_id = split.video_ids[0]
    lonely = next(e.id for e in split.expressions(video_id) if e.order_pair is None)
    rle = {"size": [144, 256], "counts": blank["counts"].decode()}
    path.write_text(json.dumps({video_id: {lonely: [rle] * 16}}))
    with pytest.raises(NothingMeasuredError, match="no predicted sentence belongs to an order pair"):
        count_order_pairs(path, split)


def test_the_command_prints_the_share(root, tmp_path, capsys):
    split = open_dataset(root.parent, "valid_u")
    path = predictions(split, tmp_path, lambda i, own, partner: own)
    main(["pairs", str(path), "--data", str(root.parent)])
    number = len(pairs(split))
    assert f"Order pairs: {number} of {number} sentences right (100.0 %)" in capsys.readouterr().out
