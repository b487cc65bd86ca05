"""Captioners in training are evaluated by METEOR and CIDEr, and end with the weights of the best CIDEr."""

import json

import pytest
from safetensors.torch import load_file

from mevis_bench.records import ExitCode, MevisBenchError
from tests.baselines.overfit import Case

CAPTIONS = ("steps=4", "batch_size=2", "sentences=1", "warm_up=0", "save_every=2", "evaluate_every=2", "val_videos=2")
CASE = Case("cen", (*CAPTIONS, "flip=0.0"), {"frames": 2, "beams": 1, "max_new_tokens": 4}, "scratch")


@pytest.mark.java
def test_the_best_evaluation_is_kept(tmp_path, monkeypatch):
    values = iter([0.8, 0.3])
    evaluated = []

    def scored(self, method, videos):
        scores = found(self, method, videos)
        evaluated.append((videos, sorted(scores)))
        return {**scores, "CIDEr": next(values)} if videos else scores

    from mevis_bench.runs.validation import Validation

    found = Validation.__call__
    monkeypatch.setattr(Validation, "__call__", scored)
    weights = CASE.train(tmp_path / "out")
    assert evaluated == [(0, []), *[(2, ["CIDEr", "METEOR", "repeated"])] * 2]
    points = json.loads((tmp_path / "out" / "curves" / "captions.json").read_text())["evaluations"]
    assert [(point["step"], point["CIDEr"]) for point in points] == [(2, 0.8), (4, 0.3)]
    assert all(0 <= point["METEOR"] <= 1 and point["loss"] > 0 for point in points)
    best = load_file(tmp_path / "out" / "checkpoints" / "captions.best.safetensors")
    last = load_file(tmp_path / "out" / "checkpoints" / "captions.safetensors")
    written = load_file(weights)
    name = "cen.decoder.cls.predictions.transform.dense.bias"
    assert (written[name] == best[f"model.{name}"]).all()
    assert not (written[name] == last[f"model.{name}"]).all()


def test_a_training_without_java_stops_before_its_first_step(tmp_path, monkeypatch):
    monkeypatch.setattr("mevis_bench.metrics.java.find_java", lambda: None)
    with pytest.raises(MevisBenchError, match="no Java was found") as caught:
        CASE.train(tmp_path / "out")
    assert caught.value.exit_code == ExitCode.NOTHING_MEASURED
    assert not (tmp_path / "out" / "checkpoints").exists()
    CASE.train(tmp_path / "out", "val_videos=0")
