"""Methods with queries give all of them as candidates, of which the best is the prediction itself."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inference.query_outputs import QueryOutputs, all_queries, best_query, query_masks
from mevis_bench.cli.app import main
from mevis_bench.data.registry import make_fixture, open_dataset
from mevis_bench.files.tree import Folder
from mevis_bench.records import UsageError
from mevis_bench.store.formats.run_folder_lines import RunPredictions
from mevis_bench.store.prediction_lines import StoredMasks, decode_masks


def test_candidates_are_stored_and_the_best_is_the_prediction(tmp_path: Path) -> None:
    root = tmp_path / "data"
    make_fixture("a2d_sentences", root)
    small = [word for option in ("size=mini", "short=32", "longest=64") for word in ("--set", f"method.{option}")]
    command = ["run", "--task", "rvos", "--method", "mttr:video-swin-t-a2d", "--weights", "untrained", "--limit", "1"]
    assert main([*command, *small, "--device", "cpu", "--data", str(root), "--out", str(tmp_path / "run")]) == 0
    (video_id,) = open_dataset(root).video_ids[:1]
    stored, _ = RunPredictions(Folder(tmp_path / "run/predictions")).stored(video_id, "0")
    assert isinstance(stored, StoredMasks)
    prediction = decode_masks(stored)
    assert prediction.candidates is not None
    assert len(prediction.candidates) > 1
    masks, score = max(prediction.candidates, key=lambda candidate: candidate[1])
    assert np.array_equal(masks, prediction.masks)
    assert score == pytest.approx(prediction.target_score)


def test_a_method_with_one_answer_refuses_the_option() -> None:
    model = SimpleNamespace(network=torch.nn.Identity())
    with pytest.raises(UsageError, match="this method has one answer, not several candidates"):
        ClipSegmenter(model, ClipSettings(32, None, "consecutive", "float32", candidates=True), "cpu")


def test_all_queries_have_their_mean_probability_and_masks() -> None:
    generator = torch.Generator().manual_seed(0)
    outputs = [
        QueryOutputs(*(torch.randn(*shape, generator=generator) for shape in ((t, 3), (t, 3, 4), (t, 3, 2, 2))))
        for t in (2, 1)
    ]
    found = list(all_queries(outputs, (4, 6)))
    for query, (masks, score) in enumerate(found):
        assert score == pytest.approx(torch.cat([output.logits for output in outputs])[:, query].sigmoid().mean())
        assert all(
            torch.equal(mask, query_masks(output, query, (4, 6))) for mask, output in zip(masks, outputs, strict=True)
        )
    best, score = best_query(torch.cat([output.logits for output in outputs]))
    assert max(range(3), key=lambda query: found[query][1]) == best
    assert found[best][1] == pytest.approx(score)
