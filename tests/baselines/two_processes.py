"""Trainings of three steps that torchrun can start: ``SCRIPT FOLDER`` trains every case in ``FOLDER/<name>``."""

import json
import sys
from pathlib import Path

import pytest
from torch import nn

from tests.baselines.overfit import Case, write_two_clips
from tests.baselines.tiny_trainings import query_case, shrink_networks, tracker_case, window_case

_CAPTIONS = ("steps=3", "batch_size=2", "sentences=2", "warm_up=0", "flip=0.0")
CASES = {
    "mttr": window_case("mttr", "steps=3", variant="scratch"),
    "referformer": query_case("referformer", "steps=3", variant="scratch"),
    "transrmot": tracker_case("transrmot", "steps=3", "batch_size=2", "losses.random_drop=0.0", "losses.fp_ratio=0.0"),
    "git": Case("git", (*_CAPTIONS, "word_steps=0"), {}, "scratch"),
    "cen": Case("cen", _CAPTIONS, {"frames": 2}, "scratch"),
}
"""Clip methods, a tracker and captioners; none draws random points, masks words or has batch norms."""


def prepare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make networks tiny, without dropout: random numbers of one batch of two are not those of two batches of one."""
    shrink_networks(monkeypatch)
    start = nn.Dropout.__init__
    monkeypatch.setattr(nn.Dropout, "__init__", lambda self, p=0.5, inplace=False: start(self, 0.0, inplace))


def write_uneven_clips(root: Path) -> None:
    """Write the two clips with sentences of different lengths, one more for the second, so that processes differ."""
    path = write_two_clips(root) / "meta_expressions_v2.json"
    meta = json.loads(path.read_text())
    first, second = (meta["videos"][name]["expressions"] for name in ("va", "vb"))
    first["1"]["exp"] += " that moves"
    second["0"]["exp"] += " that is moving over to the left"
    second["1"]["exp"] += " which starts at the right and goes on until it leaves the picture"
    second["2"] = {**second["1"], "exp": "the other one"}
    path.write_text(json.dumps(meta))


def main() -> None:
    folder = Path(sys.argv[1])
    with pytest.MonkeyPatch.context() as monkeypatch:
        prepare(monkeypatch)
        for name, case in CASES.items():
            case.fit(folder / name)


if __name__ == "__main__":
    main()
