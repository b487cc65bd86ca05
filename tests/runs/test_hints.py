"""Inverted masks and tracks one frame late are scored, with a hint; right and merely bad predictions have none."""

from pathlib import Path

import numpy as np
import pytest

from mevis_bench.runs.score import score_run
from tests.fixtures import drawn_split
from tests.fixtures.drawn_split import FolderVideo


def clip(step: int) -> np.ndarray:
    """A square of 4 x 4 pixels that moves to the right by ``step`` pixels a frame."""
    masks = np.zeros((8, 20, 40), bool)
    for t in range(8):
        masks[t, 3:7, 2 + step * t : 6 + step * t] = True
    return masks


@pytest.fixture
def split(tmp_path: Path) -> Path:
    return drawn_split.write_split(tmp_path / "split", {"v": FolderVideo({"1": clip(4)}, {"0": ["1"], "1": []})})


@pytest.mark.parametrize(
    ("masks", "hint"),
    [
        (~clip(4), "the masks may be inverted: 98 % of the pixels are foreground; on 1 samples J is 0.0, that of the"),
        (clip(4), None),
        (np.ones((8, 20, 40), bool), None),
        (np.zeros((8, 20, 40), bool), None),
    ],
)
def test_inverted_masks_are_scored_with_a_hint(
    split: Path, tmp_path: Path, masks: np.ndarray, hint: str | None
) -> None:
    predictions = drawn_split.write_json(tmp_path / "p.json", {"v": {"0": masks, "1": np.zeros((8, 20, 40), bool)}})
    scored = score_run(predictions, data=split, out=tmp_path / "out")
    assert scored.results.counts["scored"] == 2
    assert [note[: len(hint or "")] for note in scored.notes] == ([] if hint is None else [hint])


@pytest.mark.parametrize(("late", "hint"), [(1, "one frame earlier"), (-1, "one frame later"), (0, None), (3, None)])
def test_tracks_one_frame_off_are_scored_with_a_hint(split: Path, tmp_path: Path, late: int, hint: str | None) -> None:
    folder = tmp_path / "tracks" / "v"
    folder.mkdir(parents=True)
    lines = [f"{t + late + 1},1,{2 + 4 * t},3,4,4\n" for t in range(8) if 0 <= t + late < 8]
    (folder / "0.txt").write_text("".join(lines))
    (folder / "1.txt").write_text("")
    scored = score_run(folder.parent, data=split, task="rmot", out=tmp_path / "out")
    found = [note for note in scored.notes if "shifted" in note]
    assert len(found) == (hint is not None)
    assert hint is None or hint in found[0]
