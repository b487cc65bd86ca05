"""Splits that trainings generate and share."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mevis_bench.data import synthetic
from mevis_bench.runs import train
from mevis_bench.schemas.train_config import MiniData


def test_trainings_that_start_together_make_a_split_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    made, second = list[str](), threading.Event()

    def slow_make_mini(name: str, *args: Any, **options: Any) -> Path:
        made.append(name)
        second.wait(0.5)  # without a lock, the other training gets here too
        second.set()
        return synthetic.make_mini(name, *args, **options)

    monkeypatch.setattr(train, "make_mini", slow_make_mini)

    def open_split(_: int) -> int:
        return len(train.mini_split("train", MiniData(1, 1, 0, 1), lambda *_: None).video_ids)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(open_split, range(2))) == [1, 1]
    assert made == ["train"]
